//! The texts of the requests that a session sends.

use std::fmt::Write;

/// What a sign-in shows.
#[derive(Clone, Copy)]
pub(super) enum Grant<'a> {
    Secret {
        client_id: &'a str,
        client_secret: &'a str,
    },
    #[cfg_attr(not(feature = "sign"), allow(dead_code, reason = "made by what signs"))]
    Signature {
        client_id: &'a str,
        timestamp_ms: u64,
        nonce: &'a str,
        signature: &'a str,
    },
    Refresh {
        token: &'a str,
    },
}

/// Wants a sign of life each `interval_s` seconds.
pub(super) fn set_heartbeat(out: &mut String, id: u64, interval_s: u64) {
    begin(out, id, "public/set_heartbeat");
    push(out, format_args!(r#"{{"interval":{interval_s}}}}}"#));
}

/// Answers a test request.
pub(super) fn test(out: &mut String, id: u64) {
    begin(out, id, "public/test");
    out.push_str("{}}");
}

/// Subscribes or unsubscribes channels.
pub(super) fn channels<'a>(out: &mut String, id: u64, method: &str, names: impl Iterator<Item = &'a str>) {
    begin(out, id, method);
    out.push_str(r#"{"channels":["#);
    for (at, name) in names.enumerate() {
        if at > 0 {
            out.push(',');
        }
        quoted(out, name);
    }
    out.push_str("]}}");
}

/// Signs in.
pub(super) fn auth(out: &mut String, id: u64, grant: Grant<'_>) {
    begin(out, id, "public/auth");
    match grant {
        Grant::Secret { client_id, client_secret } => {
            out.push_str(r#"{"grant_type":"client_credentials","client_id":"#);
            quoted(out, client_id);
            out.push_str(r#","client_secret":"#);
            quoted(out, client_secret);
        }
        Grant::Signature { client_id, timestamp_ms, nonce, signature } => {
            out.push_str(r#"{"grant_type":"client_signature","client_id":"#);
            quoted(out, client_id);
            push(out, format_args!(r#","timestamp":{timestamp_ms},"nonce":"#));
            quoted(out, nonce);
            out.push_str(r#","data":"","signature":"#);
            quoted(out, signature);
        }
        Grant::Refresh { token } => {
            out.push_str(r#"{"grant_type":"refresh_token","refresh_token":"#);
            quoted(out, token);
        }
    }
    out.push_str("}}");
}

fn begin(out: &mut String, id: u64, method: &str) {
    push(out, format_args!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":"#));
}

/// A JSON string.
fn quoted(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                out.push('\\');
                out.push(character);
            }
            '\0'..='\u{1f}' => push(out, format_args!("\\u{:04x}", u32::from(character))),
            _ => out.push(character),
        }
    }
    out.push('"');
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn sent(write: impl FnOnce(&mut String)) -> Value {
        let mut text = String::new();
        write(&mut text);
        serde_json::from_str(&text).unwrap()
    }

    fn request(id: u64, method: &str, params: &Value) -> Value {
        json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
    }

    #[test]
    fn requests_are_the_json_the_venue_documents() {
        assert_eq!(
            sent(|out| set_heartbeat(out, 1, 30)),
            request(1, "public/set_heartbeat", &json!({"interval": 30}))
        );
        assert_eq!(sent(|out| test(out, 2)), request(2, "public/test", &json!({})));
        let names = ["book.A.raw", "b\"\\\n\u{e9}"];
        assert_eq!(
            sent(|out| channels(out, 3, "public/subscribe", names.into_iter())),
            request(3, "public/subscribe", &json!({"channels": names}))
        );
    }

    #[test]
    fn each_grant_shows_what_it_takes() {
        let secret = Grant::Secret { client_id: "one", client_secret: "t\"wo" };
        let params =
            json!({"grant_type": "client_credentials", "client_id": "one", "client_secret": "t\"wo"});
        assert_eq!(sent(|out| auth(out, 4, secret)), request(4, "public/auth", &params));
        let signature =
            Grant::Signature { client_id: "one", timestamp_ms: 17, nonce: "n", signature: "00ff" };
        let params = json!({
            "grant_type": "client_signature", "client_id": "one", "timestamp": 17, "nonce": "n", "data": "",
            "signature": "00ff",
        });
        assert_eq!(sent(|out| auth(out, 5, signature)), request(5, "public/auth", &params));
        let params = json!({"grant_type": "refresh_token", "refresh_token": "three"});
        let refresh = Grant::Refresh { token: "three" };
        assert_eq!(sent(|out| auth(out, 6, refresh)), request(6, "public/auth", &params));
    }
}
