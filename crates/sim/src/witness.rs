//! What a venue publishes, kept as a client on a perfect network would receive it.

use std::collections::BTreeSet;
use std::sync::Arc;
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
pub(crate) struct Witness {
    observed: BTreeSet<Arc<str>>,
    seen: Vec<Witnessed>,
}

impl Witness {
    /// From now on these streams are kept, and no others.
    pub(crate) fn observe<'a>(&mut self, streams: impl IntoIterator<Item = &'a str>) {
        self.observed = streams.into_iter().map(Arc::from).collect();
    }

    /// Keeps a message if its stream is observed; whether it is.
    pub(crate) fn see(&mut self, stream: &str, write: &dyn Fn(Form) -> String, now: Now) -> bool {
        let Some(stream) = self.observed.get(stream) else {
            return false;
        };
        let (at, stream) = (now.instant, Arc::clone(stream));
        self.seen.push(Witnessed { at, stream, text: write(FORM) });
        true
    }

    /// What was kept since the last time.
    pub(crate) fn take(&mut self) -> Vec<Witnessed> {
        std::mem::take(&mut self.seen)
    }
}
