//! All connections of one venue, and what they are served from.

use std::collections::{BTreeMap, HashSet};
use std::time::Instant;

use tungstenite::Utf8Bytes;

use super::connection::Connection;
use super::transport::Transport;
use crate::clock::Now;
use crate::publisher::Form;
use crate::rules::Rules;
use crate::venue::{Desk, Venue};
use crate::witness::Witness;

const CONNECTIONS_MAX: usize = 256;

pub(crate) struct Clients<V: Venue> {
    pub(super) rules: Rules,
    pub(super) desk: Desk<V>,
    pub(super) connections: BTreeMap<usize, Connection<V>>,
    /// The number of the next connection.
    next: usize,
    /// Streams that were published to nobody, until somebody wants something else.
    unwanted: HashSet<String>,
    pub(super) witness: Witness,
}

impl<V: Venue> Clients<V> {
    pub(crate) fn new(rules: Rules, desk: Desk<V>, witness: Witness) -> Self {
        Self { rules, desk, connections: BTreeMap::new(), next: 0, unwanted: HashSet::new(), witness }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.connections.len() >= CONNECTIONS_MAX
    }

    /// What the next connection will be called.
    pub(crate) fn next(&self) -> usize {
        self.next
    }

    /// Takes a connection in; returns what it is called.
    pub(crate) fn accept(&mut self, transport: Transport, now: Now) -> usize {
        let number = self.next;
        self.next += 1;
        self.connections.insert(number, Connection::accept(transport, now));
        self.on_ready(number, now);
        number
    }

    /// A connection's socket may have become readable or writable.
    pub(crate) fn on_ready(&mut self, number: usize, now: Now) {
        self.desk.open = self.connections.values().filter(|connection| connection.is_open()).count();
        if let Some(connection) = self.connections.get_mut(&number) {
            connection.on_ready(now, &self.rules, &mut self.desk);
        }
    }

    /// Connections that have not read everything that is there.
    pub(crate) fn starved(&self) -> Vec<usize> {
        self.connections.iter().filter(|(_, c)| c.is_starved()).map(|(number, _)| *number).collect()
    }

    /// Lets the market move and hands its events to whoever listens.
    pub(crate) fn publish(&mut self, now: Now) {
        let Self { connections, desk, rules, unwanted, witness, .. } = self;
        if std::mem::take(&mut desk.changed) {
            unwanted.clear();
        }
        desk.feed.advance(&mut desk.venue, now, &mut |stream, write| {
            // It sees what nobody wants, too, and may begin to at any time.
            let mut wanted = witness.see(stream, write, now);
            if !wanted && unwanted.contains(stream) {
                return;
            }
            let mut texts: Vec<(Form, Utf8Bytes)> = Vec::new();
            for connection in connections.values_mut() {
                let Some(form) = connection.form(stream, now, rules) else {
                    continue;
                };
                wanted = true;
                let text = match texts.iter().find(|(of, _)| *of == form) {
                    Some((_, text)) => text.clone(),
                    None => {
                        let text = Utf8Bytes::from(write(form));
                        texts.push((form, text.clone()));
                        text
                    }
                };
                connection.send(text, now, rules);
            }
            if !wanted {
                unwanted.insert(stream.to_owned());
            }
        });
    }

    /// Does what is due on each connection, hands over what is unsent and forgets those that are gone.
    pub(crate) fn on_time(&mut self, now: Now) {
        for connection in self.connections.values_mut() {
            connection.on_time(now, &self.rules, &self.desk.feed);
            connection.flush();
        }
        self.connections.retain(|_, connection| !connection.is_gone());
    }

    /// When something will happen by itself on a connection.
    pub(crate) fn next_deadline(&self, now: Now) -> Option<Instant> {
        let Self { connections, rules, desk, .. } = self;
        connections.values().filter_map(|c| c.next_deadline(now, rules, &desk.feed)).min()
    }

    /// When the market moves by itself.
    pub(crate) fn next_event(&self) -> Option<Instant> {
        self.desk.feed.next_deadline()
    }

    /// The server ends.
    pub(crate) fn shut_down(&mut self, now: Now) {
        for connection in self.connections.values_mut() {
            connection.shut_down(now);
            connection.flush();
        }
    }
}
