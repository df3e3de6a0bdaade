//! One connection of a client's, from the look-up to the end.
//!
//! ```text
//! LookingUp ──► Connecting ──► Securing ──► Open ──hung up──► Left ──the venue lets go──► over
//!     └──────────────┴────────────┴──► Failed
//! ```

mod client;
mod dial;
mod trouble;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::event::{Event, Failure, Wire};
use super::host::{Host, of_thousand};
use super::lane::{Lane, Parcel, Plan};
use super::ledger::Ledger;
use super::meter::Meter;
use super::options::Network;
use super::strikes::Strikes;
use crate::chance::Chance;
use crate::hazard::{Counts, Hazard, Hazards};
use crate::net::{Ending, Plug, Spoiling};
use crate::rate::Window;

const LOOK_UP_MAX: Duration = Duration::from_millis(40);
/// How long a venue's system keeps a connection whose client is gone and did not get that through.
const CLIENT_GONE: Duration = Duration::from_secs(300);
/// In which a venue counts the messages of a connection.
const RATE_SPAN: Duration = Duration::from_secs(1);
/// What strikes an open connection.
const KINDS: &[Hazard] = &[
    Hazard::Stall,
    Hazard::Cut,
    Hazard::HalfOpen,
    Hazard::Finished,
    Hazard::TlsAlert,
    Hazard::MessagesLost,
    Hazard::MessagesDoubled,
    Hazard::Lag,
    Hazard::Mute,
    Hazard::Shutdown,
];

/// What a link has to do with.
pub(super) struct Around<'a> {
    pub(super) now: Instant,
    pub(super) host: &'a mut Host,
    pub(super) network: &'a Network,
    pub(super) hazards: &'a Hazards,
    pub(super) counts: &'a Counts,
    pub(super) events: &'a mut VecDeque<Event>,
    pub(super) ledger: &'a mut Ledger,
}

impl Around<'_> {
    fn of_thousand(&self, hazard: Hazard, chance: &mut Chance) -> bool {
        of_thousand(hazard, self.hazards, self.counts, chance)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    LookingUp {
        until: Instant,
    },
    Connecting {
        until: Instant,
        failure: Option<Failure>,
    },
    Securing {
        until: Instant,
        failure: Option<Failure>,
    },
    Open,
    /// The client has hung up.
    Left,
    /// There was no connection.
    Failed,
}

/// The venue's side of an open link.
#[derive(Debug)]
struct Far {
    number: usize,
    plug: Plug,
    /// Whether it let go.
    closed: bool,
}

#[derive(Debug)]
pub(super) struct Link {
    pub(super) wire: Wire,
    /// The place of its host.
    pub(super) host: usize,
    state: State,
    chance: Chance,
    address: u32,
    up: Lane,
    down: Lane,
    far: Option<Far>,
    window: usize,
    /// What arrived at the client, of which it has read so much, and what comes behind it.
    inbox: Vec<u8>,
    read: usize,
    ended: Option<Ending>,
    /// Bytes that the client may write before the first of them arrive, and those that did not.
    send_buffer: usize,
    unarrived: usize,
    /// A write was cut short.
    wants_room: bool,
    /// When the venue hears of room for what it could not write.
    reopens: Option<Instant>,
    strikes: Strikes,
    lags_until: Option<Instant>,
    /// When the venue's system gives up.
    given_up: Option<Instant>,
    meter: Meter,
    sent: Option<Window>,
}

impl Link {
    pub(super) fn dial(wire: Wire, host: usize, network: &Network, mut chance: Chance, now: Instant) -> Self {
        let latency = chance.between(network.latency.clone());
        let until = now + chance.between(Duration::ZERO..=LOOK_UP_MAX);
        let lane = || Lane::new(latency, network.jitter, now);
        Self {
            wire,
            host,
            state: State::LookingUp { until },
            chance,
            address: 0,
            up: lane(),
            down: lane(),
            far: None,
            window: network.window,
            inbox: Vec::new(),
            read: 0,
            ended: None,
            send_buffer: network.send_buffer,
            unarrived: 0,
            wants_room: false,
            reopens: None,
            strikes: Strikes::none(),
            lags_until: None,
            given_up: None,
            meter: Meter::new(),
            sent: None,
        }
    }

    /// Whether nothing is left of it on either side.
    pub(super) fn is_over(&self) -> bool {
        match self.state {
            State::Failed => true,
            State::Left => self.far.as_ref().is_none_or(|far| far.closed),
            _ => false,
        }
    }

    /// Whether it is among its host's connections.
    fn is_counted(&self) -> bool {
        matches!(self.state, State::Connecting { .. } | State::Securing { .. } | State::Open)
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        match self.state {
            State::LookingUp { until } | State::Connecting { until, .. } | State::Securing { until, .. } => {
                return Some(until);
            }
            State::Failed => return None,
            State::Open | State::Left => {}
        }
        let lanes = [self.up.next_arrival(), self.down.next_arrival()];
        let own = [self.reopens, self.strikes.next_deadline(), self.lags_until, self.given_up];
        lanes.into_iter().chain(own).flatten().min()
    }

    /// Moves on with the dialing, lets go wrong what is due, and hands the venue what has arrived.
    pub(super) fn begin_turn(&mut self, around: &mut Around<'_>) {
        let now = around.now;
        self.dial_on(around);
        if let Some(hazard) = self.strikes.take(around.hazards, now, &mut self.chance) {
            self.go_wrong(hazard, around);
        }
        let Some(far) = &self.far else {
            return;
        };
        let mut stirs = self.reopens.take_if(|at| *at <= now).is_some();
        if self.lags_until.take_if(|until| *until <= now).is_some() {
            let clock = around.host.clock(now);
            let none = Spoiling::Lag(Duration::ZERO);
            around.host.site.spoil(far.number, none, around.counts, clock);
            stirs = true;
        }
        if self.given_up.take_if(|at| *at <= now).is_some() {
            far.plug.end(Ending::Reset);
            stirs = true;
        }
        let (mut arrived, mut messages) = (0, 0);
        while let Some(parcel) = self.up.arrive(now) {
            stirs = true;
            match parcel {
                Parcel::Bytes(bytes) => {
                    arrived += bytes.len();
                    if !far.closed {
                        far.plug.push(&bytes);
                        messages += self.meter.pass(&bytes);
                    }
                }
                Parcel::End(ending) => far.plug.end(ending),
            }
        }
        if stirs && !far.closed {
            around.host.site.on_ready(far.number, around.host.clock(now));
            around.host.stir(now);
        }
        self.count(messages, around);
        self.unarrived -= arrived;
        if arrived > 0 && std::mem::take(&mut self.wants_room) && self.state == State::Open {
            around.events.push_back(Event::Writable(self.wire));
        }
    }

    /// Counts messages that arrive against the venue's limit.
    fn count(&mut self, messages: usize, around: &mut Around<'_>) {
        let Some(far) = self.far.as_ref().filter(|_| messages > 0) else {
            return;
        };
        let Some(most) = around.host.site.messages_per_second(far.number) else {
            return;
        };
        let window = self.sent.get_or_insert_with(|| Window::new(most, RATE_SPAN));
        for _ in 0..messages {
            if !window.take(around.now) {
                let what = format!("more than {most} messages within a second on one connection");
                around.ledger.note(&around.host.name, &what, around.now);
            }
        }
    }

    /// Takes what the venue has sent, and hands the client what has arrived.
    pub(super) fn end_turn(&mut self, around: &mut Around<'_>) {
        if self.far.as_ref().is_some_and(|far| !far.closed && far.plug.has_news()) {
            self.collect(around);
        }
        let mut arrived = false;
        while let Some(parcel) = self.down.arrive(around.now) {
            arrived = true;
            match parcel {
                Parcel::Bytes(bytes) => self.inbox.extend_from_slice(&bytes),
                Parcel::End(ending) => self.ended = Some(ending),
            }
        }
        let readable = Event::Readable(self.wire);
        if arrived && self.state == State::Open && !around.events.contains(&readable) {
            around.events.push_back(readable);
        }
    }

    /// Takes what the venue has sent.
    fn collect(&mut self, around: &mut Around<'_>) {
        let Some(far) = &mut self.far else {
            return;
        };
        let sent = far.plug.take_sent();
        let reached = self.down.send(&sent, around.now, &mut self.chance);
        if !self.down.is_open() {
            // What vanishes takes no room.
            far.plug.release(sent.len());
            if far.plug.take_starved() {
                self.reopens = Some(around.now + self.up.latency());
            }
        }
        if far.plug.is_closed() {
            far.closed = true;
            self.down.end(Ending::Finished, around.now);
        }
        if let Some(plan) = reached {
            self.on_planned_end(plan, around);
        }
    }

    /// What the venue sent has come to a planned end, which is on its way to the client.
    fn on_planned_end(&mut self, plan: Plan, around: &mut Around<'_>) {
        around.counts.add(plan.hazard);
        let Some(far) = &self.far else {
            return;
        };
        match plan.ending {
            Ending::Finished => around.host.site.cut(far.number),
            // Who resets a connection on its way may tell one end only.
            Ending::Reset if self.chance.one_in(4) => {
                self.up.die();
                self.given_up = Some(around.now + CLIENT_GONE);
            }
            Ending::Reset | Ending::Alert(_) => {
                far.plug.end(Ending::Reset);
                around.host.site.on_ready(far.number, around.host.clock(around.now));
            }
        }
        around.host.stir(around.now);
    }
}
