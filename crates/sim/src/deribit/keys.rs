//! Who may authenticate, and how: by secret, by signature, by a token of an earlier authentication.

use std::collections::BTreeSet;
use std::fmt;

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use super::rpc::{Fault, Request};
use crate::clock::Now;
use crate::options::Key;

/// How far a signature's time may lie from the server's.
const SIGNATURE_MS: u64 = 60_000;

/// The one known key and the tokens that were given out.
pub(super) struct Keys {
    key: Option<Key>,
    token_seconds: u64,
    given: u64,
    access: BTreeSet<String>,
    refresh: BTreeSet<String>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("given", &self.given).finish_non_exhaustive()
    }
}

impl Keys {
    pub(super) fn new(key: Option<Key>, token_seconds: u64) -> Self {
        Self { key, token_seconds, given: 0, access: BTreeSet::new(), refresh: BTreeSet::new() }
    }

    /// Whether this is a token of some authentication.
    pub(super) fn knows(&self, access_token: &str) -> bool {
        self.access.contains(access_token)
    }

    /// Answers `public/auth`.
    pub(super) fn authenticate(&mut self, request: &Request, now: Now) -> Result<String, Fault> {
        match request.text("grant_type")? {
            "client_credentials" => {
                let key = self.find(request.text("client_id")?)?;
                if key.secret != request.text("client_secret")? {
                    return Err(Fault::INVALID_CREDENTIALS);
                }
            }
            "client_signature" => self.check_signature(request, now)?,
            "refresh_token" => {
                if !self.refresh.remove(request.text("refresh_token")?) {
                    return Err(Fault::unauthorized("invalid_token"));
                }
            }
            _ => return Err(Fault::parameter("grant_type", "invalid value")),
        }
        Ok(self.give(request, now))
    }

    fn find(&self, id: &str) -> Result<&Key, Fault> {
        self.key.as_ref().filter(|key| key.id == id).ok_or(Fault::INVALID_CREDENTIALS)
    }

    /// The signature is the hexadecimal HMAC-SHA256 of time, nonce and data, a line each but the last.
    fn check_signature(&self, request: &Request, now: Now) -> Result<(), Fault> {
        let key = self.find(request.text("client_id")?)?;
        let timestamp = request.number("timestamp")?;
        let data = match request.parameters.get("data") {
            None => "",
            Some(_) => request.text("data")?,
        };
        let message = format!("{timestamp}\n{}\n{data}", request.text("nonce")?);
        let signature = unhex(request.text("signature")?).unwrap_or_default();
        let secret = hmac::Key::new(hmac::HMAC_SHA256, key.secret.as_bytes());
        let timely = now.unix_ms().abs_diff(timestamp) <= SIGNATURE_MS;
        if timely && hmac::verify(&secret, message.as_bytes(), &signature).is_ok() {
            Ok(())
        } else {
            Err(Fault::unauthorized("invalid_signature"))
        }
    }

    fn give(&mut self, request: &Request, now: Now) -> String {
        self.given += 1;
        let token = |kind: &str| format!("{}.{kind}.{}", now.unix_us, self.given);
        let (access, refresh) = (token("access"), token("refresh"));
        let scope = request.parameters.get("scope").and_then(Value::as_str).unwrap_or("connection");
        let mut result = json!({
            "access_token": access,
            "expires_in": self.token_seconds,
            "refresh_token": refresh,
            "scope": scope,
            "token_type": "bearer",
            "enabled_features": [],
        });
        if let Value::Object(members) = &mut result {
            let session = scope.strip_prefix("session:").map(|name| ("sid", Value::from(name)));
            let state = request.parameters.get("state").map(|state| ("state", state.clone()));
            members.extend(session.into_iter().chain(state).map(|(name, value)| (name.to_owned(), value)));
        }
        self.access.insert(access);
        self.refresh.insert(refresh);
        result.to_string()
    }
}

/// Lower case hexadecimal digits as bytes.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).filter(|_| !byte.is_ascii_uppercase());
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        &[high, low] => u8::try_from(digit(high)? << 4 | digit(low)?).ok(),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    fn keys() -> Keys {
        Keys::new(Some(Key { id: "me".to_owned(), secret: "ABCD".to_owned() }), 900)
    }

    fn ask(keys: &mut Keys, parameters: &str, unix_ms: u64) -> Result<Value, Fault> {
        let text = format!(r#"{{"method":"public/auth","params":{parameters}}}"#);
        let request = Request::parse(&text).expect("a request");
        let now = Now { unix_us: unix_ms * 1_000, ..clock::now() };
        keys.authenticate(&request, now).map(|result| serde_json::from_str(&result).expect("JSON"))
    }

    /// The vector of the fact sheet, made with another implementation.
    #[test]
    fn a_signature_holds_for_a_minute() {
        let signed = |signature: &str| {
            let rest = r#""client_id":"me","timestamp":1576074319000,"nonce":"1iqt2wls","data":"""#;
            format!(r#"{{"grant_type":"client_signature",{rest},"signature":"{signature}"}}"#)
        };
        let good = signed("b36e06f454307df37628da57fa6c0632ed4850ef7321a34ec5b75869bd0fc7d5");
        let other = signed("b36e06f454307df37628da57fa6c0632ed4850ef7321a34ec5b75869bd0fc7d6");
        assert!(ask(&mut keys(), &good, 1_576_074_319_000).is_ok());
        assert!(ask(&mut keys(), &good, 1_576_074_379_000).is_ok());
        let refused = Err(Fault::unauthorized("invalid_signature"));
        assert_eq!(ask(&mut keys(), &good, 1_576_074_379_001), refused);
        assert_eq!(ask(&mut keys(), &other, 1_576_074_319_000), refused);
    }

    #[test]
    fn a_refresh_token_serves_once() {
        let mut keys = keys();
        let by_secret = r#"{"grant_type":"client_credentials","client_id":"me","client_secret":"ABCD"}"#;
        let first = ask(&mut keys, by_secret, 1).expect("accepted");
        assert_eq!((&first["expires_in"], &first["token_type"]), (&json!(900), &json!("bearer")));
        assert!(keys.knows(first["access_token"].as_str().expect("a token")));
        let again = format!(r#"{{"grant_type":"refresh_token","refresh_token":{}}}"#, first["refresh_token"]);
        assert!(ask(&mut keys, &again, 2).is_ok());
        assert_eq!(ask(&mut keys, &again, 3), Err(Fault::unauthorized("invalid_token")));
        let wrong = by_secret.replace("ABCD", "abcd");
        assert_eq!(ask(&mut keys, &wrong, 4), Err(Fault::INVALID_CREDENTIALS));
    }
}
