//! The promises, one file each, and how they are put to the test.

pub mod kills;
pub mod script;
