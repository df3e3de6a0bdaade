//! One venue as the world sees it: its name and address, its clock, and what goes wrong with it as a whole.

use std::time::{Duration, Instant};

use super::strikes::Strikes;
use crate::binance::{Spot, UsdM};
use crate::chance::Chance;
use crate::clock::Now;
use crate::deribit::Deribit;
use crate::error::Error;
use crate::feed::Feed;
use crate::hazard::{Counts, Hazard, Hazards};
use crate::market::{Instrument, Size, Style};
use crate::net::{Clients, Site};
use crate::options::{Options, Source, Venue as Which};
use crate::pace::Pace;
use crate::rate::Window;
use crate::rules::Rules;
use crate::truth::Truth;
use crate::venue::{Ban, Desk, Refusal, Venue};
use crate::witness::Witness;

/// What Binance allows in any five minutes.
const DIALS_MAX: usize = 300;
const DIALS_SPAN: Duration = Duration::from_secs(300);
const SKEW_MAX: Duration = Duration::from_secs(2);
const KINDS: &[Hazard] = &[
    Hazard::LookUpFails,
    Hazard::AddressChange,
    Hazard::HandshakesRefused,
    Hazard::SnapshotsRefused,
    Hazard::SnapshotsStale,
    Hazard::Maintenance,
];

/// What a host is made with, beside its options.
#[derive(Debug)]
pub(super) struct Setting<'a> {
    pub(super) now: Instant,
    pub(super) unix_ns: u64,
    pub(super) levels: usize,
    pub(super) lifetime: Duration,
    pub(super) hazards: &'a Hazards,
    pub(super) counts: &'a Counts,
}

pub(super) struct Host {
    pub(super) name: String,
    pub(super) tls: bool,
    pub(super) site: Box<dyn Site>,
    pub(super) truth: Truth,
    chance: Chance,
    strikes: Strikes,
    began: Instant,
    /// At the beginning, by its own clock.
    unix_us: u64,
    /// Which address it is at.
    address: u32,
    /// Which address look-ups return, and when that will be the new one.
    told: u32,
    tells_at: Option<Instant>,
    names_fail_until: Option<Instant>,
    refuses_until: Option<Instant>,
    shut_until: Option<Instant>,
    stale_until: Option<Instant>,
    /// When maintenance cuts what is left.
    cuts_at: Option<Instant>,
    /// Dials, where they are limited.
    dials: Option<Window>,
    /// Connections that clients have or wait for, and how many they may have where that is limited.
    open: usize,
    connections_max: Option<usize>,
    /// When the venue does something by itself.
    due: Option<Instant>,
}

impl Host {
    pub(super) fn new(
        name: String,
        options: Options,
        mut chance: Chance,
        setting: &Setting<'_>,
    ) -> Result<Self, Error> {
        options.check()?;
        let Setting { now, hazards, counts, .. } = *setting;
        let skew_us = i64::try_from(SKEW_MAX.as_micros()).unwrap_or_default();
        let skewed = of_thousand(Hazard::ClockSkew, hazards, counts, &mut chance);
        let skew_us = i64::try_from(chance.below(skew_us.unsigned_abs() * 2)).unwrap_or_default() - skew_us;
        let unix_us = (setting.unix_ns / 1_000).saturating_add_signed(if skewed { skew_us } else { 0 });
        let truth = Truth::default();
        let (tls, which, connections_max) = (options.tls, options.venue, options.deribit.connections_max);
        let clock = Now { instant: now, unix_us };
        let site = open(options, &mut chance, truth.clone(), clock, setting);
        let strikes = Strikes::of(KINDS, hazards, now, &mut chance);
        let (is_deribit, due) = (which == Which::Deribit, site.next_deadline(clock));
        Ok(Self {
            name,
            tls,
            site,
            truth,
            chance,
            strikes,
            began: now,
            unix_us,
            address: 0,
            told: 0,
            tells_at: None,
            names_fail_until: None,
            refuses_until: None,
            shut_until: None,
            stale_until: None,
            cuts_at: None,
            dials: (!is_deribit).then(|| Window::new(DIALS_MAX, DIALS_SPAN)),
            open: 0,
            connections_max: is_deribit.then_some(connections_max),
            due,
        })
    }

    /// Its own clocks.
    pub(super) fn clock(&self, now: Instant) -> Now {
        let elapsed = now.saturating_duration_since(self.began).as_micros();
        let elapsed = u64::try_from(elapsed).unwrap_or(u64::MAX);
        Now { instant: now, unix_us: self.unix_us.saturating_add(elapsed) }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let own = [self.due, self.strikes.next_deadline(), self.tells_at, self.stale_until, self.cuts_at];
        own.into_iter().flatten().min()
    }

    /// Somebody had to do with the venue: it does what comes of that at once.
    pub(super) fn stir(&mut self, now: Instant) {
        self.due = Some(now);
    }

    /// Does what is due by now at the venue; returns what its clients have exceeded.
    pub(super) fn on_time(&mut self, now: Instant) -> Option<&'static str> {
        self.due.filter(|due| *due <= now)?;
        let clock = self.clock(now);
        self.site.on_time(clock);
        self.due = self.site.next_deadline(clock);
        self.site.take_breach()
    }

    /// The address that a look-up returns.
    pub(super) fn look_up(&self, now: Instant, counts: &Counts) -> Option<u32> {
        let fails = self.names_fail_until.is_some_and(|until| now < until);
        if fails {
            counts.add(Hazard::LookUpFails);
        }
        (!fails).then_some(self.told)
    }

    /// Whether it refuses to connect.
    pub(super) fn is_shut(&self, now: Instant) -> bool {
        self.shut_until.is_some_and(|until| now < until)
    }

    /// Whether this is where it is.
    pub(super) fn is_at(&self, address: u32) -> bool {
        self.address == address
    }

    /// A client connects; says what is too much.
    pub(super) fn count_in(&mut self, now: Instant) -> Option<&'static str> {
        self.open += 1;
        if self.dials.as_mut().is_some_and(|dials| !dials.take(now)) {
            return Some("more than 300 connects within five minutes");
        }
        let too_many = self.connections_max.is_some_and(|most| self.open > most);
        too_many.then_some("more open connections than are allowed")
    }

    /// A client lets go of a connection, or could not have it.
    pub(super) fn count_out(&mut self) {
        self.open -= 1;
    }

    /// Goes wrong, or well again, as is due by now.
    pub(super) fn strike(&mut self, hazards: &Hazards, counts: &Counts, now: Instant) {
        if self.tells_at.take_if(|at| *at <= now).is_some() {
            self.told = self.address;
        }
        if self.stale_until.take_if(|until| *until <= now).is_some() {
            self.site.cache_snapshots(false, counts);
        }
        if self.cuts_at.take_if(|at| *at <= now).is_some() {
            self.site.cut_all();
            self.stir(now);
        }
        if let Some(hazard) = self.strikes.take(hazards, now, &mut self.chance) {
            self.go_wrong(hazard, counts, now);
        }
    }

    fn seconds(&mut self, from: u64, to: u64) -> Duration {
        self.chance.between(Duration::from_secs(from)..=Duration::from_secs(to))
    }

    /// Something goes wrong.
    pub(super) fn go_wrong(&mut self, hazard: Hazard, counts: &Counts, now: Instant) {
        match hazard {
            Hazard::LookUpFails => self.names_fail_until = Some(now + self.seconds(2, 60)),
            Hazard::AddressChange => {
                counts.add(hazard);
                self.address += 1;
                self.tells_at = Some(now + self.seconds(0, 60));
            }
            Hazard::HandshakesRefused if self.refuses_until.is_none_or(|until| until <= now) => {
                let status = self.chance.pick(503, &[403, 418, 429]);
                let until = now + self.seconds(5, 120);
                self.refuses_until = Some(until);
                let counts = Some((hazard, counts.clone()));
                let refusal = Refusal { until, status, tells: status != 403, handshakes_only: true, counts };
                self.site.refuse(Some(refusal));
            }
            Hazard::SnapshotsRefused => {
                let until = now + self.seconds(5, 60);
                let banned = self.chance.one_in(3);
                let until_ms = self.clock(until).unix_ms();
                self.site.ban_snapshots(Some(Ban { until_ms, banned, counts: counts.clone() }));
            }
            Hazard::SnapshotsStale => {
                self.stale_until = Some(now + self.seconds(2, 40));
                self.site.cache_snapshots(true, counts);
            }
            Hazard::Maintenance => self.maintain(counts, now),
            _ => {}
        }
    }

    /// Everybody is told, where that is done, and closed or cut a little later. For minutes nobody is let in, or even
    /// connected.
    fn maintain(&mut self, counts: &Counts, now: Instant) {
        counts.add(Hazard::Maintenance);
        let notice = self.seconds(0, 30);
        let until = now + notice + self.seconds(30, 600);
        if self.chance.one_in(2) {
            self.cuts_at = Some(now + notice);
        }
        if self.chance.one_in(3) {
            self.shut_until = Some(until);
        }
        self.refuses_until = Some(until);
        let clock = self.clock(now);
        // Who is cut at the end of the notice is not closed before.
        self.site.announce_end_to_all(notice + Duration::from_millis(1), clock);
        let refusal = Refusal { until, status: 503, tells: true, handshakes_only: false, counts: None };
        self.site.refuse(Some(refusal));
        self.stir(now);
    }

    /// Whatever is wrong is over.
    pub(super) fn heal(&mut self, counts: &Counts) {
        self.strikes = Strikes::none();
        self.told = self.address;
        (self.tells_at, self.names_fail_until, self.cuts_at) = (None, None, None);
        (self.refuses_until, self.shut_until, self.stale_until) = (None, None, None);
        self.site.refuse(None);
        self.site.ban_snapshots(None);
        self.site.cache_snapshots(false, counts);
    }
}

/// Whether a hazard strikes this time, of a thousand.
pub(super) fn of_thousand(hazard: Hazard, hazards: &Hazards, counts: &Counts, chance: &mut Chance) -> bool {
    let strikes = chance.below(1_000) < u64::from(hazards.rate(hazard));
    if strikes {
        counts.add(hazard);
    }
    strikes
}

/// Opens the venue that the options name.
fn open(
    mut options: Options,
    chance: &mut Chance,
    truth: Truth,
    clock: Now,
    setting: &Setting<'_>,
) -> Box<dyn Site> {
    if let Source::Market { seed, .. } = &mut options.source {
        *seed ^= chance.number();
    }
    let pace_seed = chance.number();
    let build = Build { truth, clock, pace_seed, levels: setting.levels };
    let (binance, deribit) = (options.binance.clone(), options.deribit.clone());
    if options.venue != Which::Deribit {
        options.faults.shutdown_after.get_or_insert(setting.lifetime);
    }
    match options.venue {
        Which::BinanceSpot => build.site(options, |listed| Spot::new(binance, listed, clock)),
        Which::BinanceUsdM => build.site(options, |listed| UsdM::new(binance, listed, clock)),
        Which::Deribit => build.site(options, |listed| Deribit::new(deribit, listed, clock)),
    }
}

/// What venues of all kinds are made with.
struct Build {
    truth: Truth,
    clock: Now,
    pace_seed: u64,
    levels: usize,
}

impl Build {
    fn site<V: Venue + 'static>(
        self,
        options: Options,
        venue: impl FnOnce(&[Instrument]) -> V,
    ) -> Box<dyn Site> {
        let rules = Rules::of(&options);
        let style = Style { size: Size::of(self.levels), ..V::style() };
        let chance = Chance::new(self.pace_seed, 0);
        let pace = |per_second| Pace::seeded(per_second, chance, self.clock.instant);
        let feed = Feed::new(options.source, style, &options.faults, self.truth, pace);
        let desk = Desk::new(venue(feed.instruments()), feed);
        Box::new(Clients::new(rules, desk, Witness::default()))
    }
}
