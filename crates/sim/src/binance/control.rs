//! The control messages of the stream endpoints, and what a connection is subscribed to.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::names::{Grammar, STREAMS_MAX};

const METHODS: [&str; 5] = ["SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY"];
const ID_CHARS_MAX: usize = 36;

/// How a venue speaks this protocol.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dialect {
    pub(super) grammar: &'static Grammar,
    /// A text that is no JSON is answered without an id, and ends the connection.
    pub(super) malformed_ends: bool,
    /// Errors are not nested.
    pub(super) flat_errors: bool,
}

/// One connection's side of the stream protocol.
#[derive(Debug)]
pub(super) struct Subscriptions {
    dialect: Dialect,
    combined: bool,
    names: BTreeSet<String>,
}

/// What a text gets.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Answer(String),
    /// And then the end.
    Last(String),
}

/// Code and message of a refused request.
struct Fault(u8, String);

fn invalid(what: impl AsRef<str>) -> Fault {
    Fault(2, format!("Invalid request: {}", what.as_ref()))
}

impl Subscriptions {
    pub(super) fn new(dialect: Dialect, combined: bool, names: Vec<String>) -> Self {
        Self { dialect, combined, names: names.into_iter().collect() }
    }

    /// Whether payloads are wrapped with their stream's name.
    pub(super) fn combined(&self) -> bool {
        self.combined
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Answers one control message.
    pub(super) fn answer(&mut self, text: &str) -> Verdict {
        let request: Value = match serde_json::from_str(text) {
            Ok(request) => request,
            Err(error) => {
                let fault = Fault(3, format!("Invalid JSON: {error}"));
                return match self.dialect.malformed_ends {
                    true => Verdict::Last(self.refusal(&fault, None)),
                    false => Verdict::Answer(self.refusal(&fault, Some(&Value::Null))),
                };
            }
        };
        let Value::Object(request) = request else {
            let what = format!("invalid type: expected struct Request at line 1 column {}", text.len());
            return Verdict::Answer(self.refusal(&invalid(what), Some(&Value::Null)));
        };
        let id = request.get("id").unwrap_or(&Value::Null);
        if !is_valid_id(id) {
            let fault = invalid("request ID must be an unsigned integer");
            return Verdict::Answer(self.refusal(&fault, Some(&Value::Null)));
        }
        Verdict::Answer(match self.perform(&request, text) {
            Ok(result) => json!({ "result": result, "id": id }).to_string(),
            Err(fault) => self.refusal(&fault, Some(id)),
        })
    }

    fn refusal(&self, fault: &Fault, id: Option<&Value>) -> String {
        let mut error = json!({ "code": fault.0, "msg": fault.1 });
        if !self.dialect.flat_errors {
            error = json!({ "error": error });
        }
        if let (Some(id), Value::Object(members)) = (id, &mut error) {
            members.insert("id".to_owned(), id.clone());
        }
        error.to_string()
    }

    fn perform(&mut self, request: &Map<String, Value>, text: &str) -> Result<Value, Fault> {
        let Some(method) = request.get("method") else {
            return Err(invalid(format!("missing field `method` {}", position(text, text.trim_end().len()))));
        };
        let parameters = match request.get("params") {
            None | Some(Value::Null) => &[],
            Some(Value::Array(parameters)) => parameters.as_slice(),
            Some(_) => return Err(invalid("params must be an array")),
        };
        match method.as_str() {
            Some("SUBSCRIBE") => self.subscribe(parameters),
            Some("UNSUBSCRIBE") => self.unsubscribe(parameters),
            Some("LIST_SUBSCRIPTIONS") if parameters.is_empty() => Ok(json!(self.names)),
            Some("LIST_SUBSCRIPTIONS") => Err(invalid("too many parameters")),
            Some("SET_PROPERTY") => self.set_property(parameters),
            Some("GET_PROPERTY") => self.property(parameters),
            _ => Err(unknown_variant(method, text)),
        }
    }

    /// All or nothing.
    fn subscribe(&mut self, parameters: &[Value]) -> Result<Value, Fault> {
        let names = self.stream_names(parameters)?;
        let added = names.iter().filter(|name| !self.names.contains(**name)).collect::<BTreeSet<_>>().len();
        if self.names.len() + added > STREAMS_MAX {
            return Err(invalid("too many streams"));
        }
        self.names.extend(names.into_iter().map(str::to_owned));
        Ok(Value::Null)
    }

    fn unsubscribe(&mut self, parameters: &[Value]) -> Result<Value, Fault> {
        for name in self.stream_names(parameters)? {
            self.names.remove(name);
        }
        Ok(Value::Null)
    }

    fn stream_names<'a>(&self, parameters: &'a [Value]) -> Result<Vec<&'a str>, Fault> {
        let named =
            parameters.iter().map(|name| name.as_str().filter(|name| self.dialect.grammar.allows(name)));
        named.collect::<Option<_>>().ok_or_else(|| invalid("invalid stream"))
    }

    fn set_property(&mut self, parameters: &[Value]) -> Result<Value, Fault> {
        let rest = after_property_name(parameters)?;
        match rest {
            [Value::Bool(combined)] => {
                self.combined = *combined;
                Ok(Value::Null)
            }
            [] | [_] => Err(Fault(1, "Invalid value type: expected Boolean".to_owned())),
            _ => Err(invalid("too many parameters")),
        }
    }

    fn property(&self, parameters: &[Value]) -> Result<Value, Fault> {
        match after_property_name(parameters)? {
            [] => Ok(Value::Bool(self.combined)),
            _ => Err(invalid("too many parameters")),
        }
    }
}

/// Checks that the first parameter is the one known property; returns the others.
fn after_property_name(parameters: &[Value]) -> Result<&[Value], Fault> {
    match parameters.split_first() {
        Some((Value::String(name), rest)) if name == "combined" => Ok(rest),
        Some((Value::String(_), _)) => Err(Fault(0, "Unknown property".to_owned())),
        _ => Err(invalid("property name must be a string")),
    }
}

/// A whole number, a short plain string or `null`.
fn is_valid_id(id: &Value) -> bool {
    match id {
        Value::Null => true,
        Value::Number(number) => number.is_i64() || number.is_u64(),
        Value::String(text) => {
            text.len() <= ID_CHARS_MAX && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
        }
        _ => false,
    }
}

fn unknown_variant(method: &Value, text: &str) -> Fault {
    let written = method.to_string();
    let end = text.find(&written).map_or(text.len(), |start| start + written.len());
    let place = position(text, end);
    let known = METHODS.map(|name| format!("`{name}`")).join(", ");
    match method {
        Value::String(name) => invalid(format!("unknown variant `{name}`, expected one of {known} {place}")),
        _ => invalid(format!("invalid type: expected variant identifier {place}")),
    }
}

/// Where a parser that has just eaten byte `end` stands.
fn position(text: &str, end: usize) -> String {
    let eaten = text.get(..end).unwrap_or(text);
    let line = 1 + eaten.matches('\n').count();
    let column = eaten.rsplit('\n').next().map_or(0, str::len);
    format!("at line {line} column {column}")
}
