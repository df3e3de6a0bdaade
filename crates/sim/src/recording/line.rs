//! The lines of a recording's files, and what the names of their streams say.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use serde_json::Value;
use serde_json::value::RawValue;

/// One recorded message.
#[derive(Debug)]
pub(crate) struct Line {
    /// Since the first message of the recording.
    pub(crate) at: Duration,
    /// The stream or channel.
    pub(crate) stream: String,
    /// The whole message.
    pub(crate) text: String,
    data: Range<usize>,
}

impl Line {
    /// As a connection with or without wrapped payloads gets it, byte for byte as it stands in the text.
    pub(crate) fn text(&self, combined: bool) -> &str {
        if combined { &self.text } else { self.text.get(self.data.clone()).unwrap_or_default() }
    }
}

/// A message of a combined stream, or of a channel; `None` for another one of a JSON-RPC venue.
pub(super) fn parse(text: &str) -> Result<Option<Line>, String> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).map_err(|e| e.to_string())?;
    if members.contains_key("jsonrpc") {
        return Ok(notification(text, &members));
    }
    let member = |name: &str| members.get(name).ok_or_else(|| format!("no member `{name}`"));
    let stream = serde_json::from_str(member("stream")?.get()).map_err(|e| format!("`stream`: {e}"))?;
    let data = member("data")?.get();
    // An equal text earlier in the line would serve as well, so the first occurrence is good enough.
    let start = text.find(data).unwrap_or_default();
    Ok(Some(Line { at: Duration::ZERO, stream, text: text.to_owned(), data: start..start + data.len() }))
}

fn notification(text: &str, members: &BTreeMap<String, &RawValue>) -> Option<Line> {
    let parameters: Value = serde_json::from_str(members.get("params")?.get()).ok()?;
    let stream = parameters.get("channel")?.as_str()?.to_owned();
    Some(Line { at: Duration::ZERO, stream, text: text.to_owned(), data: 0..text.len() })
}

/// The symbol that a stream's name has, as the venue's payloads spell it.
pub(super) fn symbol(stream: &str) -> Option<String> {
    if let Some((symbol, _)) = stream.split_once('@') {
        return Some(symbol.to_uppercase()).filter(|symbol| !symbol.is_empty() && !symbol.starts_with('!'));
    }
    let mut parts = stream.split('.');
    let (kind, name) = (parts.next()?, parts.next()?);
    let of_all = kind == "trades" && parts.count() == 2;
    let kinds = ["book", "trades", "ticker", "incremental_ticker", "quote", "perpetual"];
    (kinds.contains(&kind) && !of_all).then(|| name.to_owned())
}

/// Whether a stream brings the diffs of a book.
pub(super) fn is_book(stream: &str) -> bool {
    let mut parts = stream.split('.');
    match stream.split_once('@') {
        Some((_, kind)) => matches!(kind, "depth" | "depth@100ms" | "depth@500ms" | "depth@0ms"),
        None => parts.next() == Some("book") && parts.count() == 2,
    }
}

pub(super) fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.trim().parse().map_err(|e| format!("not a time in seconds: {e}"))?;
    if seconds.is_finite() { Ok(seconds) } else { Err("not a finite time".to_owned()) }
}

pub(super) fn snapshot_text(text: &str) -> Result<String, String> {
    let value: Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
    if value.get("lastUpdateId").is_some_and(Value::is_u64) {
        Ok(text.to_owned())
    } else {
        Err("a snapshot without `lastUpdateId`".to_owned())
    }
}

pub(super) fn snapshot_symbol(text: &str) -> Result<String, String> {
    let value: Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let url = value.get("url").and_then(Value::as_str).ok_or("no `url`")?;
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let symbol = query.split('&').find_map(|pair| pair.strip_prefix("symbol="));
    symbol.map(str::to_uppercase).ok_or_else(|| "the url has no `symbol`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_keeps_its_text_and_knows_where_its_data_is() {
        let text = r#"{"stream":"abc@depth","data": {"u": 1.0, "b":[ ]} }"#;
        let line = parse(text).expect("a combined message").expect("data");
        assert_eq!((line.text(true), line.stream.as_str()), (text, "abc@depth"));
        assert_eq!(line.text(false), r#"{"u": 1.0, "b":[ ]}"#);
    }

    #[test]
    fn of_a_json_rpc_venue_only_the_notifications_of_channels_are_kept() {
        let text =
            r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"book.A-B.raw","data":{}}}"#;
        let line = parse(text).expect("JSON").expect("data");
        assert_eq!((line.text(true), line.text(false), line.stream.as_str()), (text, text, "book.A-B.raw"));
        for other in [
            r#"{"jsonrpc":"2.0","id":0,"result":["book.A-B.raw"],"testnet":false}"#,
            r#"{"params":{"type":"heartbeat"},"method":"heartbeat","jsonrpc":"2.0"}"#,
        ] {
            assert!(parse(other).expect("JSON").is_none(), "{other}");
        }
    }

    #[test]
    fn stream_names_tell_symbol_and_kind() {
        let table = [
            ("btcusdt@depth@100ms", Some("BTCUSDT"), true),
            ("btcusd_210625@aggTrade", Some("BTCUSD_210625"), false),
            ("btcusdt@depth5", Some("BTCUSDT"), false),
            ("!ticker@arr", None, false),
            ("book.BTC-PERPETUAL.raw", Some("BTC-PERPETUAL"), true),
            ("book.BTC-PERPETUAL.none.10.100ms", Some("BTC-PERPETUAL"), false),
            ("trades.ETH-7MAY21-2100-C.raw", Some("ETH-7MAY21-2100-C"), false),
            ("trades.option.BTC.100ms", None, false),
            ("deribit_price_index.btc_usd", None, false),
        ];
        for (stream, named, book) in table {
            assert_eq!((symbol(stream).as_deref(), is_book(stream)), (named, book), "{stream}");
        }
    }
}
