//! The WebSocket API: `ping`, `time` and `depth`, with their cost.

use serde_json::{Map, Value, json};

const WEIGHT_PER_MINUTE: u64 = 6_000;
const CONNECT_WEIGHT: u64 = 2;
const DEPTH_DEFAULT: u64 = 100;
const DEPTH_MAX: u64 = 5_000;
const MINUTE_MS: u64 = 60_000;

/// One connection's account. The venue keeps it per address; one a connection is enough here.
#[derive(Debug)]
pub(crate) struct Api {
    rate_limits: bool,
    minute: u64,
    weight: u64,
}

/// Status, code and message of a refused request.
struct Fault {
    status: u16,
    code: i32,
    message: String,
    data: Option<Value>,
}

fn bad(code: i32, message: impl Into<String>) -> Fault {
    Fault { status: 400, code, message: message.into(), data: None }
}

impl Api {
    /// `rate_limits`: whether answers say what was used so far.
    pub(crate) fn new(rate_limits: bool, unix_ms: u64) -> Self {
        Self { rate_limits, minute: unix_ms / MINUTE_MS, weight: CONNECT_WEIGHT }
    }

    /// Answers one request. `depth` gives the text of a symbol's snapshot with at most so many levels a
    /// side, or `None` for a symbol that does not exist.
    pub(crate) fn answer(
        &mut self,
        text: &str,
        unix_ms: u64,
        depth: &mut dyn FnMut(&str, usize) -> Option<String>,
    ) -> String {
        if unix_ms / MINUTE_MS != self.minute {
            self.minute = unix_ms / MINUTE_MS;
            self.weight = 0;
        }
        let request: Option<Map<String, Value>> = serde_json::from_str(text).ok();
        let Some(request) = request else {
            let fault = bad(-1135, "Invalid JSON request, or the request is not an object.");
            return self.refuse(&fault, &Value::Null, self.rate_limits);
        };
        let id = request.get("id").unwrap_or(&Value::Null);
        let none = Map::new();
        let parameters = match request.get("params") {
            None | Some(Value::Null) => &none,
            Some(Value::Object(parameters)) => parameters,
            Some(_) => {
                return self.refuse(&bad(-1135, "'params' must be an object."), id, self.rate_limits);
            }
        };
        let wanted = parameters.get("returnRateLimits").and_then(Value::as_bool);
        let rate_limits = wanted.unwrap_or(self.rate_limits);
        match self.perform(request.get("method"), parameters, unix_ms, depth) {
            // The result is spliced in as it is, so that a recorded snapshot keeps every byte.
            Ok(result) => {
                format!(r#"{{"id":{id},"status":200,"result":{result}{}}}"#, self.usage(rate_limits))
            }
            Err(fault) => self.refuse(&fault, id, rate_limits),
        }
    }

    fn perform(
        &mut self,
        method: Option<&Value>,
        parameters: &Map<String, Value>,
        unix_ms: u64,
        depth: &mut dyn FnMut(&str, usize) -> Option<String>,
    ) -> Result<String, Fault> {
        let Some(method) = method.and_then(Value::as_str) else {
            return Err(bad(-1102, mandatory("method")));
        };
        match method.strip_prefix("v3/").unwrap_or(method) {
            "ping" => {
                self.charge(1, unix_ms)?;
                Ok("{}".to_owned())
            }
            "time" => {
                self.charge(1, unix_ms)?;
                Ok(json!({ "serverTime": unix_ms }).to_string())
            }
            "depth" => {
                let symbol = symbol(parameters)?;
                let limit = limit(parameters)?;
                check_others(parameters)?;
                self.charge(depth_weight(limit), unix_ms)?;
                let limit = usize::try_from(limit).unwrap_or(usize::MAX);
                depth(symbol, limit).ok_or_else(|| bad(-1121, "Invalid symbol."))
            }
            _ => Err(bad(-1020, "This operation is not supported.")),
        }
    }

    fn charge(&mut self, weight: u64, unix_ms: u64) -> Result<(), Fault> {
        self.weight += weight;
        if self.weight <= WEIGHT_PER_MINUTE {
            return Ok(());
        }
        let retry_after = (self.minute + 1) * MINUTE_MS;
        Err(Fault {
            status: 429,
            code: -1003,
            message: format!(
                "Too much request weight used; current limit is {WEIGHT_PER_MINUTE} per MINUTE."
            ),
            data: Some(json!({ "serverTime": unix_ms, "retryAfter": retry_after })),
        })
    }

    fn usage(&self, wanted: bool) -> String {
        if !wanted {
            return String::new();
        }
        format!(
            concat!(
                r#","rateLimits":[{{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","#,
                r#""intervalNum":1,"limit":{},"count":{}}}]"#
            ),
            WEIGHT_PER_MINUTE, self.weight
        )
    }

    fn refuse(&self, fault: &Fault, id: &Value, rate_limits: bool) -> String {
        let mut error = json!({ "code": fault.code, "msg": fault.message });
        if let (Some(data), Value::Object(error)) = (&fault.data, &mut error) {
            error.insert("data".to_owned(), data.clone());
        }
        let usage = self.usage(rate_limits);
        format!(r#"{{"id":{id},"status":{},"error":{error}{usage}}}"#, fault.status)
    }
}

fn mandatory(name: &str) -> String {
    format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
}

fn symbol(parameters: &Map<String, Value>) -> Result<&str, Fault> {
    let symbol = parameters.get("symbol").and_then(Value::as_str).unwrap_or_default();
    if symbol.is_empty() {
        return Err(bad(-1102, mandatory("symbol")));
    }
    if symbol.chars().any(|c| c.is_lowercase() || c.is_whitespace() || c.is_control()) {
        let legal = "legal range is '^[A-Z0-9-_.]{1,20}$'";
        return Err(bad(-1100, format!("Illegal characters found in parameter 'symbol'; {legal}.")));
    }
    Ok(symbol)
}

fn limit(parameters: &Map<String, Value>) -> Result<u64, Fault> {
    let Some(limit) = parameters.get("limit") else {
        return Ok(DEPTH_DEFAULT);
    };
    let Some(limit) = limit.as_u64() else {
        let legal = "legal range is '^[0-9]{1,20}$'";
        return Err(bad(-1100, format!("Illegal characters found in parameter 'limit'; {legal}.")));
    };
    if (1..=DEPTH_MAX).contains(&limit) {
        Ok(limit)
    } else {
        Err(bad(-1130, "Data sent for parameter 'limit' is not valid."))
    }
}

fn check_others(parameters: &Map<String, Value>) -> Result<(), Fault> {
    for (name, value) in parameters {
        match name.as_str() {
            "symbol" | "limit" | "returnRateLimits" => {}
            "symbolStatus" => match value.as_str() {
                Some("TRADING") => {}
                Some("HALT" | "BREAK") => {
                    return Err(bad(-1220, "The symbol's status does not match the requested symbolStatus."));
                }
                _ => return Err(bad(-1122, "Invalid symbolStatus.")),
            },
            _ => return Err(bad(-1103, "An unknown parameter was sent.")),
        }
    }
    Ok(())
}

fn depth_weight(limit: u64) -> u64 {
    match limit {
        0..=100 => 5,
        101..=500 => 25,
        501..=1_000 => 50,
        _ => 250,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_is_cleared_with_the_clocks_minute() {
        let mut api = Api::new(true, 59_000);
        let mut depth = |_: &str, _| Some("{}".to_owned());
        let request = r#"{"id":1,"method":"depth","params":{"symbol":"A","limit":5000}}"#;
        let mut count_at = |ms| -> Value {
            let answer: Value = serde_json::from_str(&api.answer(request, ms, &mut depth)).expect("JSON");
            json!([answer["status"], answer["rateLimits"][0]["count"]])
        };
        assert_eq!(count_at(59_001), json!([200, 252]));
        assert_eq!(count_at(59_999), json!([200, 502]));
        assert_eq!(count_at(60_000), json!([200, 250]));
        for _ in 0..23 {
            count_at(60_001);
        }
        assert_eq!(count_at(119_999), json!([429, 6_250]), "24 times 250 are the limit, which is allowed");
        assert_eq!(count_at(120_000), json!([200, 250]));
    }
}
