//! The way to a connection: look-up, TCP, TLS.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{Around, Far, KINDS, Link, State};
use crate::hazard::Hazard;
use crate::net::{Ending, pair};
use crate::world::event::{Event, Failure, TlsAlert};
use crate::world::strikes::Strikes;

/// How long a system tries to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(60);
/// Alerts of TLS.
const HANDSHAKE_FAILURE: u8 = 40;
const BAD_CERTIFICATE: u8 = 42;
const UNKNOWN_AUTHORITY: u8 = 48;
/// The shortest request and answer of a handshake.
const HANDSHAKE_BYTES: u64 = 120;
/// The least that a small window holds, and how much more it may be.
const SMALL_WINDOW: usize = 2 * 1_024;
/// The largest piece of chopped bytes.
const PIECE_MAX: usize = 300;

impl Link {
    /// Moves on, if it is time.
    pub(super) fn dial_on(&mut self, around: &mut Around<'_>) {
        let now = around.now;
        match self.state {
            State::LookingUp { until } if now >= until => match around.host.look_up(now, around.counts) {
                None => self.fail(Failure::Resolve, around),
                Some(address) => self.connect(address, around),
            },
            State::Connecting { until, failure } if now >= until => match failure {
                Some(failure) => self.fail(failure, around),
                // It may have moved meanwhile.
                None if !around.host.is_at(self.address) => {
                    let failure = Some(Failure::TimedOut);
                    self.state = State::Connecting { until: now + CONNECT_TIMEOUT, failure };
                }
                None if around.host.tls => self.secure(around),
                None => self.open(around),
            },
            State::Securing { until, failure } if now >= until => match failure {
                Some(failure) => self.fail(failure, around),
                None => self.open(around),
            },
            _ => {}
        }
    }

    /// There is no host of that name.
    pub(in crate::world) fn find_no_host(&mut self, now: Instant, events: &mut VecDeque<Event>) {
        if self.next_deadline().is_some_and(|until| until <= now) {
            self.state = State::Failed;
            events.push_back(Event::Failed(self.wire, Failure::Resolve));
        }
    }

    fn fail(&mut self, failure: Failure, around: &mut Around<'_>) {
        if self.is_counted() {
            around.host.count_out();
        }
        self.state = State::Failed;
        around.events.push_back(Event::Failed(self.wire, failure));
    }

    fn connect(&mut self, address: u32, around: &mut Around<'_>) {
        let now = around.now;
        self.address = address;
        if let Some(what) = around.host.count_in(now) {
            around.ledger.note(&around.host.name, what, now);
        }
        let refused =
            around.host.is_shut(now) || around.of_thousand(Hazard::ConnectRefused, &mut self.chance);
        let unanswered = !refused && around.of_thousand(Hazard::ConnectUnanswered, &mut self.chance);
        let round_trip = self.up.latency() * 2;
        self.state = if refused {
            State::Connecting { until: now + round_trip, failure: Some(Failure::Refused) }
        } else if unanswered || !around.host.is_at(address) {
            State::Connecting { until: now + CONNECT_TIMEOUT, failure: Some(Failure::TimedOut) }
        } else {
            State::Connecting { until: now + round_trip, failure: None }
        };
    }

    fn secure(&mut self, around: &mut Around<'_>) {
        let until = around.now + self.up.latency() * 4;
        let refused = around.of_thousand(Hazard::TlsRefused, &mut self.chance);
        let alert = self.chance.pick(HANDSHAKE_FAILURE, &[BAD_CERTIFICATE, UNKNOWN_AUTHORITY]);
        let failure = refused.then_some(Failure::Tls(TlsAlert(alert)));
        self.state = State::Securing { until, failure };
    }

    fn open(&mut self, around: &mut Around<'_>) {
        let now = around.now;
        let chance = &mut self.chance;
        if around.of_thousand(Hazard::SmallWindow, chance) {
            self.window = SMALL_WINDOW + chance.size(SMALL_WINDOW);
            self.send_buffer = SMALL_WINDOW / 4;
        }
        if around.of_thousand(Hazard::Chopped, chance) {
            let most = chance.size(PIECE_MAX);
            self.down.chop(most);
            self.up.chop(most);
        }
        // It is counted when it comes.
        if chance.below(1_000) < u64::from(around.hazards.rate(Hazard::HandshakeCut)) {
            let lane = if chance.one_in(2) { &mut self.up } else { &mut self.down };
            lane.plan_end(chance.below(HANDSHAKE_BYTES), Ending::Reset, Hazard::HandshakeCut);
        }
        let (end, plug) = pair(self.window);
        let number = around.host.site.accept(end, around.host.clock(now));
        self.far = Some(Far { number, plug, closed: false });
        around.host.stir(now);
        self.strikes = Strikes::of(KINDS, around.hazards, now, &mut self.chance);
        self.state = State::Open;
        around.events.push_back(Event::Connected(self.wire));
    }
}
