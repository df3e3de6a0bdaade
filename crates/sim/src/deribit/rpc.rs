//! JSON-RPC as the venue speaks it: requests in, answers and notifications out.

use serde_json::{Map, Value, json};

use crate::clock::Now;

/// What the server takes to answer, as it says.
const MICROSECONDS: u64 = 41;

/// A request that could be read. It may hold secrets, so it is not printed.
pub(super) struct Request {
    pub(super) id: Option<Value>,
    pub(super) method: String,
    pub(super) parameters: Map<String, Value>,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    code: i32,
    message: &'static str,
    data: Option<Box<Value>>,
}

impl Fault {
    pub(super) const TOO_LARGE: Self = Self::new(-32_600, "request entity too large");
    pub(super) const NO_METHOD: Self = Self::new(-32_601, "Method not found");
    pub(super) const INVALID_CREDENTIALS: Self = Self::new(13_004, "invalid_credentials");
    pub(super) const NOT_FOUND: Self = Self::new(13_020, "not_found");
    pub(super) const RAW: Self = Self::new(13_778, "raw_subscriptions_not_available_for_unauthorized");
    pub(super) const TOO_MANY: Self = Self::new(10_028, "too_many_requests");
    pub(super) const MAINTENANCE: Self = Self::new(11_051, "system_maintenance");

    const fn new(code: i32, message: &'static str) -> Self {
        Self { code, message, data: None }
    }

    pub(super) fn unauthorized(reason: &str) -> Self {
        Self { code: 13_009, message: "unauthorized", data: Some(Box::new(json!({ "reason": reason }))) }
    }

    pub(super) fn parameter(name: &str, reason: &str) -> Self {
        let data = json!({ "reason": reason, "param": name });
        Self { code: -32_602, message: "Invalid params", data: Some(Box::new(data)) }
    }
}

impl Request {
    /// Reads a text; a refusal goes out with the id, where there is one.
    pub(super) fn parse(text: &str) -> Result<Self, (Option<Value>, Fault)> {
        let unreadable =
            || Fault { code: 11_050, message: "bad_request", data: Some(Box::new("invalid json".into())) };
        let value: Value = serde_json::from_str(text).map_err(|_| (None, unreadable()))?;
        let invalid = || Fault::new(-32_600, "Invalid Request");
        let Value::Object(mut members) = value else {
            return Err((None, invalid()));
        };
        let id = members.remove("id").filter(|id| id.is_string() || id.is_i64() || id.is_u64());
        let Some(Value::String(method)) = members.remove("method") else {
            return Err((id, invalid()));
        };
        match members.remove("params") {
            None | Some(Value::Null) => Ok(Self { id, method, parameters: Map::new() }),
            Some(Value::Object(parameters)) => Ok(Self { id, method, parameters }),
            Some(_) => Err((id, invalid())),
        }
    }

    /// A parameter that must be a text.
    pub(super) fn text(&self, name: &str) -> Result<&str, Fault> {
        match self.parameters.get(name) {
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(Fault::parameter(name, "value must be a string")),
            None => Err(Fault::parameter(name, "value required")),
        }
    }

    /// A parameter that must be a whole number.
    pub(super) fn number(&self, name: &str) -> Result<u64, Fault> {
        match self.parameters.get(name) {
            Some(value) => value.as_u64().ok_or_else(|| Fault::parameter(name, "value must be an integer")),
            None => Err(Fault::parameter(name, "value required")),
        }
    }

    /// A parameter that must be a list of texts.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<&str>, Fault> {
        let Some(value) = self.parameters.get(name) else {
            return Err(Fault::parameter(name, "value required"));
        };
        let listed =
            value.as_array().map(|items| items.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
        listed.flatten().ok_or_else(|| Fault::parameter(name, "value must be a list of strings"))
    }
}

/// The answer to a request; `result` is JSON already.
pub(super) fn answer(id: Option<&Value>, result: Result<String, Fault>, testnet: bool, now: Now) -> String {
    let id = id.map(|id| format!(r#""id":{id},"#)).unwrap_or_default();
    let body = match result {
        Ok(result) => format!(r#""result":{result}"#),
        Err(Fault { code, message, data }) => {
            let data = data.map(|data| format!(r#""data":{data},"#)).unwrap_or_default();
            format!(r#""error":{{"code":{code},{data}"message":"{message}"}}"#)
        }
    };
    let (received, sent) = (now.unix_us, now.unix_us + MICROSECONDS);
    format!(
        r#"{{"jsonrpc":"2.0",{id}{body},"usIn":{received},"usOut":{sent},"usDiff":{MICROSECONDS},"testnet":{testnet}}}"#
    )
}

/// A message of a channel; `data` is JSON already.
pub(super) fn notification(channel: &str, data: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"subscription","params":{{"channel":"{channel}","data":{data}}}}}"#)
}

/// A message of the heartbeat, with its members in the order they were seen in.
pub(super) fn heartbeat(kind: &str) -> String {
    format!(r#"{{"params":{{"type":"{kind}"}},"method":"heartbeat","jsonrpc":"2.0"}}"#)
}
