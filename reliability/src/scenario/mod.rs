//! The promises, one file each, and how they are put to the test.

pub mod chance;
pub mod engine;
pub mod histories;
pub mod kills;
pub mod order;
pub mod orphans;
pub mod races;
pub mod script;
pub mod storage;
pub mod swaps;
