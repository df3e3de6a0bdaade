//! Snapshots, and plain HTTP to ask for them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::books::Books;
use super::fault::Fault;
use super::path::Target;
use super::tariff::Tariff;
use crate::clock::Now;
use crate::feed::{Feed, Picture};
use crate::venue::Answer;

/// A book's text, or `None` for a symbol that does not exist; counts what was asked.
pub(super) fn depth<V: Books>(
    feed: &mut Feed,
    asked: &mut BTreeMap<String, usize>,
    symbol: &str,
    limit: usize,
    now: Now,
) -> Option<String> {
    let request = asked.get(symbol).copied().unwrap_or(0);
    let text = match feed.picture(symbol, request)? {
        Picture::Book(instrument, snapshot) => V::book(instrument, snapshot, limit, now),
        Picture::Text(text) => text.to_owned(),
    };
    asked.insert(symbol.to_owned(), request.saturating_add(1));
    Some(text)
}

/// Answers `GET …/depth`.
pub(super) fn answer<V: Books>(venue: &mut V, feed: &mut Feed, target: &Target, now: Now) -> Answer {
    let written = |(name, value): (&str, &str)| {
        let number = value.parse::<u64>().ok().filter(|_| name == "limit").map(Value::from);
        (name.to_owned(), number.unwrap_or_else(|| value.into()))
    };
    let parameters: Map<_, _> = target.parameters().map(written).collect();
    let account = venue.account();
    let tariff = account.tariff();
    let result = read(&parameters, tariff).and_then(|(symbol, limit)| {
        account.charge_depth(limit, now)?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let text = depth::<V>(feed, &mut account.asked, symbol, limit, now);
        text.ok_or_else(|| Fault::bad(-1121, "Invalid symbol."))
    });
    let mut answer = match result {
        Ok(body) => Answer::new(200, body),
        Err(fault) => {
            let mut answer = Answer::new(fault.status, fault.body(false));
            answer.headers.extend(fault.wait.map(|wait| ("Retry-After", wait.seconds().to_string())));
            answer
        }
    };
    answer.headers.push(("X-MBX-USED-WEIGHT-1M", account.used(now).to_string()));
    answer
}

/// The symbol and the number of levels that a request for a book names.
pub(super) fn read<'a>(parameters: &'a Map<String, Value>, tariff: &Tariff) -> Result<(&'a str, u64), Fault> {
    let symbol = symbol(parameters)?;
    let limit = limit(parameters, tariff)?;
    check_others(parameters)?;
    Ok((symbol, limit))
}

fn symbol(parameters: &Map<String, Value>) -> Result<&str, Fault> {
    let symbol = parameters.get("symbol").and_then(Value::as_str).unwrap_or_default();
    if symbol.is_empty() {
        return Err(Fault::mandatory("symbol"));
    }
    if symbol.chars().any(|c| c.is_lowercase() || c.is_whitespace() || c.is_control()) {
        let legal = "legal range is '^[A-Z0-9-_.]{1,20}$'";
        return Err(Fault::bad(-1100, format!("Illegal characters found in parameter 'symbol'; {legal}.")));
    }
    Ok(symbol)
}

fn limit(parameters: &Map<String, Value>, tariff: &Tariff) -> Result<u64, Fault> {
    let Some(limit) = parameters.get("limit") else {
        return Ok(tariff.default_limit);
    };
    let Some(limit) = limit.as_u64() else {
        let legal = "legal range is '^[0-9]{1,20}$'";
        return Err(Fault::bad(-1100, format!("Illegal characters found in parameter 'limit'; {legal}.")));
    };
    if (tariff.is_limit)(limit) {
        Ok(limit)
    } else {
        Err(Fault::bad(-1130, "Data sent for parameter 'limit' is not valid."))
    }
}

fn check_others(parameters: &Map<String, Value>) -> Result<(), Fault> {
    for (name, value) in parameters {
        match name.as_str() {
            "symbol" | "limit" | "returnRateLimits" => {}
            "symbolStatus" => match value.as_str() {
                Some("TRADING") => {}
                Some("HALT" | "BREAK") => {
                    let what = "The symbol's status does not match the requested symbolStatus.";
                    return Err(Fault::bad(-1220, what));
                }
                _ => return Err(Fault::bad(-1122, "Invalid symbolStatus.")),
            },
            _ => return Err(Fault::bad(-1103, "An unknown parameter was sent.")),
        }
    }
    Ok(())
}
