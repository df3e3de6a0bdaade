//! What is followed, and how: all that it takes to make the same session again.

use super::Venue;
use serde_json::{Value, json};
use tickwire::venue::binance::Snapshots;

/// What a session is made of. What is `None` is as the venue usually has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setup {
    pub(crate) venue: Venue,
    pub(crate) symbols: Vec<String>,
    /// Streams of each symbol, by what stands behind the `@`.
    pub(crate) streams: Vec<String>,
    /// Other streams by their whole names.
    pub(crate) markets: Vec<String>,
    pub(crate) divided: Option<bool>,
    pub(crate) snapshots: Option<Snapshots>,
    pub(crate) snapshot_limit: Option<u16>,
    pub(crate) levels_max: Option<usize>,
    /// Whether it is a node that tells each change to everybody (Deribit).
    pub(crate) event_node: Option<bool>,
    /// Seconds between signs of life that are asked for (Deribit).
    pub(crate) heartbeat_s: Option<u64>,
    /// Whether a stream that is silent is subscribed anew.
    pub(crate) watches: bool,
    pub(crate) hosts: Option<Hosts>,
}

/// Where a venue is: streams, requests over a WebSocket, snapshots over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hosts {
    pub(crate) stream: String,
    pub(crate) api: String,
    pub(crate) rest: String,
}

impl Setup {
    /// The venue's usual rules and hosts.
    pub(crate) fn new(
        venue: Venue,
        symbols: Vec<String>,
        streams: Vec<String>,
        markets: Vec<String>,
    ) -> Self {
        Self {
            venue,
            symbols,
            streams,
            markets,
            divided: None,
            snapshots: None,
            snapshot_limit: None,
            levels_max: None,
            event_node: None,
            heartbeat_s: None,
            watches: true,
            hosts: None,
        }
    }

    /// As the header of a recording, without the hosts: no replay connects.
    pub(crate) fn header(&self) -> String {
        let snapshots = self.snapshots.map(|snapshots| match snapshots {
            Snapshots::Api => "api",
            Snapshots::Rest => "rest",
        });
        json!({
            "program": concat!("tickwire ", env!("CARGO_PKG_VERSION")), "venue": self.venue.name(),
            "symbols": self.symbols, "streams": self.streams, "markets": self.markets, "divided": self.divided,
            "snapshots": snapshots, "snapshot_limit": self.snapshot_limit, "levels_max": self.levels_max,
            "event_node": self.event_node, "heartbeat_s": self.heartbeat_s,
        })
        .to_string()
    }

    /// Of the header of a recording.
    pub(crate) fn of_header(header: &str) -> Result<Self, String> {
        let header: Value = serde_json::from_str(header).map_err(|error| format!("its header: {error}"))?;
        let name = header["venue"].as_str().unwrap_or_default();
        let venue =
            Venue::of_name(name).ok_or_else(|| format!("its header names an unknown venue {name:?}"))?;
        let texts = |key: &str| {
            let texts = header[key].as_array().map(Vec::as_slice).unwrap_or_default();
            texts.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let number = |key: &str| header[key].as_u64();
        Ok(Self {
            divided: header["divided"].as_bool(),
            snapshots: match header["snapshots"].as_str() {
                Some("api") => Some(Snapshots::Api),
                Some("rest") => Some(Snapshots::Rest),
                _ => None,
            },
            snapshot_limit: number("snapshot_limit").and_then(|limit| limit.try_into().ok()),
            levels_max: number("levels_max").and_then(|levels| levels.try_into().ok()),
            event_node: header["event_node"].as_bool(),
            heartbeat_s: number("heartbeat_s"),
            ..Self::new(venue, texts("symbols"), texts("streams"), texts("markets"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setup_survives_its_header() {
        let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        let plain = Setup::new(Venue::Deribit, texts(&["BTC-PERPETUAL"]), texts(&["book"]), Vec::new());
        let deribit = Setup { event_node: Some(true), heartbeat_s: Some(60), ..plain.clone() };
        let full = Setup {
            divided: Some(false),
            snapshots: Some(Snapshots::Rest),
            snapshot_limit: Some(500),
            levels_max: Some(600),
            ..Setup::new(
                Venue::BinanceUsdm,
                Vec::new(),
                texts(&["depth@100ms"]),
                texts(&["!forceOrder@arr", "a\"b"]),
            )
        };
        for setup in [plain, deribit, full] {
            assert_eq!(Setup::of_header(&setup.header()), Ok(setup));
        }
    }

    #[test]
    fn a_header_of_something_else_is_refused() {
        for header in ["", "[]", "{\"venue\":\"kraken\"}"] {
            assert!(Setup::of_header(header).is_err(), "{header}");
        }
    }
}
