//! What a simulated world does with a venue, whichever it is.

use std::time::{Duration, Instant};

use super::clients::Clients;
use super::connection::Connection;
use super::spoil::{Spoil, Spoiling};
use super::transport::Transport;
use super::wire::End;
use crate::clock::Now;
use crate::hazard::Counts;
use crate::venue::{Answer, Ban, Reception, Refusal, Request, Venue};
use crate::witness::Witnessed;

/// A venue and its connections, which have numbers.
pub(crate) trait Site {
    /// Takes a connection in; returns its number.
    fn accept(&mut self, end: End, now: Now) -> usize;

    /// Something arrived at a connection, or it has room again.
    fn on_ready(&mut self, number: usize, now: Now);

    /// Does what is due: the market's moves, messages, pings, closes.
    fn on_time(&mut self, now: Now);

    /// When to call [`Site::on_time`], as seen right after it.
    fn next_deadline(&self, now: Now) -> Option<Instant>;

    /// Answers a request for a document.
    fn document(&mut self, path: &str, query: &str, now: Now) -> Answer;

    /// What a connection may send in any second, if that is limited.
    fn messages_per_second(&self, number: usize) -> Option<usize>;

    /// What its clients have exceeded since the last call.
    fn take_breach(&mut self) -> Option<&'static str>;

    /// Something goes wrong with one connection's data; `false` if it is not open.
    fn spoil(&mut self, number: usize, spoiling: Spoiling, counts: &Counts, now: Now) -> bool;

    /// Tells a connection of its end where the venue does so; it comes so much later. `false` if it is not open, or if
    /// that is coming already.
    fn announce_end(&mut self, number: usize, notice: Duration, now: Now) -> bool;

    /// The numbers of the connections that are open WebSockets.
    fn open(&self) -> Vec<usize>;

    /// Lets go of a connection without a word.
    fn cut(&mut self, number: usize);

    /// Tells all connections of their end where the venue does so; it comes so much later.
    fn announce_end_to_all(&mut self, notice: Duration, now: Now);

    /// Lets go of all connections without a word.
    fn cut_all(&mut self);

    /// Turns away who asks, for a time, or nobody any more.
    fn refuse(&mut self, refusal: Option<Refusal>);

    /// Refuses requests for snapshots, for a time, or no more.
    fn ban_snapshots(&mut self, ban: Option<Ban>);

    /// Answers requests for snapshots with those of this moment from now on, or no more.
    fn cache_snapshots(&mut self, caches: bool, counts: &Counts);

    /// From now on these streams are witnessed, and no others.
    fn observe(&mut self, streams: &[&str]);

    /// What was witnessed since the last call.
    fn take_witnessed(&mut self) -> Vec<Witnessed>;
}

impl<V: Venue> Site for Clients<V> {
    fn accept(&mut self, end: End, now: Now) -> usize {
        Self::accept(self, Transport::wire(end), now)
    }

    fn on_ready(&mut self, number: usize, now: Now) {
        Self::on_ready(self, number, now);
        while self.connections.get(&number).is_some_and(Connection::is_starved) {
            Self::on_ready(self, number, now);
        }
    }

    fn on_time(&mut self, now: Now) {
        self.publish(now);
        Self::on_time(self, now);
    }

    fn next_deadline(&self, now: Now) -> Option<Instant> {
        Self::next_deadline(self, now).into_iter().chain(self.next_event()).min()
    }

    fn document(&mut self, path: &str, query: &str, now: Now) -> Answer {
        let request = Request { path, query, upgrade: false, open: 0 };
        match self.desk.receive(&request, now) {
            Reception::Answer(answer) => answer,
            Reception::Upgrade(_) => Answer::new(426, r#"{"code":-1,"msg":"Upgrade required."}"#.to_owned()),
        }
    }

    fn messages_per_second(&self, number: usize) -> Option<usize> {
        let metered = self.connections.get(&number).is_some_and(Connection::is_metered);
        metered.then_some(self.rules.messages_per_second)
    }

    fn take_breach(&mut self) -> Option<&'static str> {
        self.desk.venue.take_breach()
    }

    fn spoil(&mut self, number: usize, spoiling: Spoiling, counts: &Counts, now: Now) -> bool {
        let Some(spoil) = self.connections.get_mut(&number).and_then(Connection::spoil) else {
            return false;
        };
        spoil.get_or_insert_with(|| Box::new(Spoil::new(counts.clone()))).begin(spoiling, now.instant);
        self.desk.changed = true;
        true
    }

    fn announce_end(&mut self, number: usize, notice: Duration, now: Now) -> bool {
        let connection = self.connections.get_mut(&number);
        connection.is_some_and(|connection| connection.announce_end(notice, now, &self.rules))
    }

    fn open(&self) -> Vec<usize> {
        self.connections.iter().filter(|(_, c)| c.is_open()).map(|(number, _)| *number).collect()
    }

    fn cut(&mut self, number: usize) {
        self.connections.remove(&number);
    }

    fn announce_end_to_all(&mut self, notice: Duration, now: Now) {
        for connection in self.connections.values_mut() {
            connection.announce_end(notice, now, &self.rules);
        }
    }

    fn cut_all(&mut self) {
        self.connections.clear();
    }

    fn refuse(&mut self, refusal: Option<Refusal>) {
        self.desk.refusal = refusal;
    }

    fn ban_snapshots(&mut self, ban: Option<Ban>) {
        self.desk.venue.ban_snapshots(ban);
    }

    fn cache_snapshots(&mut self, caches: bool, counts: &Counts) {
        self.desk.feed.cache_snapshots(caches, counts);
    }

    fn observe(&mut self, streams: &[&str]) {
        self.witness.observe(streams.iter().copied());
    }

    fn take_witnessed(&mut self) -> Vec<Witnessed> {
        self.witness.take()
    }
}
