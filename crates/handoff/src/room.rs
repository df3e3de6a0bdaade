//! What a reader waits for that has a message and no room for it.

use crate::sync::{Condvar, Mutex, lock};
use crate::waker::Waker;

/// Told by consumers that have made room, or are gone.
#[derive(Debug)]
pub(crate) struct Room {
    is_made: Mutex<bool>,
    made: Condvar,
    wake: Option<Waker>,
}

impl Room {
    pub(crate) fn new(wake: Option<Waker>) -> Self {
        Self { is_made: Mutex::new(false), made: Condvar::new(), wake }
    }

    pub(crate) fn make(&self) {
        *lock(&self.is_made) = true;
        self.made.notify_one();
        if let Some(wake) = &self.wake {
            wake.wake();
        }
    }

    /// Waits until there may be room; what was told before counts.
    pub(crate) fn wait(&self) {
        let mut is_made = lock(&self.is_made);
        while !*is_made {
            is_made = self.made.wait(is_made).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        *is_made = false;
    }
}
