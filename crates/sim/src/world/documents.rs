//! Requests for documents over HTTP, each on a connection of its own.

use std::time::{Duration, Instant};

use tungstenite::http::Uri;

use super::event::{Document, Event};
use super::host::{Host, of_thousand};
use super::options::Network;
use crate::chance::Chance;
use crate::hazard::{Counts, Hazard, Hazards};

/// How long a client waits for an answer that does not come.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug)]
enum Stage {
    /// On its way to the venue.
    Asked { until: Instant },
    /// On its way back.
    Answered { until: Instant, document: Option<Document> },
}

/// One request.
#[derive(Debug)]
pub(super) struct Request {
    id: u64,
    /// The place of its host, if there is one of that name.
    pub(super) host: Option<usize>,
    path: String,
    query: String,
    latency: Duration,
    chance: Chance,
    stage: Stage,
}

impl Request {
    /// Asks for a URL; `find` knows the places of names.
    pub(super) fn new(
        id: u64,
        url: &str,
        find: impl FnOnce(&str) -> Option<usize>,
        network: &Network,
        mut chance: Chance,
        now: Instant,
    ) -> Self {
        let uri = url.parse::<Uri>().unwrap_or_default();
        let latency = chance.between(network.latency.clone());
        // Look-up, connect and TLS come before it.
        let until = now + latency * 7 + chance.between(Duration::ZERO..=network.jitter);
        Self {
            id,
            host: uri.host().and_then(find),
            path: uri.path().to_owned(),
            query: uri.query().unwrap_or_default().to_owned(),
            latency,
            chance,
            stage: Stage::Asked { until },
        }
    }

    pub(super) fn next_deadline(&self) -> Instant {
        match self.stage {
            Stage::Asked { until } | Stage::Answered { until, .. } => until,
        }
    }

    /// Moves on; returns what the client is told at the end.
    pub(super) fn advance(
        &mut self,
        host: Option<&mut Host>,
        hazards: &Hazards,
        counts: &Counts,
        now: Instant,
    ) -> Option<Event> {
        match &mut self.stage {
            Stage::Asked { until } if now >= *until => {
                self.stage = match host {
                    Some(host) => self.ask(host, hazards, counts, now),
                    None => Stage::Answered { until: now, document: None },
                };
                None
            }
            Stage::Answered { until, document } if now >= *until => {
                Some(Event::Fetched { id: self.id, document: document.take() })
            }
            Stage::Asked { .. } | Stage::Answered { .. } => None,
        }
    }

    fn ask(&mut self, host: &mut Host, hazards: &Hazards, counts: &Counts, now: Instant) -> Stage {
        let Some(address) = host.look_up(now, counts) else {
            return Stage::Answered { until: now, document: None };
        };
        if host.is_shut(now) {
            return Stage::Answered { until: now, document: None };
        }
        if !host.is_at(address) {
            return Stage::Answered { until: now + ANSWER_TIMEOUT, document: None };
        }
        let answer = host.site.document(&self.path, &self.query, host.clock(now));
        host.stir(now);
        if of_thousand(Hazard::DocumentLost, hazards, counts, &mut self.chance) {
            let until = now + self.chance.between(self.latency..=ANSWER_TIMEOUT.max(self.latency));
            return Stage::Answered { until, document: None };
        }
        let headers = answer.headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let document = Some(Document { status: answer.status, headers, body: answer.body });
        Stage::Answered { until: now + self.latency, document }
    }
}
