//! What a venue publishes, kept as a client on a perfect network would receive it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::clock::Now;
use crate::publisher::Form;

/// One published message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witnessed {
    /// When it was published.
    pub at: Instant,
    /// The stream or channel.
    pub stream: Arc<str>,
    /// Its payload without the wrapping of combined streams; at Deribit the whole notification.
    pub text: String,
}

/// What is asked for of payloads.
const FORM: Form = Form { combined: false, microseconds: false };

#[derive(Debug, Default)]
struct Kept {
    observed: BTreeSet<Arc<str>>,
    seen: Vec<Witnessed>,
}

/// Written by who runs the venue, read by who owns it, on another thread where it is a server's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Witness(Arc<Mutex<Kept>>);

impl Witness {
    /// From now on these streams are kept, and no others.
    pub(crate) fn observe<'a>(&self, streams: impl IntoIterator<Item = &'a str>) {
        self.lock().observed = streams.into_iter().map(Arc::from).collect();
    }

    /// Keeps a message if its stream is observed; whether it is.
    pub(crate) fn see(&self, stream: &str, write: &dyn Fn(Form) -> String, now: Now) -> bool {
        let mut kept = self.lock();
        let Some(stream) = kept.observed.get(stream) else {
            return false;
        };
        let (at, stream) = (now.instant, Arc::clone(stream));
        kept.seen.push(Witnessed { at, stream, text: write(FORM) });
        true
    }

    /// What was kept since the last time.
    pub(crate) fn take(&self) -> Vec<Witnessed> {
        std::mem::take(&mut self.lock().seen)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // A thread that panicked while it held the lock left whole messages.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
