//! Stream names.

/// Streams one connection may have.
pub(super) const STREAMS_MAX: usize = 1_024;

/// The names that a venue knows.
#[derive(Debug)]
pub(super) struct Grammar {
    /// Kinds that carry no further part. Those the market does not produce are acknowledged and mute.
    pub(super) kinds: &'static [&'static str],
    /// Of `kline_` and its relatives.
    pub(super) intervals: &'static [&'static str],
    /// What intervals come behind.
    pub(super) candles: &'static [&'static str],
    /// Names without a symbol.
    pub(super) all_market: &'static [&'static str],
}

impl Grammar {
    /// Whether a name has the form of a stream's. Whether its symbol exists is not looked at: the venue
    /// acknowledges unknown symbols and stays silent.
    pub(super) fn allows(&self, name: &str) -> bool {
        if self.all_market.contains(&name) {
            return true;
        }
        let Some((symbol, kind)) = name.split_once('@') else {
            return false;
        };
        let odd = |c: char| c.is_whitespace() || c.is_control() || "/\\\"'!?&=".contains(c);
        !symbol.is_empty() && !symbol.contains(odd) && (self.kinds.contains(&kind) || self.is_candle(kind))
    }

    fn is_candle(&self, kind: &str) -> bool {
        let Some(rest) = self.candles.iter().find_map(|candle| kind.strip_prefix(candle)) else {
            return false;
        };
        let interval = rest.strip_suffix("@+08:00").unwrap_or(rest);
        self.intervals.contains(&interval)
    }
}
