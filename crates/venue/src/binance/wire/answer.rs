//! Answers to control messages and to requests of the API.

use std::time::{Duration, Instant};

use super::message::{PartialDepth, PartialFields};
use crate::{
    json::{Field, Id, Kind, Source, Wrong, record},
    pace::Backoff,
    session::Now,
};

/// An answer to a control message or an API request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer<'a> {
    /// Of the request.
    pub id: Id<'a>,
    /// An HTTP status: only answers of the API have one.
    pub status: Option<u64>,
    /// What this address has used of its weight in the current minute, where that is told.
    pub used_weight: Option<u64>,
    /// What it says.
    pub body: Body<'a>,
}

/// What an [`Answer`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body<'a> {
    /// `"result":null`, the confirmation of a control message.
    Done,
    /// A book snapshot.
    Snapshot(PartialDepth<'a>),
    /// A refusal.
    Refused(Refusal<'a>),
    /// Any other result.
    Other,
}

/// Why the venue refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal<'a> {
    /// The venue's code.
    pub code: i64,
    /// The venue's words.
    pub message: &'a str,
    /// Before when it wants no request.
    pub retry_after: Option<RetryAfter>,
}

/// Before when a venue wants no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// So many milliseconds from now.
    Ms(u64),
    /// A time by its clock, in milliseconds since the Unix epoch.
    UnixMs(u64),
}

/// The longest ban the venue documents; whatever it asks for is cut to that.
const HOLD_MAX: Duration = Duration::from_secs(3 * 24 * 3600);

/// How long to ask for nothing after too many requests when the venue does not say: it counts by the minute.
const HOLD_UNTOLD: Duration = Duration::from_secs(60);

/// Codes after which the same request may succeed: unknown, disconnected, timeout, busy.
const PASSING_CODES: [i64; 4] = [-1000, -1001, -1007, -1008];

/// Too many requests.
const RATE_CODE: i64 = -1003;

impl Refusal<'_> {
    /// Whether too much was asked for.
    pub(crate) fn is_rate(&self, status: Option<u64>) -> bool {
        matches!(status, Some(418 | 429)) || self.code == RATE_CODE
    }

    /// Whether the same request may succeed later.
    pub(crate) fn is_passing(&self, status: Option<u64>) -> bool {
        self.is_rate(status)
            || status.is_some_and(|status| status >= 500)
            || PASSING_CODES.contains(&self.code)
    }

    /// When to ask again; `None` if that is of no use. Never sooner than the backoff says.
    pub(crate) fn retry_at(&self, status: Option<u64>, now: Now, backoff: &mut Backoff) -> Option<Instant> {
        if !self.is_passing(status) {
            return None;
        }
        let untold = if self.is_rate(status) { HOLD_UNTOLD } else { Duration::ZERO };
        let told = self.retry_after.map(|after| match after {
            RetryAfter::Ms(ms) => Duration::from_millis(ms),
            RetryAfter::UnixMs(ms) => Duration::from_millis(ms.saturating_sub(now.unix_ns / 1_000_000)),
        });
        let asked = told.unwrap_or(untold).min(HOLD_MAX);
        Some(now.instant + asked.max(backoff.take()))
    }

    /// Until when the venue wants no request at all: it counts what an address asks for, whatever that is.
    pub(crate) fn hold(&self, status: Option<u64>, retry_at: Option<Instant>) -> Option<Instant> {
        retry_at.filter(|_| self.is_rate(status))
    }
}

record! {
    /// All keys that an answer can have.
    pub(super) struct AnswerFields<'a> {
        "id" id: Id<'a>,
        "status" status: Option<u64>,
        "result" result: Outcome,
        "error" error: Option<ErrorFields<'a>>,
        "code" code: Option<i64>,
        "msg" message: Option<&'a str>,
        "rateLimits" used: Used,
    }
}

/// What was used of the weight of a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Used(pub(super) Option<u64>);

impl<'a> Field<'a> for Used {
    fn read<'s, S: Source<'a, 's>>(source: &mut S) -> Result<Self, Wrong> {
        let mut used = None;
        if source.kind() != Kind::Array {
            return source.skip().map(|()| Self(None));
        }
        source.array(|limit| {
            let limit: RateLimit<'a> = limit.record()?;
            if (limit.kind, limit.interval, limit.intervals)
                == (Some("REQUEST_WEIGHT"), Some("MINUTE"), Some(1))
            {
                used = limit.count;
            }
            Ok(())
        })?;
        Ok(Self(used))
    }

    fn missing() -> Option<Self> {
        Some(Self(None))
    }
}

record! {
    /// One of the limits that an answer tells of.
    struct RateLimit<'a> {
        "rateLimitType" kind: Option<&'a str>,
        "interval" interval: Option<&'a str>,
        "intervalNum" intervals: Option<u64>,
        "count" count: Option<u64>,
    }
}

record! {
    /// The error of an answer.
    pub(super) struct ErrorFields<'a> {
        "code" code: i64,
        "msg" message: &'a str,
        "data" data: Option<ErrorData>,
    }
}

record! {
    /// What else is told about an error.
    pub(super) struct ErrorData {
        "serverTime" server_time_ms: Option<u64>,
        "retryAfter" retry_after_ms: Option<u64>,
    }
}

/// The result of an answer, with levels where the decoder keeps them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Missing,
    Done,
    Snapshot(PartialFields),
    Other,
}

impl<'a> Field<'a> for Outcome {
    fn read<'s, S: Source<'a, 's>>(source: &mut S) -> Result<Self, Wrong> {
        let mut ahead = *source;
        source.skip()?;
        match ahead.kind() {
            Kind::Null => Ok(Self::Done),
            Kind::Object if super::shape::has_key(ahead, "lastUpdateId")? => {
                ahead.record().map(Self::Snapshot)
            }
            _ => Ok(Self::Other),
        }
    }

    fn missing() -> Option<Self> {
        Some(Self::Missing)
    }
}

impl<'a> AnswerFields<'a> {
    /// The refusal in it, nested or flat.
    pub(super) fn refusal(&self) -> Option<Refusal<'a>> {
        if let Some(ErrorFields { code, message, data }) = self.error {
            let retry_after = data.and_then(|data| {
                let until = data.retry_after_ms?;
                // The clocks may differ, so that the server's own time is the better one to count from.
                let since = data.server_time_ms.map(|server| RetryAfter::Ms(until.saturating_sub(server)));
                Some(since.unwrap_or(RetryAfter::UnixMs(until)))
            });
            return Some(Refusal { code, message, retry_after });
        }
        let (code, message) = self.code.zip(self.message)?;
        Some(Refusal { code, message, retry_after: None })
    }
}
