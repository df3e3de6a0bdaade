//! Signing in, and staying so: each connection does it by itself.
//!
//! ```text
//!           open               send           tokens
//!   Off    ──────► Due ─────────────► Asked ──────────► In
//!                   ▲                  │ │               │
//!                   ├── for now, mute ─┘ └─ for good ─►  │  Refused
//!                   └─────── 80 % of the time, or wanted ┘
//! ```
//!
//! The first sign-in of a connection shows the credentials, the following ones the token that came with the last; a
//! refusal of that token leads back to the credentials. Where the credentials are a token themselves, each is good for
//! one sign-in, so that the connections take turns: each shows the token that came with the last of them all. Without
//! credentials the state stays `Off`.

use std::{
    fmt,
    time::{Duration, Instant},
};

#[cfg(feature = "sign")]
use std::sync::Arc;

use zeroize::Zeroizing;

use super::{
    outbox::Outbox,
    reaction::Reaction,
    requests::{self, Grant},
    wire::Login,
};
use crate::{event::Outcome, pace::Backoff, session::Now};

#[cfg(feature = "sign")]
use crate::sign::{SigningKey, client_signature};

/// How to sign in. [`Debug`](fmt::Debug) shows no secret, and what is dropped is wiped.
#[derive(Clone)]
#[non_exhaustive]
pub enum Credentials {
    /// The secret itself is sent (`client_credentials`).
    Secret {
        /// The id of the key.
        client_id: String,
        /// Its secret.
        client_secret: Zeroizing<String>,
    },
    /// A signature is sent and the secret stays here (`client_signature`).
    #[cfg(feature = "sign")]
    Signature {
        /// The id of the key.
        client_id: String,
        /// Its secret, as [`SigningKey::hmac`] takes it.
        key: Arc<SigningKey>,
    },
    /// A token of another session (`refresh_token`), good for one sign-in; then the one that comes with it counts.
    Refresh {
        /// The token.
        token: Zeroizing<String>,
    },
}

impl Credentials {
    /// Whether the key is one that the venue's sign-in takes.
    pub(super) fn can_sign(&self) -> bool {
        match self {
            #[cfg(feature = "sign")]
            Self::Signature { key, .. } => key.algorithm() == crate::sign::Algorithm::HmacSha256,
            _ => true,
        }
    }
}

/// The longest that tokens are believed to last.
const EXPIRES_IN_S_MAX: u64 = 366 * 24 * 3600;

/// What all connections sign in with.
pub(super) struct Account {
    credentials: Option<Credentials>,
    /// What came with the last sign-in, where the credentials are a token.
    token: Option<Zeroizing<String>>,
    backoff: Backoff,
}

/// The sign-in of one connection.
pub(super) struct SignIn {
    /// What came with its last one, where the credentials are no token.
    token: Option<Zeroizing<String>>,
    state: State,
    /// Whether this connection was signed in already, so that subscriptions need not wait.
    proven: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// There are no credentials, or no connection.
    Off,
    /// To be asked for, not before this time.
    Due(Instant),
    Asked,
    In {
        again_at: Instant,
    },
    Refused,
}

impl Account {
    pub(super) fn new(credentials: Option<Credentials>) -> Self {
        let backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(60));
        Self { credentials, token: None, backoff }
    }

    /// Whether connections sign in one after another.
    pub(super) fn takes_turns(&self) -> bool {
        matches!(self.credentials, Some(Credentials::Refresh { .. }))
    }

    /// Requests of a connection are answered as they should: the sign-in is good.
    pub(super) fn on_use(&mut self) {
        self.backoff.reset();
    }
}

impl SignIn {
    /// That of a new connection.
    pub(super) fn new(account: &Account, now: Instant) -> Self {
        let state = if account.credentials.is_some() { State::Due(now) } else { State::Off };
        Self { token: None, state, proven: false }
    }

    /// Whether subscriptions may leave: signed in, or never to be.
    pub(super) fn is_settled(&self) -> bool {
        self.proven || matches!(self.state, State::Off | State::In { .. } | State::Refused)
    }

    /// Whether the venue refused for good.
    pub(super) fn is_refused(&self) -> bool {
        self.state == State::Refused
    }

    /// Whether an answer is awaited.
    pub(super) fn is_asked(&self) -> bool {
        self.state == State::Asked
    }

    /// When the next sign-in is due.
    pub(super) fn due_at(&self) -> Option<Instant> {
        match self.state {
            State::Due(at) | State::In { again_at: at } => Some(at),
            State::Off | State::Asked | State::Refused => None,
        }
    }

    /// Writes the request.
    ///
    /// # Errors
    /// What kept it from being signed; it is not tried again then.
    pub(super) fn ask(
        &mut self,
        account: &Account,
        out: &mut Outbox,
        (leg, id): (usize, u64),
        now: Now,
    ) -> Result<(), String> {
        self.state = State::Asked;
        if let Some(token) = self.token.as_ref().or(account.token.as_ref()) {
            out.send(leg, |text| requests::auth(text, id, Grant::Refresh { token }));
            return Ok(());
        }
        match &account.credentials {
            None => self.state = State::Off,
            Some(Credentials::Secret { client_id, client_secret }) => {
                out.send(leg, |text| requests::auth(text, id, Grant::Secret { client_id, client_secret }));
            }
            Some(Credentials::Refresh { token }) => {
                out.send(leg, |text| requests::auth(text, id, Grant::Refresh { token }));
            }
            #[cfg(feature = "sign")]
            Some(Credentials::Signature { client_id, key }) => {
                let timestamp_ms = now.unix_ns / 1_000_000;
                // The venue only wants it to differ from one sign-in to the next.
                let nonce = format!("{:x}n{id}", now.unix_ns);
                let signature = client_signature(key, timestamp_ms, &nonce, "").map_err(|error| {
                    self.state = State::Refused;
                    error.to_string()
                })?;
                let grant =
                    Grant::Signature { client_id, timestamp_ms, nonce: &nonce, signature: &signature };
                out.send(leg, |text| requests::auth(text, id, grant));
            }
        }
        #[cfg(not(feature = "sign"))]
        let _ = now;
        Ok(())
    }

    pub(super) fn on_login(&mut self, account: &mut Account, login: Login<'_>, now: Instant) {
        let span = Duration::from_secs(login.expires_in_s.clamp(1, EXPIRES_IN_S_MAX)) * 4 / 5;
        let place = if account.takes_turns() { &mut account.token } else { &mut self.token };
        *place = login.refresh_token.map(|token| token.0.to_owned().into());
        self.state = State::In { again_at: now + span };
        self.proven = true;
    }

    /// Nothing of use came; it is tried again.
    pub(super) fn on_unanswered(&mut self, again_at: Instant) {
        self.state = State::Due(again_at);
    }

    pub(super) fn on_refused(&mut self, account: &mut Account, reaction: Reaction, now: Instant) -> Outcome {
        let passes = matches!(
            reaction,
            Reaction::BackOff | Reaction::RetryLater | Reaction::Maintenance | Reaction::Retry
        );
        if passes || self.token.take().is_some() {
            return self.later(account, now);
        }
        account.token = None;
        self.proven = false;
        self.state = State::Refused;
        Outcome::Final
    }

    /// The venue says that the session is not signed in; says when it will try again, if it can.
    pub(super) fn again(&mut self, account: &mut Account, now: Instant) -> Outcome {
        match self.state {
            State::Off | State::Refused => Outcome::Final,
            State::Due(at) => Outcome::Retry(at),
            State::Asked => Outcome::Retry(now),
            State::In { .. } => {
                self.proven = false;
                self.later(account, now)
            }
        }
    }

    fn later(&mut self, account: &mut Account, now: Instant) -> Outcome {
        let at = now + account.backoff.take();
        self.state = State::Due(at);
        Outcome::Retry(at)
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("credentials", &self.credentials).finish_non_exhaustive()
    }
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignIn").field("state", &self.state).finish_non_exhaustive()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret { .. } => "Secret(…)",
            #[cfg(feature = "sign")]
            Self::Signature { .. } => "Signature(…)",
            Self::Refresh { .. } => "Refresh(…)",
        })
    }
}
