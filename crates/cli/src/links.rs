//! What happens to connections, in words.

use crate::clock::words;
use crate::exit::{BAD_SIGNATURE_HINT, UNKNOWN_ISSUER_HINT};
use tickwire::venue::{Cause, Endpoint, LinkChange, LinkEvent, Renewal};

/// What connections are called: by their endpoint's name, numbered where several have the same, and behind a `/` by which
/// of the connections to there it is where there are several.
#[derive(Debug)]
pub(crate) struct Labels(Vec<Label>);

#[derive(Debug)]
struct Label {
    name: String,
    /// How many connections are wanted.
    places: usize,
}

impl Labels {
    pub(crate) fn new(endpoints: &[Endpoint], legs: usize) -> Self {
        let alike = |name: &str, of: &[Endpoint]| of.iter().filter(|other| other.name == name).count();
        let label = |(at, endpoint): (usize, &Endpoint)| {
            let number = alike(endpoint.name, endpoints.get(..=at).unwrap_or_default());
            let is_only = alike(endpoint.name, endpoints) == 1;
            let number = if is_only { String::new() } else { number.to_string() };
            Label {
                name: format!("{}{number}", endpoint.name),
                places: if endpoint.terms.races { legs } else { 1 },
            }
        };
        Self(endpoints.iter().enumerate().map(label).collect())
    }

    /// What the connection is called that serves as this one of those to an endpoint.
    pub(crate) fn of(&self, endpoint: usize, place: usize) -> String {
        match self.0.get(endpoint) {
            Some(Label { name, places: 1 }) => name.clone(),
            Some(Label { name, .. }) => format!("{name}/{place}"),
            None => format!("connection {endpoint}"),
        }
    }

    /// All connections that are wanted, by endpoint and place.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = (usize, usize)> {
        let endpoints = self.0.iter().enumerate();
        endpoints.flat_map(|(endpoint, label)| (0..label.places).map(move |place| (endpoint, place)))
    }

    /// Whether several connections to an endpoint are wanted.
    pub(crate) fn has_several(&self, endpoint: usize) -> bool {
        self.0.get(endpoint).is_some_and(|label| label.places > 1)
    }

    /// What a person wants to hear of, in words. The end for good is an error, which is told by itself.
    pub(crate) fn news(&self, event: &LinkEvent<'_>) -> Option<String> {
        let what = match event.change {
            LinkChange::Ready { after } => format!("is ready, after {}", words(after)),
            LinkChange::Renewing { why } => format!("is being renewed: {}", renewal(why)),
            LinkChange::Retiring => "is renewed: its successor is ready".to_owned(),
            LinkChange::Lost { cause, words: why, retry_in } => {
                let again = match retry_in {
                    None => "another one is there".to_owned(),
                    Some(after) if after.is_zero() => "connecting again at once".to_owned(),
                    Some(after) => format!("connecting again in {}", words(after)),
                };
                format!("is lost: {why}{}; {again}", hint(cause, why))
            }
            _ => return None,
        };
        Some(format!("{} {what}", self.of(event.route.endpoint, event.place)))
    }
}

fn renewal(why: Renewal) -> &'static str {
    match why {
        Renewal::Age => "it is as old as it shall be",
        Renewal::Asked => "it was asked for",
        Renewal::Session => "the venue ends it soon, or it does not bring what it should",
        Renewal::Slow => "it lags behind the others",
        _ => "there is a reason",
    }
}

/// What the program's user can do about it.
fn hint(cause: Cause, words: &str) -> &'static str {
    match cause {
        Cause::Tls if words.contains("UnknownIssuer") => UNKNOWN_ISSUER_HINT,
        Cause::Tls if words.contains("BadSignature") => BAD_SIGNATURE_HINT,
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tickwire::venue::{Route, Terms};

    fn endpoint(name: &'static str, races: bool) -> Endpoint {
        let terms = Terms { races, ..Terms::default() };
        Endpoint { terms, ..Endpoint::new(name, String::new()) }
    }

    #[test]
    fn connections_are_numbered_where_there_are_several() {
        let endpoints = [endpoint("stream", true), endpoint("api", false), endpoint("stream", true)];
        let labels = |legs| {
            let labels = Labels::new(&endpoints, legs);
            [(0, 1), (1, 0), (2, 0)].map(|(endpoint, place)| labels.of(endpoint, place))
        };
        assert_eq!(labels(1), ["stream1", "api", "stream2"]);
        assert_eq!(labels(2), ["stream1/1", "api", "stream2/0"]);
        assert_eq!(Labels::new(&endpoints[..2], 1).of(0, 0), "stream");
        let wanted: Vec<_> = Labels::new(&endpoints[..2], 2).wanted().collect();
        assert_eq!(wanted, [(0, 0), (0, 1), (1, 0)]);
    }

    #[test]
    fn a_loss_says_why_and_what_comes_next() {
        let labels = Labels::new(&[endpoint("stream", true)], 2);
        let told = |cause, words, retry_in| {
            let change = LinkChange::Lost { cause, words, retry_in };
            labels.news(&LinkEvent { route: Route::first(0), name: "stream", place: 1, change }).unwrap()
        };
        assert_eq!(
            told(Cause::Lost, "connection reset", Some(Duration::ZERO)),
            "stream/1 is lost: connection reset; connecting again at once"
        );
        assert_eq!(
            told(Cause::Tls, "TLS: UnknownIssuer", Some(Duration::from_millis(1500))),
            "stream/1 is lost: TLS: UnknownIssuer (--ca FILE.pem trusts a further authority); connecting again in 1.5 s"
        );
        assert_eq!(told(Cause::Lost, "x", None), "stream/1 is lost: x; another one is there");
    }
}
