//! Answers to requests.

use std::fmt;

use crate::json::{Field, Id, Kind, List, Names, Source, Wrong, list, maybe_time, record};

/// An answer to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer<'a> {
    /// Of the request.
    pub id: Id<'a>,
    /// What it says.
    pub body: Body<'a>,
    /// When the venue had the request.
    pub in_time_ns: Option<u64>,
    /// When the venue sent the answer.
    pub out_time_ns: Option<u64>,
    /// Whether the venue is the testnet.
    pub testnet: Option<bool>,
}

/// What an [`Answer`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body<'a> {
    /// `"ok"`.
    Done,
    /// The channels that were subscribed or unsubscribed. Those that could not be are left out.
    Channels(Names<'a>),
    /// The session is signed in.
    Login(Login<'a>),
    /// The version of the venue's software.
    Version(&'a str),
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
    /// More of them.
    pub reason: Option<&'a str>,
    /// The parameter that is wrong.
    pub param: Option<&'a str>,
}

/// A text that [`Debug`](fmt::Debug) does not show.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret<'a>(pub &'a str);

record! {
    /// Tokens of a session that is signed in.
    pub struct Login<'a> {
        /// Names the session in requests over other connections.
        "access_token" access_token: Secret<'a>,
        /// Asks for the next tokens.
        "refresh_token" refresh_token: Option<Secret<'a>>,
        /// Seconds for which the access token is good.
        "expires_in" expires_in_s: u64,
        /// What it allows.
        "scope" scope: Option<&'a str>,
    }
}

record! {
    /// All keys that an answer can have.
    pub(super) struct AnswerFields<'a> {
        "id" id: Id<'a>,
        "result" result: Outcome<'a>,
        "error" error: Option<ErrorFields<'a>>,
        "usIn" in_time_ns: Option<u64> = maybe_time,
        "usOut" out_time_ns: Option<u64> = maybe_time,
        "testnet" testnet: Option<bool>,
    }
}

record! {
    /// The error of an answer.
    pub(super) struct ErrorFields<'a> {
        "code" code: i64,
        "message" message: &'a str,
        "data" data: Option<ErrorData<'a>>,
    }
}

/// What else is told about an error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ErrorData<'a> {
    reason: Option<&'a str>,
    param: Option<&'a str>,
}

/// The result of an answer, with a list where the decoder keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome<'a> {
    Missing,
    Done,
    Channels(List),
    Login(Login<'a>),
    Version(&'a str),
    Other,
}

impl<'a> AnswerFields<'a> {
    pub(super) fn body<'m>(&self, lists: impl FnOnce(List) -> Names<'m>) -> Result<Body<'m>, Wrong>
    where
        'a: 'm,
    {
        if let Some(ErrorFields { code, message, data }) = self.error {
            let ErrorData { reason, param } = data.unwrap_or_default();
            return Ok(Body::Refused(Refusal { code, message, reason, param }));
        }
        Ok(match self.result {
            Outcome::Missing => return Err("an answer without a result"),
            Outcome::Done => Body::Done,
            Outcome::Channels(list) => Body::Channels(lists(list)),
            Outcome::Login(login) => Body::Login(login),
            Outcome::Version(version) => Body::Version(version),
            Outcome::Other => Body::Other,
        })
    }
}

impl<'a> Field<'a> for Outcome<'a> {
    fn read<'s, S: Source<'a, 's>>(source: &mut S) -> Result<Self, Wrong> {
        let mut ahead = *source;
        source.skip()?;
        match ahead.kind() {
            Kind::Text if ahead.text()? == "ok" => Ok(Self::Done),
            Kind::Array => Ok(list(&mut ahead)?.map_or(Self::Other, Self::Channels)),
            Kind::Object => of_object(ahead),
            _ => Ok(Self::Other),
        }
    }

    fn missing() -> Option<Self> {
        Some(Self::Missing)
    }
}

fn of_object<'a, 's, S: Source<'a, 's>>(mut source: S) -> Result<Outcome<'a>, Wrong> {
    let whole = source;
    let (mut login, mut version) = (false, None);
    source.object(|key, value| {
        let mut ahead = *value;
        match key {
            "access_token" => login = true,
            "version" if value.kind() == Kind::Text => version = Some(ahead.text()?),
            _ => {}
        }
        value.skip()
    })?;
    match version {
        _ if login => { whole }.record().map(Outcome::Login),
        Some(version) => Ok(Outcome::Version(version)),
        None => Ok(Outcome::Other),
    }
}

/// A text, or an object; whatever else is left out.
impl<'a> Field<'a> for ErrorData<'a> {
    fn read<'s, S: Source<'a, 's>>(source: &mut S) -> Result<Self, Wrong> {
        let mut data = Self::default();
        match source.kind() {
            Kind::Text => data.reason = Some(source.text()?),
            Kind::Object => source.object(|key, value| {
                match key {
                    "reason" if value.kind() == Kind::Text => data.reason = Some(value.text()?),
                    "param" if value.kind() == Kind::Text => data.param = Some(value.text()?),
                    _ => return value.skip(),
                }
                Ok(())
            })?,
            _ => source.skip()?,
        }
        Ok(data)
    }
}

impl<'a> Field<'a> for Secret<'a> {
    fn read<'s, S: Source<'a, 's>>(source: &mut S) -> Result<Self, Wrong> {
        source.text().map(Self)
    }
}

impl fmt::Debug for Secret<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}
