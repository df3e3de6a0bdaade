//! The WebSocket API: `ping`, `time` and `depth`, with their cost.

use serde_json::{Map, Value, json};

use super::fault::Fault;
use super::rest;
use super::tariff::Account;
use crate::clock::Now;

/// One connection's requests and answers.
#[derive(Debug)]
pub(crate) struct Api {
    rate_limits: bool,
}

/// Gives the text of a symbol's snapshot with at most so many levels a side, or `None` for a symbol that does not
/// exist.
type Depth<'a> = dyn FnMut(&str, usize) -> Option<String> + 'a;

impl Api {
    /// `rate_limits`: whether answers say what was used so far.
    pub(super) fn new(rate_limits: bool) -> Self {
        Self { rate_limits }
    }

    /// Answers one request.
    pub(super) fn answer(
        &self,
        text: &str,
        account: &mut Account,
        now: Now,
        depth: &mut Depth<'_>,
    ) -> String {
        let request: Option<Map<String, Value>> = serde_json::from_str(text).ok();
        let (request, fault) = match request {
            Some(request) => (request, None),
            None => (Map::new(), Some("Invalid JSON request, or the request is not an object.")),
        };
        let (none, object) = (Map::new(), request.get("params"));
        let (parameters, fault) = match object {
            None | Some(Value::Null) => (&none, fault),
            Some(Value::Object(parameters)) => (parameters, fault),
            Some(_) => (&none, Some("'params' must be an object.")),
        };
        let result = match fault {
            Some(fault) => Err(Fault::bad(-1135, fault)),
            None => perform(request.get("method"), parameters, account, now, depth),
        };
        let wanted = parameters.get("returnRateLimits").and_then(Value::as_bool);
        let usage = if wanted.unwrap_or(self.rate_limits) { usage(account, now) } else { String::new() };
        let id = request.get("id").unwrap_or(&Value::Null);
        match result {
            // The result is spliced in as it is, so that a recorded snapshot keeps every byte.
            Ok(result) => format!(r#"{{"id":{id},"status":200,"result":{result}{usage}}}"#),
            Err(fault) => {
                format!(r#"{{"id":{id},"status":{},"error":{}{usage}}}"#, fault.status, fault.body(true))
            }
        }
    }
}

fn perform(
    method: Option<&Value>,
    parameters: &Map<String, Value>,
    account: &mut Account,
    now: Now,
    depth: &mut Depth<'_>,
) -> Result<String, Fault> {
    let Some(method) = method.and_then(Value::as_str) else {
        return Err(Fault::mandatory("method"));
    };
    let tariff = account.tariff();
    match method.strip_prefix(tariff.version).unwrap_or(method) {
        "ping" => account.charge(1, now).map(|()| "{}".to_owned()),
        "time" => account.charge(1, now).map(|()| json!({ "serverTime": now.unix_ms() }).to_string()),
        "depth" => {
            let (symbol, limit) = rest::read(parameters, tariff)?;
            account.charge_depth(limit, now)?;
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            depth(symbol, limit).ok_or_else(|| Fault::bad(-1121, "Invalid symbol."))
        }
        _ => Err(Fault::bad(-1020, "This operation is not supported.")),
    }
}

fn usage(account: &mut Account, now: Now) -> String {
    format!(
        concat!(
            r#","rateLimits":[{{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","#,
            r#""intervalNum":1,"limit":{},"count":{}}}]"#
        ),
        account.tariff().weight_per_minute,
        account.used(now)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binance::spot::TARIFF;
    use crate::clock;

    #[test]
    fn the_account_is_cleared_with_the_clocks_minute() {
        let (api, mut account) = (Api::new(true), Account::new(&TARIFF, None));
        let at = |ms: u64| Now { unix_us: ms * 1_000, ..clock::now() };
        account.connect(at(59_000));
        let mut depth = |_: &str, _| Some("{}".to_owned());
        let request = r#"{"id":1,"method":"depth","params":{"symbol":"A","limit":5000}}"#;
        let mut count_at = |ms| -> Value {
            let answer = api.answer(request, &mut account, at(ms), &mut depth);
            let answer: Value = serde_json::from_str(&answer).expect("JSON");
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
