//! One connection: who it is signed in as, whether the venue is heard, and what it is to answer.

use std::time::{Duration, Instant};

use super::{
    auth::{Account, SignIn},
    wire::Id,
};
use crate::{event::Request, patience::Patience, subscriptions::Group};

/// An answer to a test request is one to those that come so soon after it, too.
const TEST_PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Leg {
    pub(super) sign_in: SignIn,
    pub(super) heart: Heart,
    asked: Vec<Asked>,
    pub(super) patience: Patience,
    /// When a test request was answered last.
    tested: Option<Instant>,
    /// When the venue was heard last; `None` when its silence was told.
    heard: Option<Instant>,
}

/// A request that an answer is awaited to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) id: u64,
    pub(super) what: What,
    pub(super) until: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Heartbeat,
    SignIn,
    /// Channels of a group.
    Subscribe(Group),
    Unsubscribe,
    /// The answer to a test request of the venue's.
    Test,
}

/// Whether the venue sends heartbeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heart {
    /// They are to be asked for, not before this time.
    Due(Instant),
    Asked,
    /// It does, or refused to.
    Settled,
}

impl Leg {
    /// A new connection.
    pub(super) fn new(account: &Account, now: Instant) -> Self {
        Self {
            sign_in: SignIn::new(account, now),
            heart: Heart::Due(now),
            asked: Vec::new(),
            patience: Patience::default(),
            tested: None,
            heard: Some(now),
        }
    }

    /// Something arrived. Whether it ends a silence that was told.
    #[inline]
    pub(super) fn on_heard(&mut self, now: Instant) -> bool {
        self.heard.replace(now).is_none()
    }

    /// The venue wants to hear from us; whether it is to be answered.
    pub(super) fn on_test_request(&mut self, now: Instant) -> bool {
        let is_due = self.tested.is_none_or(|tested| now >= tested + TEST_PAUSE);
        if is_due {
            self.tested = Some(now);
        }
        is_due
    }

    /// When the venue has been silent for so long.
    pub(super) fn silent_at(&self, silence: Duration) -> Option<Instant> {
        Some(self.heard? + silence)
    }

    /// Whether the venue has been silent for so long, which was not told yet.
    pub(super) fn is_silent(&mut self, silence: Duration, now: Instant) -> bool {
        self.heard.take_if(|heard| *heard + silence <= now).is_some()
    }

    /// A request leaves.
    pub(super) fn begin(&mut self, asked: Asked) {
        self.asked.push(asked);
    }

    /// A request does not leave after all.
    pub(super) fn forget(&mut self, id: u64) {
        self.asked.retain(|asked| asked.id != id);
    }

    /// The request that an answer is to. Ours have numbers.
    pub(super) fn take(&mut self, id: Id<'_>) -> Option<Asked> {
        let Id::Number(id) = id else { return None };
        let at = self.asked.iter().position(|asked| i64::try_from(asked.id) == Ok(id))?;
        Some(self.asked.swap_remove(at))
    }

    /// The requests that are overdue, which nobody waits for any more.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<Asked> {
        let (overdue, asked) = self.asked.iter().partition::<Vec<_>, _>(|asked| asked.until <= now);
        if !overdue.is_empty() {
            self.asked = asked;
        }
        overdue
    }

    /// Requests that are not answered.
    pub(super) fn asked(&self) -> impl Iterator<Item = &Asked> {
        self.asked.iter()
    }
}

impl What {
    pub(super) fn request(self) -> Request {
        match self {
            Self::Heartbeat | Self::Test => Request::Heartbeat,
            Self::SignIn => Request::SignIn,
            Self::Subscribe(_) => Request::Subscribe,
            Self::Unsubscribe => Request::Unsubscribe,
        }
    }
}
