//! The clock readings of a message on its way, and what they come to.
//!
//! A read costs three or four looks at the clock, a message of a client two, one of a feed four. What a message took is recorded
//! when the next is asked for, so that recording counts as the caller's time, not as a stage's.

use super::recorder::{Stages, record};
use crate::clock;
use crate::transport::Transport;
use std::time::{Duration, Instant};

/// When the latest read of a socket returned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadMark(Option<Instant>);

impl ReadMark {
    pub(crate) fn new() -> Self {
        Self(None)
    }

    #[inline]
    pub(crate) fn returned(&mut self) {
        self.0 = Some(clock::now());
    }

    pub(crate) fn at(self) -> Option<Instant> {
        self.0
    }
}

/// The clock of a client.
#[derive(Debug)]
pub(crate) struct Laps {
    /// When a message was asked for last.
    asked: Instant,
    batch: Batch,
    /// A message that was found, until it is recorded.
    found: Option<Lap>,
    /// There once a message was asked for behind another, which no feed does.
    stages: Option<Box<Stages>>,
}

/// What the latest read brought, and how long that took.
#[derive(Debug, Clone, Copy)]
struct Batch {
    read: Option<Duration>,
    decrypted: Option<Duration>,
    /// What it waited for before it was opened: records that had no room yet.
    held: Duration,
    opened: Instant,
}

/// How long a message took until it was found.
#[derive(Debug, Clone, Copy)]
struct Lap {
    batch: Batch,
    queued: Duration,
    parsed: Duration,
    found: Instant,
}

impl Laps {
    pub(crate) fn new() -> Self {
        let now = clock::now();
        let batch = Batch { read: None, decrypted: None, held: Duration::ZERO, opened: now };
        Self { asked: now, batch, found: None, stages: None }
    }

    /// The next message is looked for.
    #[inline]
    pub(crate) fn asked(&mut self) {
        if self.found.is_some() {
            self.settle();
        }
        self.asked = clock::now();
    }

    /// A read has put bytes into the receive buffer.
    pub(crate) fn opened(&mut self, transport: &impl Transport) {
        let returned = transport.read_at();
        let kernel_ns = transport.kernel_ns();
        // Side by side, so that the one stands for the other.
        let (unix_ns, opened) = (kernel_ns.map(|_| clock::unix_ns()), clock::now());
        let since = |returned: Instant| opened.saturating_duration_since(returned);
        let read = |returned: Instant| {
            let after = Duration::from_nanos(unix_ns?.saturating_sub(kernel_ns?));
            Some(after.saturating_sub(since(returned)))
        };
        self.batch = Batch {
            read: returned.and_then(read),
            // The socket was not read for what had been read before, and is opened only now.
            decrypted: returned.map(|returned| since(returned.max(self.asked))),
            held: returned.map_or(Duration::ZERO, |returned| self.asked.saturating_duration_since(returned)),
            opened,
        };
    }

    /// A whole message is there.
    #[inline]
    pub(crate) fn found(&mut self) {
        let found = clock::now();
        let Self { asked, batch, .. } = *self;
        let begun = asked.max(batch.opened);
        let queued = batch.held + begun.saturating_duration_since(batch.opened);
        let parsed = found.saturating_duration_since(begun);
        self.found = Some(Lap { batch, queued, parsed, found });
    }

    /// What the messages took, the last one that was found included.
    pub(crate) fn stages(&mut self) -> &Stages {
        self.settle()
    }

    fn settle(&mut self) -> &Stages {
        let stages = self.stages.get_or_insert_with(|| Box::new(Stages::new()));
        if let Some(lap) = self.found.take() {
            lap.record(stages);
        }
        stages
    }
}

impl Lap {
    fn record(self, stages: &mut Stages) {
        if let Some(read) = self.batch.read {
            record(&mut stages.read_ns, read);
        }
        if let Some(decrypted) = self.batch.decrypted {
            record(&mut stages.decrypted_ns, decrypted);
        }
        record(&mut stages.queued_ns, self.queued);
        record(&mut stages.parsed_ns, self.parsed);
    }
}

/// The clock of a feed: one for all its clients.
#[derive(Debug)]
pub(crate) struct FeedLaps {
    /// A message that no event was returned of.
    decoded: Option<(Lap, Instant)>,
    stages: Box<Stages>,
}

impl FeedLaps {
    pub(crate) fn new() -> Self {
        Self { decoded: None, stages: Box::new(Stages::new()) }
    }

    /// The session has read the message that the client has found.
    #[inline]
    pub(crate) fn decoded(&mut self, client: &mut Laps) {
        self.settle();
        self.decoded = client.found.take().map(|lap| (lap, clock::now()));
    }

    /// An event is returned to the caller.
    #[inline]
    pub(crate) fn delivered(&mut self) {
        if let Some((_, decoded)) = self.decoded {
            let span = clock::now().saturating_duration_since(decoded);
            self.settle();
            record(&mut self.stages.delivered_ns, span);
        }
    }

    /// What the messages took, the last one that was read included.
    pub(crate) fn stages(&mut self) -> &Stages {
        self.settle();
        &self.stages
    }

    fn settle(&mut self) {
        if let Some((lap, decoded)) = self.decoded.take() {
            lap.record(&mut self.stages);
            record(&mut self.stages.decoded_ns, decoded.saturating_duration_since(lap.found));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::fake;

    #[test]
    fn what_lies_between_the_question_and_the_answer_is_the_parser() {
        fake::start();
        let mut laps = Laps::new();
        for parsed in [9, 4] {
            fake::pass(100);
            laps.asked();
            fake::pass(parsed);
            laps.found();
        }
        let parsed = &laps.stages().parsed_ns;
        assert_eq!((parsed.len(), parsed.min(), parsed.max()), (2, 4, 9));
    }
}
