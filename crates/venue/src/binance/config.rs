//! What to follow, checked.

#[cfg(feature = "sign")]
use std::sync::Arc;
use std::{collections::BTreeSet, time::Duration};

use super::{
    product::{Class, Product, Snapshots},
    stream::{Kind, Stream},
};
#[cfg(feature = "sign")]
use crate::sign::{ApiKey, Credentials};
use crate::{
    error::ConfigError,
    order::UNKNOWN_SILENCE_MAX,
    session::{Endpoint, Terms},
};

/// How long a stream may be silent that comes each second, or each three.
const CLOCKED_SILENCE_MAX: Duration = Duration::from_secs(15);

/// What a Binance session follows, and where.
///
/// ```
/// use tickwire_venue::binance::{Binance, Config, Stream};
///
/// let config = Config {
///     symbols: vec!["BTCUSDT".into()],
///     streams: vec![Stream::Depth { ms: 100 }, Stream::BookTicker],
///     markets: vec!["!forceOrder@arr".into()],
///     ..Config::usd_m()
/// };
/// let session = Binance::new(config)?;
/// # Ok::<(), tickwire_venue::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Config {
    /// The product, whose rules are followed.
    pub product: Product,
    /// The symbols, in any ASCII case, such as `BTCUSDT`. An [`Instrument`](crate::Instrument) is an index
    /// into this list, or else was met on the way.
    pub symbols: Vec<String>,
    /// The streams to follow of each of them.
    pub streams: Vec<Stream>,
    /// Streams of the whole market, and any others, by their full names, such as `!miniTicker@arr`. Symbols in them are in
    /// lower case (`btcusdt@trade`), but for options in either: the venue confirms others and sends nothing.
    pub markets: Vec<String>,
    /// The stream host, without a path. A session connects to `/stream` there, or to `/public/stream` and
    /// `/market/stream` if [`divided`](Self::divided).
    pub stream_url: String,
    /// Whether the stream host has a path for each class of streams.
    pub divided: bool,
    /// Messages come without the name of their stream (`/ws`). Partial depth then needs a session of its own with a
    /// single symbol on spot, and cannot be followed beside depth on futures.
    pub raw: bool,
    /// Times come in microseconds: spot.
    pub microseconds: bool,
    /// The WebSocket API, with its path. Used when a book is kept and `snapshots` says so.
    pub api_url: String,
    /// Where HTTP has snapshots, with the path. Used when a book is kept and `snapshots` says so.
    pub rest_url: String,
    /// Where snapshots come from.
    pub snapshots: Snapshots,
    /// Levels a side of a book snapshot: spot `1..=5000`, whose price rises at 100, 500 and 1000; otherwise 5, 10, 20,
    /// 50, 100, 500 or 1000.
    pub snapshot_limit: u16,
    /// How long a stream of book changes or quotes may bring nothing before it is subscribed anew, which doubles each time
    /// it did not help; or eight times its longest silence so far if that is more. Other streams have five minutes in place
    /// of this, and one once sixteen messages have come. Default is a minute; `None`, the default for options, makes no
    /// difference between streams. Less than a second is taken for one. What is more than five minutes holds for all of
    /// them: with [`Duration::MAX`] any may be silent for ever.
    pub silence_max: Option<Duration>,
    /// Levels a side that a book keeps, at least `snapshot_limit`. The worst are dropped beyond it, and
    /// [told](crate::BookChange::Trimmed).
    pub levels_max: usize,
    /// The key that the host of [`Product::SpotSbe`] wants in the handshake.
    #[cfg(feature = "sign")]
    pub api_key: Option<Arc<ApiKey>>,
    /// Who signs in on the WebSocket API of spot, for [`Event::Account`](crate::Event): an Ed25519 key logs the
    /// connection on, others sign the subscription.
    #[cfg(feature = "sign")]
    pub account: Option<Arc<Credentials>>,
}

impl Default for Config {
    /// [`Config::spot`].
    fn default() -> Self {
        Self::spot()
    }
}

impl Config {
    /// Spot: no symbols, no streams; the venue's public hosts, snapshots of 1000 levels, books of 10000.
    pub fn spot() -> Self {
        Self::of(Product::Spot)
    }

    /// Spot in SBE: otherwise as [`spot`](Self::spot). The host wants a key.
    #[cfg(feature = "sign")]
    pub fn spot_sbe(api_key: Arc<ApiKey>) -> Self {
        Self { api_key: Some(api_key), ..Self::of(Product::SpotSbe) }
    }

    /// USD-M futures: otherwise as [`spot`](Self::spot).
    pub fn usd_m() -> Self {
        Self::of(Product::UsdM)
    }

    /// COIN-M futures: otherwise as [`spot`](Self::spot).
    pub fn coin_m() -> Self {
        Self::of(Product::CoinM)
    }

    /// Options: otherwise as [`spot`](Self::spot).
    pub fn options() -> Self {
        Self::of(Product::Options)
    }

    fn of(product: Product) -> Self {
        let (stream_url, api_url, rest_url) = product.hosts();
        Self {
            product,
            symbols: Vec::new(),
            streams: Vec::new(),
            markets: Vec::new(),
            stream_url: stream_url.into(),
            divided: product.divides_streams(),
            raw: false,
            microseconds: false,
            api_url: api_url.into(),
            rest_url: rest_url.into(),
            snapshots: product.snapshots(),
            snapshot_limit: 1000,
            silence_max: (product != Product::Options).then_some(Duration::from_secs(60)),
            levels_max: 10_000,
            #[cfg(feature = "sign")]
            api_key: None,
            #[cfg(feature = "sign")]
            account: None,
        }
    }

    /// Whether there is somebody to sign in.
    pub(super) fn has_account(&self) -> bool {
        #[cfg(feature = "sign")]
        return self.account.is_some();
        #[cfg(not(feature = "sign"))]
        false
    }

    /// The header fields of the handshake with the stream host.
    pub(super) fn headers(&self) -> Vec<(&'static str, String)> {
        #[cfg(feature = "sign")]
        if let Some(key) = &self.api_key {
            return vec![("X-MBX-APIKEY", key.as_str().to_owned())];
        }
        Vec::new()
    }

    /// Checks everything, and says what it comes to.
    pub(super) fn plan(&self) -> Result<Plan, ConfigError> {
        self.check_limits()?;
        self.check_hosts()?;
        let symbols = self.checked_symbols()?;
        let suffixes = self.streams.iter().map(|stream| stream.suffix(self.product));
        let suffixes = suffixes.collect::<Result<Vec<_>, _>>()?;
        let books = self.streams.iter().filter(|stream| matches!(stream, Stream::Depth { .. })).count();
        if books > 1 {
            return Err(ConfigError::DepthTwice);
        }
        let partial = self.streams.iter().any(|stream| matches!(stream, Stream::PartialDepth { .. }));
        let ambiguous = match self.product {
            Product::Spot | Product::SpotSbe => symbols.len() > 1,
            Product::UsdM | Product::CoinM | Product::Options => books > 0,
        };
        if self.raw && partial && ambiguous {
            return Err(ConfigError::PartialDepthRaw);
        }
        let of_symbol =
            |symbol: &str| suffixes.iter().map(|suffix| stream_name(symbol, suffix)).collect::<Vec<_>>();
        let mut names: Vec<String> = symbols.iter().flat_map(|symbol| of_symbol(symbol)).collect();
        names.extend(self.markets.iter().cloned());
        if self.has_account() && !matches!(self.product, Product::Spot | Product::SpotSbe) {
            return Err(ConfigError::AccountOfSpot);
        }
        if names.is_empty() && !self.has_account() {
            return Err(if symbols.is_empty() { ConfigError::NoSymbols } else { ConfigError::NoStreams });
        }
        self.check_names(&names)?;
        let book = self.streams.iter().position(|stream| matches!(stream, Stream::Depth { .. }));
        let book = book.and_then(|at| suffixes.get(at).cloned());
        if book.is_some()
            && self.names_no_stream()
            && names.iter().filter(|name| is_diff(name)).count() > symbols.len()
        {
            return Err(ConfigError::DepthTwice);
        }
        Ok(Plan { names, symbols, book })
    }

    /// Whether messages come without the name of their stream.
    fn names_no_stream(&self) -> bool {
        self.raw || self.product == Product::SpotSbe
    }

    fn check_hosts(&self) -> Result<(), ConfigError> {
        let spot = matches!(self.product, Product::Spot | Product::SpotSbe);
        if self.microseconds && !spot {
            return Err(ConfigError::MicrosecondsOfSpot);
        }
        if self.product == Product::SpotSbe && self.headers().is_empty() {
            return Err(ConfigError::ApiKeyMissing);
        }
        let keeps_books = self.streams.iter().any(|stream| matches!(stream, Stream::Depth { .. }));
        let uses_api = (keeps_books && self.snapshots == Snapshots::Api) || self.has_account();
        if uses_api && self.api_url.is_empty() {
            return Err(ConfigError::ApiUrlEmpty);
        }
        Ok(())
    }

    fn check_limits(&self) -> Result<(), ConfigError> {
        let limit = self.snapshot_limit;
        let (most, listed) = self.product.snapshot_limits();
        if !(1..=most).contains(&limit) || listed.is_some_and(|listed| !listed.contains(&limit)) {
            return Err(ConfigError::SnapshotLimit { limit });
        }
        if self.levels_max < usize::from(limit) {
            return Err(ConfigError::LevelsMax { levels_max: self.levels_max, snapshot_limit: limit });
        }
        Ok(())
    }

    fn checked_symbols(&self) -> Result<Vec<Box<str>>, ConfigError> {
        let mut symbols: Vec<Box<str>> = Vec::with_capacity(self.symbols.len());
        let mut seen = BTreeSet::new();
        for given in &self.symbols {
            let symbol: Box<str> = check_symbol(given)?.to_ascii_uppercase().into();
            if !seen.insert(symbol.clone()) {
                return Err(ConfigError::SymbolTwice { symbol });
            }
            symbols.push(symbol);
        }
        Ok(symbols)
    }

    fn check_names(&self, names: &[String]) -> Result<(), ConfigError> {
        let mut seen = BTreeSet::new();
        for name in names {
            self.check_name(name)?;
            if !seen.insert(name) {
                return Err(ConfigError::StreamTwice { stream: name.as_str().into() });
            }
        }
        Ok(())
    }

    /// Names go into JSON as they are. The venue confirms whatever looks like one.
    fn check_name(&self, name: &str) -> Result<(), ConfigError> {
        if name.is_empty() {
            return Err(ConfigError::StreamEmpty);
        }
        let bad = |c: &char| c.is_whitespace() || c.is_control() || "\"\\".contains(*c);
        if let Some(character) = name.chars().find(bad) {
            return Err(ConfigError::StreamCharacter { stream: name.into(), character });
        }
        // Options had symbols in upper case; what begins with `!` is of no symbol.
        let has_case = self.product != Product::Options && !name.starts_with('!');
        match name.split_once('@').filter(|_| has_case) {
            Some((symbol, _)) if symbol.bytes().any(|byte| byte.is_ascii_uppercase()) => {
                Err(ConfigError::StreamCase { stream: name.into() })
            }
            _ => Ok(()),
        }
    }

    /// Checks a stream that is added to those that are followed; `book` is what follows the `@` of those that feed books.
    pub(super) fn check_more(&self, name: &str, book: Option<&str>) -> Result<(), ConfigError> {
        self.check_name(name)?;
        let kind = name.split_once('@').and_then(|(_, suffix)| Kind::of(suffix));
        let suffix = name.split_once('@').map(|(_, suffix)| suffix);
        match kind {
            Some(Kind::Partial) if self.raw => Err(ConfigError::PartialDepthRaw),
            // Without the names of streams one diff could not be told from the other.
            Some(Kind::Diff) if self.names_no_stream() && book.is_some() && book != suffix => {
                Err(ConfigError::DepthTwice)
            }
            _ => Ok(()),
        }
    }

    /// How long a stream may be silent.
    pub(super) fn silence_max(&self, name: &str) -> Option<Duration> {
        let (symbol, suffix) = name.split_once('@')?;
        let of_all = self.silence_max.filter(|max| *max > UNKNOWN_SILENCE_MAX);
        if symbol == "!markPrice" || suffix.starts_with("markPrice") {
            return Some(of_all.unwrap_or(CLOCKED_SILENCE_MAX));
        }
        let of_books = matches!(Kind::of(suffix), Some(Kind::BookTicker | Kind::Diff | Kind::Partial));
        if of_books { self.silence_max } else { of_all }
    }

    /// Where streams of a class are.
    pub(super) fn stream_endpoint(&self, class: Class) -> Endpoint {
        let (url, headers) = (self.stream_url(class), self.headers());
        Endpoint { name: "stream", url, headers, terms: Terms { races: true, ..self.product.terms() } }
    }

    /// Where the WebSocket API is.
    pub(super) fn api_endpoint(&self) -> Endpoint {
        let (url, headers) = (self.api_url.clone(), Vec::new());
        Endpoint { name: "api", url, headers, terms: self.product.terms() }
    }

    fn stream_url(&self, class: Class) -> String {
        let host = self.stream_url.trim_end_matches('/');
        let class = match (self.divided, class) {
            (false, _) => "",
            (true, Class::Public) => "/public",
            (true, Class::Market) => "/market",
        };
        let form = if self.raw { "/ws" } else { "/stream" };
        let unit = if self.microseconds { "?timeUnit=MICROSECOND" } else { "" };
        format!("{host}{class}{form}{unit}")
    }
}

/// What a configuration comes to.
#[derive(Debug)]
pub(super) struct Plan {
    /// In the venue's spelling.
    pub(super) symbols: Vec<Box<str>>,
    /// The streams, each once.
    pub(super) names: Vec<String>,
    /// What follows the `@` of the stream that feeds the book of each symbol, if books are kept.
    pub(super) book: Option<String>,
}

fn check_symbol(symbol: &str) -> Result<&str, ConfigError> {
    if symbol.is_empty() {
        return Err(ConfigError::SymbolEmpty);
    }
    let bad = |c: &char| c.is_whitespace() || c.is_control() || "@/?#&\"\\".contains(*c);
    match symbol.chars().find(bad) {
        Some(character) => Err(ConfigError::SymbolCharacter { symbol: symbol.into(), character }),
        None => Ok(symbol),
    }
}

/// The name of a stream of a symbol, given in any case.
pub(super) fn stream_name(symbol: &str, suffix: &str) -> String {
    format!("{}@{suffix}", symbol.to_ascii_lowercase())
}

/// Whether a stream brings the changes of a book.
fn is_diff(name: &str) -> bool {
    name.split_once('@').is_some_and(|(_, kind)| kind == "depth" || kind.starts_with("depth@"))
}

#[cfg(test)]
mod tests {
    use super::{
        super::{link::Link, market::Market},
        *,
    };

    fn config(symbols: &[&str]) -> Config {
        let streams = vec![Stream::Trade, Stream::Depth { ms: 100 }];
        let symbols = symbols.iter().map(ToString::to_string).collect();
        Config { symbols, streams, ..Config::spot() }
    }

    /// The URL of each stream endpoint, and its streams.
    fn links(config: Config) -> Vec<(String, Vec<String>)> {
        let plan = config.plan().unwrap();
        let market = Market::new(config, plan);
        let names = |link: &Link| {
            (0..link.streams.subscriptions.wanted())
                .map(|at| link.streams.subscriptions.name(at).to_owned())
                .collect()
        };
        market.links.iter().map(|link| (market.endpoints[link.endpoint].url.clone(), names(link))).collect()
    }

    #[test]
    fn microseconds_are_asked_for_in_the_url() {
        let (url, _) = &links(Config { microseconds: true, ..config(&["A"]) })[0];
        assert_eq!(url, "wss://stream.binance.com:9443/stream?timeUnit=MICROSECOND");
    }

    #[test]
    fn names_are_lower_case_and_symbols_upper_case() {
        let plan = config(&["BtcUsdt", "１２３x"]).plan().unwrap();
        assert_eq!(plan.symbols, ["BTCUSDT".into(), "１２３X".into()] as [Box<str>; 2]);
        let names = ["btcusdt@trade", "btcusdt@depth@100ms", "１２３x@trade", "１２３x@depth@100ms"];
        assert_eq!(plan.names, names);
    }

    #[test]
    fn what_cannot_be_served_is_refused() {
        let raw = |config: Config| Config {
            raw: true,
            streams: vec![Stream::PartialDepth { levels: 5, ms: 100 }, Stream::Depth { ms: 100 }],
            ..config
        };
        let rows = [
            (config(&[]), ConfigError::NoSymbols),
            (Config { streams: Vec::new(), ..config(&["A"]) }, ConfigError::NoStreams),
            (config(&["A", ""]), ConfigError::SymbolEmpty),
            (config(&["a", "A"]), ConfigError::SymbolTwice { symbol: "A".into() }),
            (Config { snapshot_limit: 0, ..config(&["A"]) }, ConfigError::SnapshotLimit { limit: 0 }),
            (Config { snapshot_limit: 5001, ..config(&["A"]) }, ConfigError::SnapshotLimit { limit: 5001 }),
            (Config { snapshot_limit: 200, ..Config::usd_m() }, ConfigError::SnapshotLimit { limit: 200 }),
            (
                Config { levels_max: 999, ..config(&["A"]) },
                ConfigError::LevelsMax { levels_max: 999, snapshot_limit: 1000 },
            ),
            (
                Config {
                    streams: vec![Stream::Depth { ms: 100 }, Stream::Depth { ms: 1000 }],
                    ..config(&["A"])
                },
                ConfigError::DepthTwice,
            ),
            (
                Config { markets: vec!["a@depth@100ms".into()], ..config(&["A"]) },
                ConfigError::StreamTwice { stream: "a@depth@100ms".into() },
            ),
            (
                Config { markets: vec!["a@depth".into()], raw: true, ..config(&["A"]) },
                ConfigError::DepthTwice,
            ),
            (
                Config {
                    snapshots: Snapshots::Api,
                    streams: vec![Stream::Depth { ms: 100 }],
                    symbols: vec!["A".into()],
                    ..Config::options()
                },
                ConfigError::ApiUrlEmpty,
            ),
            (Config { product: Product::SpotSbe, ..config(&["A"]) }, ConfigError::ApiKeyMissing),
            (Config { microseconds: true, ..Config::usd_m() }, ConfigError::MicrosecondsOfSpot),
            (raw(config(&["A", "B"])), ConfigError::PartialDepthRaw),
            (raw(Config { symbols: vec!["A".into()], ..Config::usd_m() }), ConfigError::PartialDepthRaw),
        ];
        for (config, expected) in rows {
            assert_eq!(config.plan().unwrap_err(), expected);
        }
        assert!(raw(config(&["A"])).plan().is_ok());
    }

    #[test]
    fn characters_that_would_change_a_stream_name_are_refused() {
        for character in ['@', '/', '?', '#', '&', '"', '\\', ' ', '\u{a0}', '\n', '\0'] {
            let symbol = format!("AB{character}C");
            let expected = ConfigError::SymbolCharacter { symbol: symbol.clone().into(), character };
            assert_eq!(config(&[&symbol]).plan().unwrap_err(), expected);
        }
        let market = Config { markets: vec!["a\"b".into()], ..config(&["A"]) };
        let expected = ConfigError::StreamCharacter { stream: "a\"b".into(), character: '"' };
        assert_eq!(market.plan().unwrap_err(), expected);
    }

    #[test]
    fn names_that_the_venue_would_confirm_and_never_serve_are_refused() {
        let check = |config: Config, name: &str| config.check_more(name, None);
        let rows = [
            ("", ConfigError::StreamEmpty),
            ("BTCUSDT@bookTicker", ConfigError::StreamCase { stream: "BTCUSDT@bookTicker".into() }),
            (
                "btcusdt_PERPETUAL@continuousKline_1m",
                ConfigError::StreamCase { stream: "btcusdt_PERPETUAL@continuousKline_1m".into() },
            ),
            (
                "btc usdt@trade",
                ConfigError::StreamCharacter { stream: "btc usdt@trade".into(), character: ' ' },
            ),
        ];
        for (name, expected) in rows {
            for config in [Config::spot(), Config::usd_m(), Config::coin_m()] {
                assert_eq!(check(config, name), Err(expected.clone()), "{name}");
            }
            let markets = Config { markets: vec![name.into()], ..Config::spot() };
            assert_eq!(markets.plan().unwrap_err(), expected, "{name}");
        }
        let served = [
            "!miniTicker@arr",
            "!markPrice@arr@1s",
            "btcusdt@aggTrade",
            "btcusdt@kline_1M",
            "btcusdt@kline_1d@+08:00",
            "btcusdt_perpetual@continuousKline_1m",
            "１２３@trade",
            "tradingSession",
        ];
        served.into_iter().for_each(|name| assert_eq!(check(Config::usd_m(), name), Ok(()), "{name}"));
        assert_eq!(check(Config::options(), "BTC-251123-126000-C@trade"), Ok(()));
    }

    #[test]
    fn a_connection_carries_as_many_streams_as_the_venue_allows() {
        let symbols = (0..513).map(|n| format!("S{n}")).collect();
        let links = links(Config { symbols, ..config(&[]) });
        let counts: Vec<_> = links.iter().map(|(_, names)| names.len()).collect();
        assert_eq!(counts, [1024, 2]);
    }

    #[test]
    fn futures_have_a_connection_for_each_class() {
        let config = Config {
            symbols: vec!["BTCUSDT".into()],
            streams: vec![Stream::AggTrade, Stream::BookTicker],
            markets: vec!["!miniTicker@arr".into()],
            ..Config::usd_m()
        };
        assert_eq!(
            links(config.clone()),
            [
                ("wss://fstream.binance.com/public/stream".to_owned(), vec!["btcusdt@bookTicker".to_owned()]),
                (
                    "wss://fstream.binance.com/market/stream".to_owned(),
                    vec!["btcusdt@aggTrade".to_owned(), "!miniTicker@arr".to_owned()]
                ),
            ]
        );
        let whole = links(Config { divided: false, raw: true, ..config });
        let urls: Vec<_> = whole.iter().map(|(url, _)| url.as_str()).collect();
        assert_eq!(urls, ["wss://fstream.binance.com/ws"]);
    }
}
