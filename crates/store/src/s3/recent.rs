//! What was made a moment ago and is asked for again.

use std::sync::{Arc, Mutex, PoisonError};

/// How many are kept. In one second, lifetimes of uploads and of downloads and the start of a bucket's window make a
/// few; midnight makes two keys.
const KEPT: usize = 4;

/// The latest few values, the one that was asked for last in front.
pub(super) struct Recent<T>(Mutex<Vec<Arc<T>>>);

impl<T> Recent<T> {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// The value that fits, or a new one, which takes the place of the one that was not asked for longest.
    pub(super) fn get_or_make<E>(
        &self,
        fits: impl Fn(&T) -> bool,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        // Values are replaced whole, so what a panicking thread left behind is still good.
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.iter().position(|value| fits(value)) {
            Some(at) => kept[..=at].rotate_right(1),
            None => {
                let made = Arc::new(make()?);
                kept.truncate(KEPT - 1);
                kept.insert(0, made);
            }
        }
        Ok(Arc::clone(&kept[0]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_what_was_not_asked_for_longest_goes() {
        let recent = Recent::new();
        let mut made = Vec::new();
        let mut ask = |wanted: u32| {
            let value = recent.get_or_make(
                |kept| *kept == wanted,
                || {
                    made.push(wanted);
                    Ok::<_, ()>(wanted)
                },
            );
            assert_eq!(*value.unwrap(), wanted);
        };
        // 1 is asked for again and again, so that 2 is the one that makes room for 5.
        for wanted in [1, 2, 3, 1, 4, 1, 5, 1, 3, 4, 5, 2] {
            ask(wanted);
        }
        assert_eq!(made, [1, 2, 3, 4, 5, 2]);
    }

    #[test]
    fn what_cannot_be_made_is_not_kept() {
        let recent = Recent::<u32>::new();
        assert_eq!(recent.get_or_make(|_| true, || Err("no")), Err("no"));
        assert_eq!(
            recent.get_or_make(|_| true, || Ok::<_, ()>(1)),
            Ok(1.into())
        );
    }
}
