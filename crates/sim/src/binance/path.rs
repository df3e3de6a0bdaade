//! What a request's path and query say.

use std::borrow::Cow;

use super::names::{Grammar, STREAMS_MAX};
use crate::venue::Answer;

/// What a stream connection wants from the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) combined: bool,
    pub(super) streams: Vec<String>,
    pub(super) microseconds: bool,
}

/// Path and query, which may be percent-encoded.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) path: String,
    query: String,
}

impl Target {
    pub(super) fn decode(path: &str, query: &str) -> Result<Self, Answer> {
        let bad_escape = || refusal(400, "The request target is not valid percent-encoded UTF-8.");
        let path = decode(path).ok_or_else(bad_escape)?;
        Ok(Self { path, query: decode(query).ok_or_else(bad_escape)? })
    }

    /// The pairs of the query; without `=` the value is empty.
    pub(super) fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.query.split('&').filter(|pair| !pair.is_empty());
        pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
    }

    /// Reads `/ws`, `/ws/<stream>/…`, `/stream` or `/stream?streams=<stream>/…` behind a prefix that is not
    /// part of it any more; `None` when it is none of them.
    pub(super) fn streams(
        &self,
        path: &str,
        with_unit: bool,
        grammar: &Grammar,
    ) -> Option<Result<Wanted, Answer>> {
        let (combined, mut listed) = match path.strip_prefix("/ws") {
            Some(listed) if listed.is_empty() || listed.starts_with('/') => (false, Cow::from(listed)),
            _ if path == "/stream" => (true, Cow::default()),
            _ => return None,
        };
        let mut microseconds = false;
        for (name, value) in self.parameters() {
            match (name, value) {
                ("streams", value) if combined => listed = value.to_owned().into(),
                ("timeUnit", "MICROSECOND" | "microsecond") if with_unit => microseconds = true,
                ("timeUnit", "MILLISECOND" | "millisecond") if with_unit => microseconds = false,
                _ => return Some(Err(unknown_parameter())),
            }
        }
        let streams: Vec<_> = listed.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        if streams.len() > STREAMS_MAX {
            return Some(Err(refusal(400, "Too many streams.")));
        }
        if !streams.iter().all(|name| grammar.allows(name)) {
            return Some(Err(refusal(400, "Invalid stream.")));
        }
        Some(Ok(Wanted { combined, streams, microseconds }))
    }

    /// The one parameter of the WebSocket API's path: whether answers say what was used.
    pub(super) fn rate_limits(&self) -> Result<bool, Answer> {
        let mut rate_limits = true;
        for (name, value) in self.parameters() {
            rate_limits = match (name, value) {
                ("returnRateLimits", "true") => true,
                ("returnRateLimits", "false") => false,
                ("timeUnit", "MICROSECOND" | "microsecond" | "MILLISECOND" | "millisecond") => rate_limits,
                _ => return Err(unknown_parameter()),
            };
        }
        Ok(rate_limits)
    }
}

fn refusal(status: u16, message: &str) -> Answer {
    Answer::new(status, format!(r#"{{"code":-1,"msg":"{message}"}}"#))
}

pub(super) fn not_found() -> Answer {
    refusal(404, "Not found.")
}

fn unknown_parameter() -> Answer {
    refusal(400, "Unknown query parameter.")
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
        bytes.push(high << 4 | low);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binance::spot::GRAMMAR;

    fn parse(path: &str, query: &str) -> Result<Option<Wanted>, u16> {
        let target = Target::decode(path, query).map_err(|answer| answer.status)?;
        target.streams(&target.path, true, &GRAMMAR).transpose().map_err(|answer| answer.status)
    }

    fn wanted(combined: bool, names: &[&str]) -> Result<Option<Wanted>, u16> {
        let streams = names.iter().map(ToString::to_string).collect();
        Ok(Some(Wanted { combined, streams, microseconds: false }))
    }

    #[test]
    fn documented_paths_are_understood() {
        assert_eq!(parse("/ws", ""), wanted(false, &[]));
        assert_eq!(parse("/ws/a@trade/b@depth", ""), wanted(false, &["a@trade", "b@depth"]));
        assert_eq!(parse("/ws/a%40trade", ""), wanted(false, &["a@trade"]));
        assert_eq!(parse("/stream", ""), wanted(true, &[]));
        assert_eq!(parse("/stream", "streams=a@trade/b@depth"), wanted(true, &["a@trade", "b@depth"]));
        for unit in ["MICROSECOND", "microsecond"] {
            let both = parse("/stream", &format!("streams=a@trade&timeUnit={unit}"));
            assert_eq!(both.map(|wanted| wanted.map(|wanted| wanted.microseconds)), Ok(Some(true)));
        }
    }

    #[test]
    fn anything_else_is_refused_or_something_else() {
        assert_eq!(parse("/", ""), Ok(None));
        assert_eq!(parse("/wsx", ""), Ok(None));
        assert_eq!(parse("/ws", "a@trade"), Err(400));
        assert_eq!(parse("/ws/a%4", ""), Err(400));
        assert_eq!(parse("/ws/nonsense", ""), Err(400));
        assert_eq!(parse("/stream", "timeUnit=NANOSECOND"), Err(400));
    }
}
