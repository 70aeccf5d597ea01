//! Telling somebody how far the bytes are.

/// Hears about bytes as they move; called often and from any thread, so it should be quick.
pub trait Progress: Send + Sync + 'static {
    /// So many more bytes are on their way or there.
    fn moved(&self, bytes: u64);
    /// So many bytes that had moved must move again.
    fn lost(&self, bytes: u64);
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn moved(&self, _bytes: u64) {}
    fn lost(&self, _bytes: u64) {}
}
