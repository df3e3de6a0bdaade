//! The connections: how far each is, how often it is the first, and how far behind otherwise.

use crate::clock::words;
use crate::lines::{nanos, phase};
use crate::links::Labels;
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tickwire::venue::{Endpoint, LegCounts, LinkChange, Route};
use tickwire::{Connection, Phase};

/// Updates that came over several connections, as one of these brought them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Lead {
    pub(crate) firsts: u64,
    pub(crate) copies: u64,
}

impl Lead {
    fn of(counts: &LegCounts) -> Self {
        Self { firsts: counts.firsts, copies: counts.copies }
    }

    fn add(&mut self, other: Self) {
        self.firsts += other.firsts;
        self.copies += other.copies;
    }
}

/// What the connections of a place brought since the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Total {
    pub(crate) endpoint: usize,
    pub(crate) place: usize,
    pub(crate) lead: Lead,
    /// Updates that any connection to the endpoint was the first with.
    pub(crate) of: u64,
}

impl Total {
    /// Its part of those, `0.0..=1.0`, so that the parts of all places add up; `None` before there was one.
    pub(crate) fn share(self) -> Option<f64> {
        let Self { lead: Lead { firsts, .. }, of, .. } = self;
        #[expect(clippy::cast_precision_loss, reason = "a share for people")]
        (of > 0).then(|| firsts as f64 / of as f64)
    }
}

/// What a change of a connection is to its counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// They begin.
    Opened,
    /// They are complete.
    Over,
    Other,
}

impl Turn {
    pub(crate) fn of(change: LinkChange<'_>) -> Self {
        match change {
            LinkChange::Open { .. } => Self::Opened,
            LinkChange::Closed | LinkChange::Lost { .. } | LinkChange::Stopped { .. } => Self::Over,
            _ => Self::Other,
        }
    }
}

/// One connection as it is.
#[derive(Debug)]
struct Leg {
    route: Route,
    place: usize,
    phase: Phase,
    /// Of one that is open.
    lead: Lead,
    /// How far it is behind when it is not the first: the median, and what one in a hundred is beyond.
    lags: Option<[Duration; 2]>,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Legs {
    pub(crate) labels: Labels,
    names: Vec<&'static str>,
    now: Vec<Leg>,
    /// Those that were opened and are not over.
    open: BTreeSet<Route>,
    /// What those brought that are over, by endpoint and place.
    over: BTreeMap<(usize, usize), Lead>,
}

impl Legs {
    pub(crate) fn new(endpoints: &[Endpoint], wanted: usize) -> Self {
        Self {
            labels: Labels::new(endpoints, wanted),
            names: endpoints.iter().map(|endpoint| endpoint.name).collect(),
            now: Vec::new(),
            open: BTreeSet::new(),
            over: BTreeMap::new(),
        }
    }

    /// A connection opened or ended; `counts` are those of its route, which another may have next.
    pub(crate) fn on_turn(&mut self, route: Route, place: usize, turn: Turn, counts: Option<&LegCounts>) {
        match (turn, counts) {
            (Turn::Opened, _) => _ = self.open.insert(route),
            (Turn::Over, Some(counts)) if self.open.remove(&route) => {
                self.over.entry((route.endpoint, place)).or_default().add(Lead::of(counts));
            }
            (Turn::Over, _) | (Turn::Other, _) => {}
        }
    }

    /// Sees how they are.
    pub(crate) fn look<'a>(&mut self, connections: impl Iterator<Item = Connection<'a>>) {
        let leg = |Connection { route, place, phase, counts, .. }| {
            let counts: Option<&LegCounts> = counts;
            let counts = counts.filter(|_| phase != Phase::Connecting);
            let lags = counts.and_then(|counts| counts.lag_us.as_ref());
            let lag = |at| lags.map(|lags| Duration::from_micros(lags.value_at_quantile(at)));
            let lags = lag(0.5).zip(lag(0.99)).map(|(median, most)| [median, most]);
            Leg { route, place, phase, lead: counts.map(Lead::of).unwrap_or_default(), lags }
        };
        self.now = connections.map(leg).collect();
        self.now.sort_by_key(Leg::rank);
    }

    fn at(&self, endpoint: usize, place: usize) -> impl Iterator<Item = &Leg> {
        self.now.iter().filter(move |leg| (leg.route.endpoint, leg.place) == (endpoint, place))
    }

    /// The name of an endpoint.
    pub(crate) fn name(&self, endpoint: usize) -> Option<&'static str> {
        self.names.get(endpoint).copied()
    }

    /// Each connection that is wanted, in words.
    pub(crate) fn told(&self) -> Vec<String> {
        let told = |(endpoint, place)| {
            let several = self.labels.has_several(endpoint);
            let mut legs = self.at(endpoint, place);
            let share = self.total(endpoint, place).share().filter(|_| several);
            let first = legs.next().map_or_else(|| "waiting".to_owned(), |leg| leg.told(share));
            let others: String = legs.map(|leg| format!(" + {}", phase(leg.phase))).collect();
            format!("{} {first}{others}", self.labels.of(endpoint, place))
        };
        self.labels.wanted().map(told).collect()
    }

    /// Whether there is more to tell than that they are there.
    pub(crate) fn has_several(&self) -> bool {
        self.labels.wanted().any(|(_, place)| place > 0)
    }

    fn lead(&self, endpoint: usize, place: usize) -> Lead {
        let mut lead = self.over.get(&(endpoint, place)).copied().unwrap_or_default();
        self.at(endpoint, place).for_each(|leg| lead.add(leg.lead));
        lead
    }

    fn total(&self, endpoint: usize, place: usize) -> Total {
        let places = self.labels.wanted().filter(|(of, _)| *of == endpoint);
        let of = places.map(|(_, place)| self.lead(endpoint, place).firsts).sum();
        Total { endpoint, place, lead: self.lead(endpoint, place), of }
    }

    /// What each connection that is wanted brought since the beginning.
    pub(crate) fn totals(&self) -> impl Iterator<Item = Total> {
        self.labels.wanted().map(|(endpoint, place)| self.total(endpoint, place))
    }

    /// The line of them all.
    pub(crate) fn json(&self, received_ns: u64) -> Value {
        let of_place = |(endpoint, place)| {
            let name = self.name(endpoint);
            let missing = self.at(endpoint, place).next().is_none();
            let waiting = missing
                .then(|| json!({"name": name, "endpoint": endpoint, "place": place, "phase": "waiting"}));
            let share = self.total(endpoint, place).share();
            self.at(endpoint, place).map(move |leg| leg.json(name, share)).chain(waiting)
        };
        let legs: Vec<_> = self.labels.wanted().flat_map(of_place).collect();
        json!({"event": "legs", "legs": legs, "received_ns": received_ns})
    }
}

impl Leg {
    /// What stands in front: what serves now before what takes over, and what is over last.
    fn rank(&self) -> impl Ord + use<> {
        let rank = match self.phase {
            Phase::Ready => 0,
            Phase::Open => 1,
            Phase::Connecting => 2,
            Phase::Retiring => 3,
        };
        let Lead { firsts, copies } = self.lead;
        (self.route.endpoint, self.place, rank, Reverse(firsts + copies))
    }

    /// With the share of its place, if there are several.
    fn told(&self, share: Option<f64>) -> String {
        let mut told = phase(self.phase).to_owned();
        if let Some(share) = share {
            told.push_str(&format!(" {:.0} % first", share * 100.0));
            if let Some([median, most]) = self.lags {
                told.push_str(&format!(", else {} behind (p99 {})", words(median), words(most)));
            }
        }
        told
    }

    fn json(&self, name: Option<&str>, share: Option<f64>) -> Value {
        let Lead { firsts, copies } = self.lead;
        let [median, most] = [0, 1].map(|at| self.lags.and_then(|lags| lags.get(at).copied()).map(nanos));
        json!({
            "name": name, "endpoint": self.route.endpoint, "leg": self.route.leg, "place": self.place,
            "phase": phase(self.phase), "firsts": firsts, "copies": copies, "share": share,
            "lag_p50_ns": median, "lag_p99_ns": most,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickwire::venue::{Cause, Terms};

    fn counts(firsts: u64, copies: u64) -> LegCounts {
        LegCounts { firsts, copies, ..LegCounts::default() }
    }

    fn legs() -> Legs {
        let terms = Terms { races: true, ..Terms::default() };
        let stream = Endpoint { terms, ..Endpoint::new("stream", String::new()) };
        Legs::new(&[stream, Endpoint::new("api", String::new())], 2)
    }

    const LOST: LinkChange<'_> = LinkChange::Lost { cause: Cause::Lost, words: "", retry_in: None };
    const OPEN: LinkChange<'_> = LinkChange::Open { after: Duration::ZERO };

    #[test]
    fn a_place_keeps_what_its_connections_brought() {
        let mut legs = legs();
        let [first, successor] = [0, 2].map(|leg| Route { endpoint: 0, leg });
        for (route, change, counts) in [
            (first, OPEN, counts(0, 0)),
            (successor, OPEN, counts(0, 0)),
            (first, LinkChange::Closed, counts(5, 3)),
            // An attempt on the same leg that came to nothing brought nothing, whatever stands there.
            (first, LOST, counts(5, 3)),
            (successor, LOST, counts(1, 1)),
        ] {
            legs.on_turn(route, 1, Turn::of(change), Some(&counts));
        }
        let leads: Vec<_> = legs.totals().map(|total| ((total.endpoint, total.place), total.lead)).collect();
        let brought = Lead { firsts: 6, copies: 4 };
        assert_eq!(leads, [((0, 0), Lead::default()), ((0, 1), brought), ((1, 0), Lead::default())]);
    }

    #[test]
    fn the_shares_of_the_places_add_up_whatever_was_renewed() {
        let mut legs = legs();
        let [first, second, successor] = [0, 1, 2].map(|leg| Route { endpoint: 0, leg });
        assert_eq!(legs.totals().map(Total::share).collect::<Vec<_>>(), [None; 3]);
        for (route, place, change, counts) in [
            (first, 0, OPEN, counts(0, 0)),
            (second, 1, OPEN, counts(0, 0)),
            (first, 0, LinkChange::Closed, counts(10, 70)),
            (second, 1, LOST, counts(20, 60)),
            // Beside the one that it takes the place of.
            (successor, 0, OPEN, counts(0, 0)),
            (successor, 0, LOST, counts(10, 30)),
        ] {
            legs.on_turn(route, place, Turn::of(change), Some(&counts));
        }
        let shares: Vec<_> = legs.totals().map(Total::share).collect();
        assert_eq!(shares, [Some(0.5), Some(0.5), None]);
    }

    #[test]
    fn a_connection_that_is_waited_for_is_told_too() {
        let mut legs = legs();
        let leg = |leg, place, phase, lead, lags| Leg {
            route: Route { endpoint: 0, leg },
            place,
            phase,
            lead,
            lags,
        };
        let lags = Some([Duration::from_micros(400), Duration::from_micros(2_100)]);
        legs.now = vec![
            leg(2, 0, Phase::Connecting, Lead::default(), None),
            leg(0, 0, Phase::Ready, Lead { firsts: 61, copies: 39 }, lags),
        ];
        // What the other place brought before it was lost.
        legs.over.insert((0, 1), Lead { firsts: 39, copies: 50 });
        legs.now.sort_by_key(Leg::rank);
        let told = [
            "stream/0 ready 61 % first, else 0.40 ms behind (p99 2.1 ms) + connecting",
            "stream/1 waiting",
            "api waiting",
        ];
        assert_eq!(legs.told(), told);
        let json = legs.json(7).to_string();
        let first = r#"{"name":"stream","endpoint":0,"leg":0,"place":0,"phase":"ready","firsts":61,"copies":39,"share":0.61,"lag_p50_ns":400000,"lag_p99_ns":2100000}"#;
        assert!(json.starts_with(&format!(r#"{{"event":"legs","legs":[{first},"#)), "{json}");
        assert!(
            json.ends_with(r#"{"name":"api","endpoint":1,"place":0,"phase":"waiting"}],"received_ns":7}"#),
            "{json}"
        );
    }
}
