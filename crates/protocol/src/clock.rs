//! Where time comes from: a port, so that a test decides what time it is.

use jiff::Timestamp;

/// Tells the time. One adapter asks the machine; tests bring their own.
pub trait Clock: Send + Sync + 'static {
    /// This instant, in whole milliseconds, as the catalog keeps them.
    fn now(&self) -> Timestamp;
}
