//! What to follow, checked.

use std::{collections::BTreeSet, time::Duration};

use super::{
    auth::Credentials,
    channel::{Channel, Need, Rate, Topic, subject},
};
use crate::{
    error::ConfigError,
    session::{Attempts, Endpoint, Terms},
};

/// Connections that are opened in a minute. The venue names no such limit, only 32 at a time from one address.
pub(super) const ATTEMPTS: Attempts = Attempts { max: 20, span: Duration::from_secs(60) };

/// The heartbeats that the venue sends, in seconds: it documents the least; the most keeps times in range.
const HEARTBEAT_S: std::ops::RangeInclusive<u64> = 10..=3600;

/// What a Deribit session follows, and where.
///
/// ```
/// use tickwire_venue::deribit::{Channel, Config, Deribit, Rate, channel};
///
/// let config = Config {
///     instruments: vec!["BTC-PERPETUAL".into()],
///     channels: vec![Channel::Book { interval: Rate::Ms100 }, Channel::Quote],
///     more: vec![channel::price_index("btc_usd")],
///     ..Config::default()
/// };
/// let session = Deribit::new(config)?;
/// # Ok::<(), tickwire_venue::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Config {
    /// The connection.
    pub url: String,
    /// Whether it is an event node, which tells each change ([`Rate::Raw`]) to everybody.
    pub event_node: bool,
    /// The instruments, in the venue's spelling, such as `BTC-PERPETUAL`. An [`Instrument`](crate::Instrument) is an
    /// index into this list, or else was met on the way.
    pub instruments: Vec<String>,
    /// The channels to follow of each of them.
    pub channels: Vec<Channel>,
    /// Other channels by their names: those of [`channel`](super::channel), or any. Books are kept for those of
    /// single instruments too. The channels of an account need credentials.
    pub more: Vec<String>,
    /// How to sign in, before anything is subscribed; `None` to stay unknown.
    pub credentials: Option<Credentials>,
    /// Seconds between signs of life that the venue is asked for, `10..=3600`.
    pub heartbeat_s: u64,
    /// How long the book, the quotes or the ticker of a perpetual may bring nothing before it is subscribed anew, or eight
    /// times its longest silence so far if that is more; that doubles each time it did not help. Other channels have five
    /// minutes in place of this, and one once sixteen messages have come. Default is a minute; `None` makes no difference
    /// between channels. Less than a second is taken for one. What is more than five minutes holds for all of them: with
    /// [`Duration::MAX`] any may be silent for ever.
    pub silence_max: Option<Duration>,
    /// Levels a side that a book keeps. The worst are dropped beyond it, and
    /// [told](crate::BookChange::Trimmed).
    pub levels_max: usize,
}

impl Default for Config {
    /// No instruments, no channels; the venue's public host, a heartbeat each 30 seconds, books of 10000 levels.
    fn default() -> Self {
        Self {
            url: "wss://www.deribit.com/ws/api/v2".into(),
            event_node: false,
            instruments: Vec::new(),
            channels: Vec::new(),
            more: Vec::new(),
            credentials: None,
            heartbeat_s: 30,
            silence_max: Some(Duration::from_secs(60)),
            levels_max: 10_000,
        }
    }
}

impl Config {
    /// On an event node; otherwise the default.
    pub fn event_node() -> Self {
        Self { url: "wss://streams.deribit.com/ws/api/v2".into(), event_node: true, ..Self::default() }
    }

    /// On the testnet, which has credentials of its own; otherwise the default.
    pub fn testnet() -> Self {
        Self { url: "wss://test.deribit.com/ws/api/v2".into(), ..Self::default() }
    }

    /// Where to connect to.
    pub(super) fn endpoint(&self) -> Endpoint {
        let terms = Terms {
            races: true,
            lifetime: None,
            ping_after: Duration::from_secs(30),
            pong_within: Duration::from_secs(10),
        };
        Endpoint { name: "api", url: self.url.clone(), headers: Vec::new(), terms }
    }

    /// What its connections may follow.
    pub(super) fn access(&self) -> Access {
        Access { event_node: self.event_node, signs_in: self.credentials.is_some() }
    }

    /// Checks everything; the names of the channels.
    pub(super) fn names(&self) -> Result<Vec<Box<str>>, ConfigError> {
        if !HEARTBEAT_S.contains(&self.heartbeat_s) {
            return Err(ConfigError::Heartbeat { seconds: self.heartbeat_s });
        }
        if self.credentials.as_ref().is_some_and(|credentials| !credentials.can_sign()) {
            return Err(ConfigError::SignInKey);
        }
        self.check_instruments()?;
        let raw = |channel: &Channel| matches!(channel, Channel::GroupedBook { interval: Rate::Raw, .. });
        if self.channels.iter().any(raw) {
            return Err(ConfigError::GroupedBookRaw);
        }
        let of_instrument =
            |name: &String| self.channels.iter().map(move |channel| channel.of(name)).collect();
        let names: Vec<String> = self.instruments.iter().flat_map::<Vec<_>, _>(of_instrument).collect();
        if names.is_empty() && !self.channels.is_empty() {
            return Err(ConfigError::NoSymbols);
        }
        let names: Vec<Box<str>> =
            names.into_iter().chain(self.more.iter().cloned()).map(Into::into).collect();
        if names.is_empty() {
            return Err(ConfigError::NoStreams);
        }
        self.check_names(&names)?;
        Ok(names)
    }

    fn check_instruments(&self) -> Result<(), ConfigError> {
        let mut seen = BTreeSet::new();
        for symbol in &self.instruments {
            if symbol.is_empty() {
                return Err(ConfigError::SymbolEmpty);
            }
            let bad = |c: &char| c.is_whitespace() || c.is_control() || ".\"\\".contains(*c);
            if let Some(character) = symbol.chars().find(bad) {
                return Err(ConfigError::SymbolCharacter { symbol: symbol.as_str().into(), character });
            }
            if !seen.insert(symbol) {
                return Err(ConfigError::SymbolTwice { symbol: symbol.as_str().into() });
            }
        }
        Ok(())
    }

    fn check_names(&self, names: &[Box<str>]) -> Result<(), ConfigError> {
        let (mut seen, mut books) = (BTreeSet::new(), BTreeSet::new());
        for name in names {
            if !seen.insert(name) {
                return Err(ConfigError::StreamTwice { stream: name.clone() });
            }
            if Topic::of(name) == Topic::Book && !books.insert(subject(name)) {
                return Err(ConfigError::DepthTwice);
            }
            self.access().check(name)?;
        }
        Ok(())
    }
}

/// What the connections of a session may follow.
#[derive(Debug, Clone, Copy)]
pub(super) struct Access {
    event_node: bool,
    signs_in: bool,
}

impl Access {
    /// What a channel needs.
    pub(super) fn need(self, channel: &str) -> Need {
        Need::of(channel, self.event_node)
    }

    /// Checks the name of a channel.
    pub(super) fn check(self, name: &str) -> Result<(), ConfigError> {
        if let Some(character) = name.chars().find(|c| c.is_control()) {
            return Err(ConfigError::StreamCharacter { stream: name.into(), character });
        }
        if self.need(name) != Need::Nothing && !self.signs_in {
            return Err(ConfigError::StreamSignIn { stream: name.into() });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(instruments: &[&str], channels: &[Channel]) -> Config {
        let instruments = instruments.iter().map(ToString::to_string).collect();
        Config { instruments, channels: channels.to_vec(), ..Config::default() }
    }

    const BOOK: Channel = Channel::Book { interval: Rate::Ms100 };

    #[test]
    fn channels_come_by_instrument_and_the_others_behind() {
        let config =
            Config { more: vec!["platform_state".into()], ..config(&["A", "B"], &[BOOK, Channel::Quote]) };
        let names = config.names().unwrap();
        let expected = ["book.A.100ms", "quote.A", "book.B.100ms", "quote.B", "platform_state"];
        assert_eq!(names.iter().map(|name| &**name).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_cannot_be_served_is_refused() {
        let raw = Channel::Book { interval: Rate::Raw };
        let grouped =
            Channel::GroupedBook { group: None, depth: super::super::Depth::Ten, interval: Rate::Raw };
        let more = |name: &str| Config { more: vec![name.into()], ..config(&["A"], &[BOOK]) };
        let rows = [
            (config(&[], &[BOOK]), ConfigError::NoSymbols),
            (config(&["A"], &[]), ConfigError::NoStreams),
            (config(&["A", ""], &[BOOK]), ConfigError::SymbolEmpty),
            (config(&["A", "A"], &[BOOK]), ConfigError::SymbolTwice { symbol: "A".into() }),
            (
                config(&["A.B"], &[BOOK]),
                ConfigError::SymbolCharacter { symbol: "A.B".into(), character: '.' },
            ),
            (config(&["A"], &[grouped]), ConfigError::GroupedBookRaw),
            (config(&["A"], &[raw]), ConfigError::StreamSignIn { stream: "book.A.raw".into() }),
            (more("user.lock"), ConfigError::StreamSignIn { stream: "user.lock".into() }),
            (more("book.A.100ms"), ConfigError::StreamTwice { stream: "book.A.100ms".into() }),
            (more("book.A.agg2"), ConfigError::DepthTwice),
            (more("a\nb"), ConfigError::StreamCharacter { stream: "a\nb".into(), character: '\n' }),
            (Config { heartbeat_s: 9, ..config(&["A"], &[BOOK]) }, ConfigError::Heartbeat { seconds: 9 }),
        ];
        for (config, expected) in rows {
            assert_eq!(config.names().unwrap_err(), expected);
        }
        assert!(Config { event_node: true, ..config(&["A"], &[raw]) }.names().is_ok());
        let credentials = Some(Credentials::Refresh { token: String::from("t").into() });
        assert!(Config { credentials, ..config(&["A"], &[raw]) }.names().is_ok());
    }
}
