//! What a line says of a connection.

use serde_json::{Value, json};
use std::time::Duration;
use tickwire::Phase;
use tickwire::venue::{Cause, LinkChange, LinkEvent, Renewal};

/// What is said of a connection beside its symbol and the time.
pub(super) fn link(event: &LinkEvent<'_>) -> Value {
    let LinkEvent { route, name, place, change } = event;
    let which = json!({"name": name, "endpoint": route.endpoint, "leg": route.leg, "place": place});
    let said = match change {
        LinkChange::Connecting { attempt } => json!({"change": "connecting", "attempt": attempt}),
        LinkChange::Open { after } => json!({"change": "open", "after_ns": nanos(*after)}),
        LinkChange::Ready { after } => json!({"change": "ready", "after_ns": nanos(*after)}),
        LinkChange::Renewing { why } => json!({"change": "renewing", "why": renewal(*why)}),
        LinkChange::Retiring => json!({"change": "retiring"}),
        LinkChange::Closed => json!({"change": "closed"}),
        LinkChange::Lost { cause: of, words, retry_in } => {
            let again = retry_in.map(nanos);
            joined(
                joined(json!({"change": "lost"}), cause(*of)),
                json!({"words": words, "retry_in_ns": again}),
            )
        }
        LinkChange::Stopped { cause: of, words } => {
            joined(joined(json!({"change": "stopped"}), cause(*of)), json!({"words": words}))
        }
        // One that is newer than this program.
        _ => json!({"change": "other"}),
    };
    joined(which, said)
}

fn cause(cause: Cause) -> Value {
    let word = match cause {
        Cause::Closed { code } => return json!({"cause": "closed", "code": code}),
        Cause::Refused { status, retry_after_s } => {
            return json!({"cause": "refused", "status": status, "retry_after_s": retry_after_s});
        }
        Cause::Connect => "connect",
        Cause::Limit => "limit",
        Cause::Lost => "lost",
        Cause::Protocol => "protocol",
        Cause::Resolve => "resolve",
        Cause::Silent => "silent",
        Cause::Tls => "tls",
        _ => "other",
    };
    json!({"cause": word})
}

fn renewal(why: Renewal) -> &'static str {
    match why {
        Renewal::Age => "age",
        Renewal::Asked => "asked",
        Renewal::Session => "session",
        Renewal::Slow => "slow",
        _ => "other",
    }
}

/// How far a connection is, in a word.
pub(crate) fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Connecting => "connecting",
        Phase::Open => "open",
        Phase::Ready => "ready",
        Phase::Retiring => "retiring",
    }
}

pub(crate) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// One object of two.
fn joined(mut one: Value, other: Value) -> Value {
    if let (Value::Object(one), Value::Object(other)) = (&mut one, other) {
        one.extend(other);
    }
    one
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickwire::venue::Route;

    fn line(change: LinkChange<'_>) -> String {
        link(&LinkEvent { route: Route { endpoint: 1, leg: 2 }, name: "stream", place: 0, change })
            .to_string()
    }

    #[test]
    fn a_line_names_the_connection_and_says_what_and_why() {
        let head = r#"{"name":"stream","endpoint":1,"leg":2,"place":0,"change":"#;
        let after = Duration::from_micros(1500);
        let rows = [
            (LinkChange::Connecting { attempt: 3 }, r#""connecting","attempt":3}"#),
            (LinkChange::Open { after }, r#""open","after_ns":1500000}"#),
            (LinkChange::Ready { after }, r#""ready","after_ns":1500000}"#),
            (LinkChange::Renewing { why: Renewal::Slow }, r#""renewing","why":"slow"}"#),
            (LinkChange::Retiring, r#""retiring"}"#),
            (LinkChange::Closed, r#""closed"}"#),
            (
                LinkChange::Lost {
                    cause: Cause::Closed { code: None },
                    words: "a \"word\"",
                    retry_in: Some(after),
                },
                r#""lost","cause":"closed","code":null,"words":"a \"word\"","retry_in_ns":1500000}"#,
            ),
            (
                LinkChange::Stopped {
                    cause: Cause::Refused { status: 401, retry_after_s: None },
                    words: "no",
                },
                r#""stopped","cause":"refused","status":401,"retry_after_s":null,"words":"no"}"#,
            ),
        ];
        for (change, expected) in rows {
            assert_eq!(line(change), format!("{head}{expected}"));
        }
    }
}
