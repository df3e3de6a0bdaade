//! The texts of the requests that a session sends.

use std::fmt::Write;

use crate::subscriptions::Aim;

/// Writes a SUBSCRIBE or UNSUBSCRIBE of the named streams over `out`.
pub(super) fn streams<'a>(out: &mut String, aim: Aim, id: u64, names: impl Iterator<Item = &'a str>) {
    let method = match aim {
        Aim::Subscribe => "SUBSCRIBE",
        Aim::Unsubscribe => "UNSUBSCRIBE",
    };
    out.clear();
    push(out, format_args!(r#"{{"method":"{method}","params":["#));
    for (at, name) in names.enumerate() {
        if at > 0 {
            out.push(',');
        }
        // Names are checked, so nothing in them needs escaping.
        push(out, format_args!("\"{name}\""));
    }
    push(out, format_args!(r#"],"id":{id}}}"#));
}

/// Writes an API request for a book snapshot over `out`.
pub(super) fn snapshot(out: &mut String, id: u64, symbol: &str, limit: u16) {
    out.clear();
    push(
        out,
        format_args!(r#"{{"id":{id},"method":"depth","params":{{"symbol":"{symbol}","limit":{limit}}}}}"#),
    );
}

/// Writes the URL of a book snapshot over `out`.
pub(super) fn snapshot_url(out: &mut String, base: &str, symbol: &str, limit: u16) {
    out.clear();
    push(out, format_args!("{base}?symbol="));
    for byte in symbol.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => push(out, format_args!("%{byte:02X}")),
        }
    }
    push(out, format_args!("&limit={limit}"));
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn requests_are_the_json_the_venue_documents() {
        let mut text = String::from("left over");
        let names = ["btcusdt@trade", "１２３@depth@100ms"];
        streams(&mut text, Aim::Subscribe, 7, names.into_iter());
        let sent: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            sent,
            json!({"method": "SUBSCRIBE", "params": ["btcusdt@trade", "１２３@depth@100ms"], "id": 7})
        );
        streams(&mut text, Aim::Unsubscribe, 8, names.into_iter().take(1));
        let sent: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(sent, json!({"method": "UNSUBSCRIBE", "params": ["btcusdt@trade"], "id": 8}));
        snapshot_url(&mut text, "https://a/depth", "１a-Z_~.+%", 5);
        assert_eq!(text, "https://a/depth?symbol=%EF%BC%91a-Z_~.%2B%25&limit=5");
        snapshot(&mut text, 8, "BTCUSDT", 5000);
        let sent: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(sent, json!({"id": 8, "method": "depth", "params": {"symbol": "BTCUSDT", "limit": 5000}}));
    }
}
