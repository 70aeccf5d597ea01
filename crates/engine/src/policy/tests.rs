//! Decisions, row by row, of the built-in policies and of those in `examples/policies`.

mod built_in;
mod examples;
mod faults;
mod index;
mod table;
