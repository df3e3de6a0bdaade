//! What goes wrong with an open connection.

use std::time::{Duration, Instant};

use super::{Around, CLIENT_GONE, Link, State};
use crate::chance::Chance;
use crate::hazard::Hazard;
use crate::net::{Ending, Spoiling};
use crate::world::host::Host;
use crate::world::lane::Lane;
use crate::world::strikes::Strikes;

/// Alerts of TLS.
const UNEXPECTED_MESSAGE: u8 = 10;
const BAD_RECORD: u8 = 20;
const INTERNAL_ERROR: u8 = 80;
/// How long a venue's system keeps a connection over which nothing gets through.
const NOTHING_ARRIVES: Duration = Duration::from_secs(900);

impl Link {
    /// Something goes wrong, if it is open.
    pub(in crate::world) fn go_wrong(&mut self, hazard: Hazard, around: &mut Around<'_>) {
        if self.state != State::Open {
            return;
        }
        match hazard {
            Hazard::Stall => self.stall(around),
            Hazard::HalfOpen => self.half_open(around),
            Hazard::Cut => self.end_at_some_byte(Ending::Reset, hazard, around),
            Hazard::Finished => self.end_at_some_byte(Ending::Finished, hazard, around),
            Hazard::TlsAlert if around.host.tls => {
                let alert =
                    Ending::Alert(self.chance.pick(INTERNAL_ERROR, &[UNEXPECTED_MESSAGE, BAD_RECORD]));
                self.end_at_some_byte(alert, hazard, around);
            }
            Hazard::MessagesLost => self.spoil(|chance| Spoiling::Lose(few(chance)), around),
            Hazard::MessagesDoubled => self.spoil(|chance| Spoiling::Double(few(chance)), around),
            Hazard::Mute => self.spoil(|chance| Spoiling::Mute(chance.number()), around),
            Hazard::Lag => {
                let (least, most) = (Duration::from_millis(100), Duration::from_secs(5));
                self.spoil(|chance| Spoiling::Lag(chance.between(least..=most)), around);
                let lasts = self.chance.between(Duration::from_secs(1)..=Duration::from_secs(60));
                self.lags_until = Some(around.now + lasts);
            }
            Hazard::Shutdown => self.announce_end(around),
            _ => {}
        }
    }

    /// Its data is kept back for so long from now on, if it is open.
    pub(in crate::world) fn lag(&mut self, lag: Duration, around: &mut Around<'_>) {
        if self.state == State::Open {
            self.spoil(|_| Spoiling::Lag(lag), around);
            self.lags_until = None;
        }
    }

    fn stall(&mut self, around: &mut Around<'_>) {
        if self.up.is_stalled(around.now) || self.down.is_stalled(around.now) {
            return;
        }
        around.counts.add(Hazard::Stall);
        let (least, most) = (Duration::from_millis(200), Duration::from_secs(15));
        let until = around.now + self.chance.between(least..=most);
        for lane in sides(&mut self.up, &mut self.down, &mut self.chance) {
            lane.stall(until);
        }
    }

    fn half_open(&mut self, around: &mut Around<'_>) {
        if self.up.is_dead() || self.down.is_dead() {
            return;
        }
        around.counts.add(Hazard::HalfOpen);
        for lane in sides(&mut self.up, &mut self.down, &mut self.chance) {
            lane.die();
        }
        self.given_up = Some(around.now + NOTHING_ARRIVES);
    }

    /// Nothing gets through any more, because the host is no longer there.
    pub(in crate::world) fn lose_host(&mut self, host: &Host, now: Instant) {
        if !host.is_at(self.address) && self.far.is_some() && !(self.up.is_dead() && self.down.is_dead()) {
            self.up.die();
            self.down.die();
            self.given_up = Some(now + CLIENT_GONE);
        }
    }

    /// The end comes to the client at once behind what was sent, or within the next bytes.
    fn end_at_some_byte(&mut self, ending: Ending, hazard: Hazard, around: &mut Around<'_>) {
        let after = if self.chance.one_in(3) { 0 } else { self.chance.below(500) };
        let up = ending == Ending::Reset && self.chance.one_in(3);
        if up && after > 0 {
            return self.up.plan_end(after, ending, hazard);
        }
        self.down.plan_end(after, ending, hazard);
        if after == 0
            && let Some(plan) = self.down.send(&[], around.now, &mut self.chance)
        {
            self.on_planned_end(plan, around);
        }
    }

    fn spoil(&mut self, spoiling: impl FnOnce(&mut Chance) -> Spoiling, around: &mut Around<'_>) {
        let spoiling = spoiling(&mut self.chance);
        if let Some(far) = &self.far {
            let clock = around.host.clock(around.now);
            around.host.site.spoil(far.number, spoiling, around.counts, clock);
        }
    }

    fn announce_end(&mut self, around: &mut Around<'_>) {
        let (least, most) = (Duration::from_millis(100), Duration::from_secs(60));
        let notice = self.chance.between(least..=most);
        let clock = around.host.clock(around.now);
        let number = self.far.as_ref().map(|far| far.number);
        if number.is_some_and(|number| around.host.site.announce_end(number, notice, clock)) {
            around.counts.add(Hazard::Shutdown);
            around.host.stir(around.now);
        }
    }

    /// Whatever is wrong with it is over, but for bytes that vanish.
    pub(in crate::world) fn heal(&mut self, around: &mut Around<'_>) {
        self.strikes = Strikes::none();
        self.up.heal();
        self.down.heal();
        self.lags_until = None;
        if let Some(far) = &self.far {
            far.plug.release(around.network.window.saturating_sub(self.window));
            self.reopens = Some(around.now);
        }
        (self.window, self.send_buffer) = (around.network.window, around.network.send_buffer);
        self.spoil(|_| Spoiling::Nothing, around);
        around.host.stir(around.now);
    }
}

/// One direction or both.
fn sides<'a>(up: &'a mut Lane, down: &'a mut Lane, chance: &mut Chance) -> Vec<&'a mut Lane> {
    match chance.below(3) {
        0 => vec![up],
        1 => vec![down],
        _ => vec![up, down],
    }
}

fn few(chance: &mut Chance) -> u32 {
    u32::try_from(chance.size(3)).unwrap_or(1)
}
