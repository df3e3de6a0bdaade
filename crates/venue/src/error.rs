//! What can go wrong, by whose fault.

use std::{borrow::Cow, fmt};

use crate::route::Route;

/// Bytes of a message that an [`Excerpt`] keeps.
const EXCERPT_BYTES_MAX: usize = 160;

/// An error of a session. None of them breaks the session: the message that caused it is left out,
/// and a book that misses it finds out by its ids.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration cannot be served; correct it.
    #[error("configuration: {0}")]
    Config(#[from] ConfigError),
    /// The venue sent something that is not JSON, or not of a shape the venue documents.
    #[error("the venue sent a malformed message ({what}{}{}): {excerpt}", on(stream), at(*offset))]
    Malformed {
        /// The part that is wrong, such as `Trade "p"`.
        what: Cow<'static, str>,
        /// The stream or channel that the message names, if it does.
        stream: Option<Box<str>>,
        /// About where in the message, in bytes from its beginning, if that is known.
        offset: Option<usize>,
        /// The beginning of the message.
        excerpt: Excerpt,
    },
    /// The caller broke the session's contract; nothing was changed.
    #[error("misuse: {0}")]
    Misuse(#[from] Misuse),
    /// The venue sent a well-formed message that nobody asked for.
    #[error("the venue sent something that was not asked for ({what}): {excerpt}")]
    Unexpected {
        /// What is odd about it.
        what: &'static str,
        /// The beginning of the message, or the name concerned.
        excerpt: Excerpt,
    },
}

impl Error {
    pub(crate) fn malformed(what: impl Into<Cow<'static, str>>, text: &[u8]) -> Self {
        Self::Malformed { what: what.into(), stream: None, offset: None, excerpt: Excerpt::new(text) }
    }

    pub(crate) fn unexpected(what: &'static str, text: &[u8]) -> Self {
        Self::Unexpected { what, excerpt: Excerpt::new(text) }
    }
}

fn on(stream: &Option<Box<str>>) -> String {
    stream.as_ref().map(|stream| format!(" on {stream:?}")).unwrap_or_default()
}

fn at(offset: Option<usize>) -> String {
    offset.map(|offset| format!(" at byte {offset}")).unwrap_or_default()
}

/// Why a configuration cannot be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No symbol is named.
    #[error("no symbol is named")]
    NoSymbols,
    /// No stream kind is chosen.
    #[error("no stream kind is chosen")]
    NoStreams,
    /// A symbol is empty.
    #[error("a symbol is empty")]
    SymbolEmpty,
    /// A symbol holds a character that would change the meaning of a stream name.
    #[error("symbol {symbol:?} holds {character:?}")]
    SymbolCharacter {
        /// The symbol as given.
        symbol: Box<str>,
        /// The first such character.
        character: char,
    },
    /// A symbol is named twice (ASCII case does not matter).
    #[error("symbol {symbol:?} is named twice")]
    SymbolTwice {
        /// The symbol in upper case.
        symbol: Box<str>,
    },
    /// The name of a stream holds a character that would change the meaning of a request, or that no name has.
    #[error("stream {stream:?} holds {character:?}")]
    StreamCharacter {
        /// The name as given.
        stream: Box<str>,
        /// The first such character.
        character: char,
    },
    /// The name of a stream is empty.
    #[error("the name of a stream is empty")]
    StreamEmpty,
    /// The venue takes symbols in the names of streams in lower case only: it would confirm this one, and send nothing.
    #[error("stream {stream:?} names its symbol in upper case")]
    StreamCase {
        /// The name as given.
        stream: Box<str>,
    },
    /// A stream is named twice.
    #[error("stream {stream:?} is named twice")]
    StreamTwice {
        /// Its name.
        stream: Box<str>,
    },
    /// A stream that only those who sign in are given, and no credentials.
    #[error("stream {stream:?} needs credentials")]
    StreamSignIn {
        /// Its name.
        stream: Box<str>,
    },
    /// The venue has no grouped book of each change.
    #[error("the venue has no grouped book of each change")]
    GroupedBookRaw,
    /// The venue sends no heartbeats of that interval.
    #[error("the venue sends no heartbeat each {seconds} s")]
    Heartbeat {
        /// Seconds.
        seconds: u64,
    },
    /// The venue's sign-in takes the signature of an HMAC secret.
    #[error("the key to sign in with is not an HMAC secret")]
    SignInKey,
    /// Two streams for the diffs of one book.
    #[error("two depth streams are chosen; a book follows one")]
    DepthTwice,
    /// The venue has no depth stream of that speed.
    #[error("the venue has no depth each {ms} ms")]
    DepthSpeed {
        /// Milliseconds.
        ms: u16,
    },
    /// Partial depth of so many levels does not exist.
    #[error("partial depth has 5, 10 or 20 levels, not {levels}")]
    PartialLevels {
        /// Levels as given.
        levels: u8,
    },
    /// Partial depth in SBE has one form.
    #[error("partial depth in SBE has 20 levels each 50 ms")]
    PartialDepthSbe,
    /// Messages of partial depth cannot be told from others without the name of their stream.
    #[error("partial depth cannot be told from the other streams when messages do not name theirs")]
    PartialDepthRaw,
    /// The WebSocket API is needed, for snapshots or an account, and has no URL.
    #[error("the WebSocket API is needed and api_url is empty")]
    ApiUrlEmpty,
    /// The host of market data in SBE wants a key.
    #[error("market data in SBE needs api_key")]
    ApiKeyMissing,
    /// Only spot has times in microseconds.
    #[error("times come in microseconds on spot only")]
    MicrosecondsOfSpot,
    /// Futures and options have no sign-in on their WebSocket API.
    #[error("an account can sign in on spot only")]
    AccountOfSpot,
    /// The venue has no candles of that length.
    #[error("the venue has no candles of {seconds} s")]
    CandleInterval {
        /// Seconds.
        seconds: u32,
    },
    /// The snapshot limit is outside the venue's range.
    #[error("the venue has no snapshots of {limit} levels")]
    SnapshotLimit {
        /// The limit as given.
        limit: u16,
    },
    /// A book would not hold a snapshot of the size asked for.
    #[error("levels_max {levels_max} is less than snapshot_limit {snapshot_limit}")]
    LevelsMax {
        /// Levels a book side may hold.
        levels_max: usize,
        /// Levels a snapshot may bring.
        snapshot_limit: u16,
    },
}

/// How the caller broke the contract of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// `on_message` before the events of the message before were drained: poll until `None` first.
    #[error("events of the message before are not drained; call poll_event until it returns None")]
    Undrained,
    /// A route to no endpoint.
    #[error("{} is not an index into endpoints()", .0.endpoint)]
    UnknownRoute(Route),
    /// A message on a route that is not open: call `on_open` first.
    #[error("leg {} of endpoint {} is not open; call on_open first", .0.leg, .0.endpoint)]
    RouteClosed(Route),
    /// More was wanted of a feed that was told to close: nobody would answer.
    #[error("it is closing; begin another")]
    Closing,
}

/// Parts of the keys whose values are secrets: tokens of a session, keys, signatures.
const SECRET_KEYS: [&[u8]; 5] = [b"_token", b"_secret", b"apiKey", b"signature", b"listenKey"];

/// The beginning of a message for people to read: at most 160 bytes, invalid UTF-8 replaced. Of a message that names a
/// secret there, nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Excerpt(Box<str>);

impl Excerpt {
    pub(crate) fn new(text: &[u8]) -> Self {
        let head = text.get(..EXCERPT_BYTES_MAX).unwrap_or(text);
        if SECRET_KEYS.iter().any(|key| head.windows(key.len()).any(|window| window == *key)) {
            return Self("(a message with secrets)".into());
        }
        let mut shown = String::from_utf8_lossy(head).into_owned();
        if head.len() < text.len() {
            shown.push('…');
        }
        Self(shown.into())
    }

    /// The excerpt as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Excerpt {
    /// Control characters are escaped: it is the peer's text, and may meet a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let escaped = |c: char| if c.is_control() { c.escape_debug().to_string() } else { c.to_string() };
        self.0.chars().map(escaped).try_for_each(|text| f.write_str(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_bounded_and_survives_a_cut_character() {
        let text = "é".repeat(500);
        let (_, cut) = text.as_bytes().split_at(1);
        let excerpt = Excerpt::new(cut);
        assert!(excerpt.as_str().len() <= EXCERPT_BYTES_MAX + 3 * 3);
        assert!(excerpt.as_str().ends_with('…'));
        assert_eq!(Excerpt::new(b"{}").as_str(), "{}");
        let secret = r#"{"id":1,"status":200,"result":{"apiKey":"hidden"}}"#;
        assert!(!Excerpt::new(secret.as_bytes()).as_str().contains("hidden"));
        assert_eq!(Excerpt::new(b"{\"a\":\"\x1b]0;\"}").to_string(), r#"{"a":"\u{1b}]0;"}"#);
    }
}
