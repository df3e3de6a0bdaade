//! Signing in on one connection to the WebSocket API, for the events of an account.
//!
//! ```text
//!    open                          ok                      ok
//!   ──────► Due(Logon) ─► Asked ──────► Due(Subscribe) ─► Asked ──────► Done
//!    a key that cannot log on ────────────────▲  ▲          │             │
//!               no answer, or not now: Due again │   stream terminated ───┘
//!                                                refused: Refused
//! ```

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{payload::payload, wire::Refusal};
use crate::{
    event::Outcome,
    pace::Backoff,
    session::Now,
    sign::{Algorithm, Credentials, SignError},
};

/// What is done about one account.
#[derive(Debug)]
pub(super) struct Account {
    credentials: Arc<Credentials>,
    state: State,
    backoff: Backoff,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Due(Step, Instant),
    Asked { step: Step, id: u64, until: Instant },
    Done,
    Refused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Logon,
    Subscribe,
}

impl Account {
    /// On a connection that is open.
    pub(super) fn new(credentials: Arc<Credentials>, now: Instant) -> Self {
        let backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(60));
        let mut account = Self { credentials, state: State::Refused, backoff };
        account.state = State::Due(account.first(), now);
        account
    }

    /// Whether it is signed in, or never will be.
    pub(super) fn is_settled(&self) -> bool {
        matches!(self.state, State::Done | State::Refused)
    }

    /// Only these keys can log a connection on; others sign the subscription itself.
    fn first(&self) -> Step {
        if self.credentials.key.algorithm() == Algorithm::Ed25519 { Step::Logon } else { Step::Subscribe }
    }

    /// When there is something to do without a message.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Due(_, at) => Some(at),
            State::Asked { until, .. } => Some(until),
            State::Done | State::Refused => None,
        }
    }

    /// Gives up waiting for an answer that is overdue; whether it was.
    pub(super) fn expire(&mut self, now: Instant) -> bool {
        let overdue = matches!(self.state, State::Asked { until, .. } if until <= now);
        if overdue {
            self.state = State::Due(self.first(), now);
        }
        overdue
    }

    /// The request that is due, if one is.
    pub(super) fn request(
        &mut self,
        id: u64,
        unix_ms: u64,
        now: Instant,
        until: Instant,
    ) -> Option<Result<String, SignError>> {
        let State::Due(step, at) = self.state else { return None };
        if at > now {
            return None;
        }
        let text = match (step, self.first()) {
            (Step::Logon, _) => self.signed(id, "session.logon", unix_ms),
            (Step::Subscribe, Step::Logon) => {
                Ok(format!(r#"{{"id":{id},"method":"userDataStream.subscribe"}}"#))
            }
            (Step::Subscribe, Step::Subscribe) => {
                self.signed(id, "userDataStream.subscribe.signature", unix_ms)
            }
        };
        self.state = if text.is_ok() { State::Asked { step, id, until } } else { State::Refused };
        Some(text)
    }

    fn signed(&self, id: u64, method: &str, unix_ms: u64) -> Result<String, SignError> {
        let Credentials { api_key, key } = &*self.credentials;
        let (api_key, timestamp) = (api_key.as_str(), unix_ms.to_string());
        let signature = key.sign(&payload(&[("apiKey", api_key), ("timestamp", &timestamp)]))?;
        // Keys and signatures are of visible ASCII without quotes or backslashes.
        Ok(format!(
            r#"{{"id":{id},"method":"{method}","params":{{"apiKey":"{api_key}","timestamp":{timestamp},"signature":"{signature}"}}}}"#
        ))
    }

    pub(super) fn asked(&self, id: u64) -> bool {
        matches!(self.state, State::Asked { id: asked, .. } if asked == id)
    }

    /// The venue agreed; whether that is all there is to do.
    pub(super) fn on_done(&mut self, now: Instant) -> bool {
        let State::Asked { step, .. } = self.state else { return false };
        self.state = match step {
            Step::Logon => State::Due(Step::Subscribe, now),
            Step::Subscribe => {
                self.backoff.reset();
                State::Done
            }
        };
        self.state == State::Done
    }

    /// The venue refused. Also says until when it wants no requests at all, if it does.
    pub(super) fn on_refused(
        &mut self,
        status: Option<u64>,
        refusal: Refusal<'_>,
        now: Now,
    ) -> (Outcome, Option<Instant>) {
        let retry_at = refusal.retry_at(status, now, &mut self.backoff);
        self.state = retry_at.map_or(State::Refused, |at| State::Due(self.first(), at));
        (retry_at.map_or(Outcome::Final, Outcome::Retry), refusal.hold(status, retry_at))
    }

    /// The venue ended the stream of events.
    pub(super) fn on_terminated(&mut self, now: Instant) {
        if self.state == State::Done {
            self.state = State::Due(self.first(), now + self.backoff.take());
        }
    }
}
