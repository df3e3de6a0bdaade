//! What streams a file of messages holds, so that a session can follow them.

use serde_json::Value;
use std::collections::BTreeSet;

/// The streams of a file, in the order in which they appear.
#[derive(Debug, Default)]
pub(super) struct Scan {
    names: Vec<String>,
    seen: BTreeSet<String>,
}

impl Scan {
    /// Looks at one message.
    pub(super) fn look(&mut self, line: &[u8]) {
        let Some(name) = name_of(line) else { return };
        // Names go into requests; one that could not stand there is no stream's.
        if !self.seen.contains(&name) && !name.chars().any(|c| c.is_control() || "\"\\".contains(c)) {
            self.seen.insert(name.clone());
            self.names.push(name);
        }
    }

    /// What follows the `@` of the streams that books follow. A file may hold several speeds; books are made of
    /// the first, for the diffs of each are a chain of their own.
    pub(super) fn depth(&self) -> Option<&str> {
        self.names.iter().find_map(|name| book_of(name)).map(|(_, depth)| depth)
    }

    /// Symbols with changes of a book at that speed, in the venue's spelling.
    pub(super) fn books(&self) -> Vec<String> {
        let books = self.names.iter().filter_map(|name| book_of(name));
        books
            .filter(|(_, depth)| Some(*depth) == self.depth())
            .map(|(symbol, _)| symbol.to_ascii_uppercase())
            .collect()
    }

    /// Whether there are quotes.
    pub(super) fn has_quotes(&self) -> bool {
        self.names.iter().any(|name| name.ends_with("@bookTicker"))
    }

    /// All streams.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The instruments of Deribit's channels, those with books first.
    pub(super) fn instruments(&self) -> Vec<String> {
        let mut instruments: Vec<String> = Vec::new();
        let books = self.names.iter().filter(|name| name.starts_with("book."));
        let others = ["ticker.", "incremental_ticker.", "quote.", "trades."];
        let others = self.names.iter().filter(|name| others.iter().any(|kind| name.starts_with(kind)));
        for name in books.chain(others) {
            let instrument = name.split('.').nth(1).unwrap_or_default();
            // `trades.option.BTC.100ms` is of no single instrument.
            let single = instrument.contains('-') || instrument.contains('_');
            if single && !instruments.iter().any(|known| known == instrument) {
                instruments.push(instrument.to_owned());
            }
        }
        instruments
    }

    /// All streams but these of these symbols.
    pub(super) fn others(&self, symbols: &[String], streams: &[String]) -> Vec<String> {
        let is_other = |name: &&String| {
            name.split_once('@').is_none_or(|(symbol, stream)| {
                let is_of = |of: &String| of.eq_ignore_ascii_case(symbol);
                !symbols.iter().any(is_of) || !streams.iter().any(|of| of == stream)
            })
        };
        self.names.iter().filter(is_other).cloned().collect()
    }
}

/// The symbol and the kind of a stream that changes a book.
fn book_of(name: &str) -> Option<(&str, &str)> {
    name.split_once('@').filter(|(_, kind)| *kind == "depth" || kind.starts_with("depth@"))
}

/// The stream of a message, or a name for what it is; `None` for answers and what is no message.
fn name_of(line: &[u8]) -> Option<String> {
    // Most begin so, and need not be read to their end.
    if let Some(rest) = line.strip_prefix(br#"{"stream":""#)
        && let Some(end) = rest.iter().position(|byte| *byte == b'"')
        && let Some(name) = std::str::from_utf8(rest.get(..end)?).ok().filter(|name| !name.contains('\\'))
    {
        return Some(name.to_owned());
    }
    let message: Value = serde_json::from_slice(line).ok()?;
    if let Some(stream) = message.get("stream") {
        return Some(stream.as_str()?.to_owned());
    }
    if let Some(channel) = message.get("params").and_then(|params| params.get("channel")) {
        return Some(channel.as_str()?.to_owned());
    }
    let one = message.get(0).unwrap_or(&message);
    let symbol = one.get("s").or_else(|| one.get("o")?.get("s"))?.as_str()?.to_ascii_lowercase();
    let kind = match one.get("e").and_then(Value::as_str) {
        Some("depthUpdate") => "depth",
        // On spot, best bid and ask do not say what they are.
        None if one.get("B").is_some() => "bookTicker",
        Some(kind) => kind,
        None => return None,
    };
    Some(format!("{symbol}@{kind}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(lines: &[&str]) -> Scan {
        let mut scan = Scan::default();
        lines.iter().for_each(|line| scan.look(line.as_bytes()));
        scan
    }

    #[test]
    fn streams_are_found_by_their_names() {
        let scan = scan(&[
            r#"{"stream":"btcusd_perp@depth@100ms","data":{}}"#,
            r#"{ "data":{}, "stream":"ethusd_perp@depth" }"#,
            r#"{"stream":"btcusd_perp@bookTicker","data":{}}"#,
            r#"{"stream":"btcusd_perp@depth5@100ms","data":{}}"#,
            r#"{"stream":"btcusd_perp@depth@100ms","data":{}}"#,
            r#"{"stream":"btcusd_perp@depth@500ms","data":{}}"#,
            r#"{"result":null,"id":1}"#,
            "<html>",
        ]);
        assert_eq!(scan.depth(), Some("depth@100ms"));
        assert_eq!(scan.books(), ["BTCUSD_PERP"]);
        assert!(scan.has_quotes());
        let others = ["ethusd_perp@depth", "btcusd_perp@depth5@100ms", "btcusd_perp@depth@500ms"];
        let streams = ["depth@100ms", "bookTicker"].map(str::to_owned);
        assert_eq!(scan.others(&["BTCUSD_PERP".to_owned()], &streams), others);
    }

    #[test]
    fn channels_tell_their_instruments_books_first() {
        let of =
            |channel: &str| format!(r#"{{"jsonrpc":"2.0","params":{{"channel":"{channel}","data":{{}}}}}}"#);
        let lines = [
            "ticker.ETH-PERPETUAL.raw",
            "trades.option.BTC.100ms",
            "book.BTC-7MAY21-2100-C.raw",
            "deribit_price_index.btc_usd",
        ]
        .map(of);
        let scan = scan(&lines.each_ref().map(String::as_str));
        assert_eq!(scan.instruments(), ["BTC-7MAY21-2100-C", "ETH-PERPETUAL"]);
        assert_eq!(scan.names().len(), 4);
    }

    #[test]
    fn messages_without_a_stream_tell_what_they_are() {
        let scan = scan(&[
            r#"{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":2,"b":[],"a":[]}"#,
            r#"{"u":1,"s":"BTCUSDT","b":"1","B":"1","a":"2","A":"1"}"#,
            r#"[{"e":"24hrMiniTicker","E":1,"s":"ETHUSDT"}]"#,
            r#"{"e":"forceOrder","E":1,"o":{"s":"XRPUSDT"}}"#,
        ]);
        assert_eq!(scan.books(), ["BTCUSDT"]);
        assert!(scan.has_quotes());
        assert_eq!(
            scan.others(&scan.books(), &["depth".to_owned()]),
            ["btcusdt@bookTicker", "ethusdt@24hrMiniTicker", "xrpusdt@forceOrder"]
        );
    }
}
