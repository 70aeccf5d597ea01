//! `/v1/uploads`

mod abort;
mod batch;
mod complete;
mod create;
mod parts;
