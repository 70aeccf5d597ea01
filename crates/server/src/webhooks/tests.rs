//! What is sent, and where it never goes.
