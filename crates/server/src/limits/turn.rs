//! A request's turn: it may be given back for a while, so that clients who send slowly take nobody's place meanwhile.

use std::sync::{Arc, Mutex, PoisonError};

use valetkey_protocol::Problem;

use super::layer::Limits;
use super::queue::Place;

/// The turn of one request, shared by the door and whoever reads the body.
#[derive(Clone)]
pub(crate) struct Turn {
    limits: Arc<Limits>,
    place: Arc<Mutex<Option<Place>>>,
}

impl Turn {
    /// Waits in line.
    ///
    /// # Errors
    /// The line is too long, or does not move.
    pub(crate) async fn wait(limits: &Arc<Limits>) -> Result<Self, Problem> {
        let turn = Self {
            limits: Arc::clone(limits),
            place: Arc::default(),
        };
        turn.resume().await?;
        Ok(turn)
    }

    /// Gives the place to somebody else.
    pub(crate) fn pause(&self) {
        self.put(None);
    }

    /// Waits in line again.
    ///
    /// # Errors
    /// As for the first time; nothing was done.
    pub(crate) async fn resume(&self) -> Result<(), Problem> {
        let place = self.limits.place().await?;
        self.put(Some(place));
        Ok(())
    }

    fn put(&self, place: Option<Place>) {
        let mut held = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        *held = place;
    }
}
