//! Who watches the feed: every stream against what was published of it, every book against the venue's own.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant};

use tickwire_venue::{
    BookChange, BookEvent, BookState, Error, Event, Instrument, LinkChange, LinkEvent, Route, Session,
    Snapshot,
};

use super::client::Audience;
use super::ledger::Ledger;
use super::published::{Names, shows_holes, stream_of, told, updates};
use super::scene::Scene;
use crate::truth::Levels;
use crate::world::World;

/// A connection that was ready for so long is made anew at once.
const STABLE: Duration = Duration::from_secs(10);
/// How long it takes to renew a connection, the overlap included, while nothing is in the way.
const RENEWAL: Duration = Duration::from_secs(30);
/// How long a feed may be when all that it holds is written out, in bytes: its books and its connections, with what waits
/// to be told or sent.
const WEIGHT_MAX: usize = 512 << 10;

/// A stream that came so often in a minute comes on each connection.
const OFTEN: u32 = 30;

/// What a trial keeps of what the feed told, for who wants to read it.
pub(super) type Trace<'a> = Option<&'a mut dyn FnMut(&str)>;

pub(super) struct Judge<'a> {
    host: String,
    names: Names,
    symbols: Vec<String>,
    ledgers: BTreeMap<String, Ledger>,
    /// The user changes what is followed.
    has_whims: bool,
    /// There is always a connection that brings everything.
    is_gapless: bool,
    /// The book that an event was about, to be looked at once the session is free.
    book: Option<(Instrument, u64)>,
    /// Up to which id gaps of a stream were told, where a book has no other reason to lose its thread.
    holes: Option<BTreeMap<String, u64>>,
    /// Places whose last attempt was made at once, and since when connections are ready.
    hasty: BTreeSet<(usize, usize)>,
    ready: BTreeMap<Route, Instant>,
    /// When the end of a connection was told, while there is time enough to renew it.
    ends: BTreeMap<Route, Instant>,
    renews_in_time: bool,
    /// How often a connection brought a stream, while that is counted.
    heard: Option<BTreeMap<(String, Route), u32>>,
    /// What went wrong first.
    pub(super) wrong: Option<String>,
    pub(super) tally: Tally,
    trace: Trace<'a>,
}

/// What was seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Updates of streams.
    pub updates: u64,
    /// Books that were compared with the venue's own.
    pub books: u64,
    /// Gaps that were told.
    pub gaps: u64,
    /// Updates that gaps covered.
    pub missed: u64,
    /// Connections that were lost.
    pub lost: u64,
    /// Connections that were renewed without a break.
    pub renewed: u64,
    /// How long a feed was at most when all that it held was written out, in bytes.
    pub weight: usize,
}

impl std::ops::Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            updates: self.updates + other.updates,
            books: self.books + other.books,
            gaps: self.gaps + other.gaps,
            missed: self.missed + other.missed,
            lost: self.lost + other.lost,
            renewed: self.renewed + other.renewed,
            weight: self.weight.max(other.weight),
        }
    }
}

impl<'a> Judge<'a> {
    pub(super) fn new(scene: &Scene, trace: Trace<'a>) -> Self {
        let names = scene.names();
        let lossy = scene.loses_messages();
        let ledger = |stream: String| {
            let is_lossy = lossy && !shows_holes(&stream, scene.counts_trades());
            let ledger = Ledger::new(&stream, is_lossy);
            (stream, ledger)
        };
        let streams =
            scene.symbols.iter().flat_map(|symbol| names.kinds().map(|kind| names.of(kind, symbol)));
        Self {
            host: scene.host().to_owned(),
            names,
            symbols: scene.symbols.clone(),
            ledgers: streams.map(ledger).collect(),
            has_whims: scene.whims.is_some(),
            is_gapless: scene.gapless,
            book: None,
            holes: scene.keeps_books().then(BTreeMap::new),
            hasty: BTreeSet::new(),
            ready: BTreeMap::new(),
            ends: BTreeMap::new(),
            renews_in_time: scene.renews_in_time,
            heard: None,
            wrong: None,
            tally: Tally::default(),
            trace,
        }
    }

    /// The user wants a stream from now on, or no more.
    pub(super) fn want(&mut self, stream: &str, wanted: bool) {
        if let Some(ledger) = self.ledgers.get_mut(stream) {
            ledger.want(wanted);
        }
    }

    /// Takes over what was published since the last time.
    pub(super) fn witness(&mut self, world: &mut World) {
        for seen in world.witness(&self.host) {
            let Some(ledger) = self.ledgers.get_mut(&*seen.stream) else { continue };
            updates(&seen.text).into_iter().for_each(|update| ledger.publish(update, seen.at));
        }
    }

    /// Writes down that something is not as it should be; the first time counts.
    pub(super) fn blame(&mut self, world: &World, what: &str) {
        self.note(world, what);
        if self.wrong.is_none() {
            self.wrong = Some(format!("{}: {what}", self.time(world)));
        }
    }

    pub(super) fn note(&mut self, world: &World, what: &str) {
        if self.trace.is_none() {
            return;
        }
        let time = self.time(world);
        if let Some(trace) = &mut self.trace {
            trace(&format!("{time}  {what}"));
        }
    }

    fn time(&self, world: &World) -> String {
        format!("{:>12.6} s", world.elapsed().as_secs_f64())
    }

    fn check(&mut self, world: &World, stream: &str, judged: Result<(), String>) {
        if let Err(what) = judged {
            self.blame(world, &format!("{stream}: {what}"));
        }
    }

    /// Whether a stream has brought what was published before a time; else what it has not.
    pub(super) fn overdue(&self, before: Instant) -> Option<String> {
        let overdue = |(stream, ledger): (&String, &Ledger)| {
            Some(format!("{stream}: {} was never told", ledger.overdue(before)?))
        };
        self.ledgers.iter().find_map(overdue)
    }

    /// Whether every book in `wanted` is live and the venue's own; else which is not.
    pub(super) fn unlike(&self, session: &impl Session, world: &World, wanted: &[String]) -> Option<String> {
        wanted.iter().find_map(|symbol| {
            let instrument = session.instrument(symbol)?;
            let Some(view) = session.book(instrument) else { return Some(format!("{symbol}: no book")) };
            if view.state != BookState::Live {
                return Some(format!("{symbol}: its book is {:?}", view.state));
            }
            self.difference(session, world, instrument, view.update_id)
        })
    }

    /// Sees that a feed holds no more than it should.
    pub(super) fn weigh(&mut self, feed: &impl fmt::Debug, world: &World) {
        self.tally.weight = self.tally.weight.max(format!("{feed:?}").len());
        if self.tally.weight > WEIGHT_MAX {
            self.blame(world, &format!("the feed is {} bytes long when written out", self.tally.weight));
        }
    }

    /// What is different between a book and the venue's own at the same update id.
    fn difference(
        &self,
        session: &impl Session,
        world: &World,
        instrument: Instrument,
        update_id: u64,
    ) -> Option<String> {
        let symbol = session.symbol(instrument)?;
        let view = session.book(instrument)?;
        let own = world.book_at(&self.host, symbol, update_id);
        let Some(own) = own else { return Some(format!("{symbol}: the venue has no book at {update_id}")) };
        let kept = Levels { bids: units(view.book.bids()), asks: units(view.book.asks()) };
        (kept != own).then(|| format!("{symbol} at {update_id}: {kept:?} instead of {own:?}"))
    }

    fn see_update(&mut self, event: &Event<'_>, world: &World) {
        let instrument = match event {
            Event::Trade(trade) => trade.instrument,
            Event::Quote(quote) => quote.instrument,
            Event::Delta(delta) => delta.instrument,
            Event::Snapshot(snapshot) => return self.see_snapshot(snapshot, world),
            Event::Ticker(ticker) => ticker.instrument,
            Event::Mark(mark) => mark.instrument,
            Event::Candle(candle) => candle.instrument,
            Event::Subscribed { .. }
            | Event::Unsubscribed { .. }
            | Event::Silent { .. }
            | Event::Missing { .. }
            | Event::Rejected(_)
            | Event::Unanswered { .. }
            | Event::Status(_) => return self.note(world, &format!("{event:?}")),
            _ => return,
        };
        // The symbols of a scene are numbered in their order.
        let symbol = usize::try_from(instrument.0).ok().and_then(|at| self.symbols.get(at));
        let Some((stream, update)) = symbol.and_then(|symbol| told(event, symbol, self.names)) else {
            return;
        };
        self.tally.updates += 1;
        if let Some(ledger) = self.ledgers.get_mut(&stream) {
            let missed = ledger.missed;
            let judged = ledger.on_told(&update);
            let missed = ledger.missed - missed;
            self.tally.missed += missed;
            self.check(world, &stream, judged);
        }
    }

    /// Deribit's books begin with a snapshot in their own channel.
    fn see_snapshot(&mut self, snapshot: &Snapshot<'_>, world: &World) {
        let symbol = usize::try_from(snapshot.instrument.0).ok().and_then(|at| self.symbols.get(at));
        let Some(stream) = symbol.map(|symbol| self.names.of(self.names.book(), symbol)) else { return };
        self.note(world, &format!("{stream}: a snapshot at {}", snapshot.update_id));
        if let Some(ledger) = self.ledgers.get_mut(&stream) {
            let judged = ledger.on_snapshot(snapshot.update_id);
            self.check(world, &stream, judged);
        }
    }

    /// From a time on nothing that is published may be missing, until a connection is lost.
    pub(super) fn be_fair(&mut self, since: Option<Instant>) {
        self.ledgers.values_mut().for_each(|ledger| ledger.be_fair(since));
    }

    /// There is no connection: no book can be live.
    pub(super) fn look_for_live(&mut self, session: &impl Session, world: &World) {
        let is_live = |symbol: &&String| {
            let book = session.instrument(symbol).and_then(|instrument| session.book(instrument));
            book.is_some_and(|book| book.state == BookState::Live)
        };
        if let Some(symbol) = self.symbols.iter().find(is_live) {
            let what = format!("{symbol}: its book is live without a connection");
            self.blame(world, &what);
        }
    }

    /// Counts from now on what each connection brings.
    pub(super) fn listen(&mut self) {
        self.heard = Some(BTreeMap::new());
    }

    /// Of connections that have been there all the time, each must have brought what any of them brought often.
    pub(super) fn compare(&mut self, routes: &[Route], world: &World) {
        let Some(heard) = self.heard.take() else { return };
        let mute = heard.iter().filter(|(_, count)| **count >= OFTEN).find_map(|((stream, route), count)| {
            let lacks = |other: &&Route| {
                other.endpoint == route.endpoint && !heard.contains_key(&(stream.clone(), **other))
            };
            let other = routes.iter().filter(|_| routes.contains(route)).find(lacks)?;
            Some(format!("{other:?} does not bring {stream}, which {route:?} has brought {count} times"))
        });
        mute.into_iter().for_each(|what| self.blame(world, &what));
    }

    /// Only the first attempt is made at once, unless a connection was ready for a time.
    fn see_link(&mut self, link: &LinkEvent<'_>, world: &World) {
        let place = (link.route.endpoint, link.place);
        match link.change {
            LinkChange::Ready { .. } => _ = self.ready.insert(link.route, world.now()),
            LinkChange::Closed => self.forget(link.route),
            LinkChange::Lost { retry_in, .. } => {
                self.be_fair(None);
                let since = self.ready.get(&link.route).copied();
                let told = self.ends.get(&link.route).is_some_and(|at| world.now() >= *at + RENEWAL);
                if told && self.renews_in_time {
                    self.blame(world, &format!("{:?} ends as was told, and was not renewed", link.route));
                }
                self.forget(link.route);
                if since.is_some_and(|since| world.now() >= since + STABLE) {
                    self.hasty.remove(&place);
                }
                if retry_in == Some(Duration::ZERO) && !self.hasty.insert(place) {
                    self.blame(world, &format!("{:?} is dialed at once again and again", link.route));
                }
            }
            _ => {}
        }
    }

    fn forget(&mut self, route: Route) {
        self.ready.remove(&route);
        self.ends.remove(&route);
    }

    /// A book loses its thread only where its stream does.
    fn see_book(&mut self, BookEvent { instrument, change }: &BookEvent, world: &World) {
        let symbol = usize::try_from(instrument.0).ok().and_then(|at| self.symbols.get(at));
        let stream = symbol.map(|symbol| self.names.of(self.names.book(), symbol)).unwrap_or_default();
        if let BookChange::Gap { expected, .. } = change
            && let Some(holes) = &self.holes
            // A stream that had told nothing has no gap to tell.
            && self.ledgers.get(&stream).is_some_and(|ledger| ledger.told > 1)
            && holes.get(&stream).is_none_or(|through| *through < *expected)
        {
            self.blame(world, &format!("{stream}: {change:?} in the book, and none in the stream"));
        }
        self.book = match change {
            BookChange::Synced { update_id }
            | BookChange::Resynced { update_id }
            | BookChange::Updated { update_id } => Some((*instrument, *update_id)),
            _ => None,
        };
    }
}

impl<S: Session> Audience<S> for Judge<'_> {
    fn blame(&mut self, world: &World, what: &str) {
        Judge::blame(self, world, what);
    }

    fn see(&mut self, event: &Event<'_>, world: &World) {
        match event {
            Event::Book(book) => self.see_book(book, world),
            Event::Gap(gap) => {
                self.tally.gaps += 1;
                if let Some(holes) = &mut self.holes {
                    holes.insert(gap.stream.to_owned(), gap.through);
                }
                self.note(world, &format!("{gap:?}"));
                if self.is_gapless {
                    self.blame(world, &format!("{gap:?}, and there was always another connection"));
                }
                let judged =
                    self.ledgers.get_mut(gap.stream).map(|ledger| ledger.on_gap(gap.after, gap.through));
                judged.into_iter().for_each(|judged| self.check(world, gap.stream, judged));
            }
            Event::Link(link) => {
                self.see_link(link, world);
                self.tally.lost += u64::from(matches!(link.change, LinkChange::Lost { .. }));
                self.tally.renewed += u64::from(link.change == LinkChange::Retiring);
                self.note(world, &format!("{} {:?} {:?}", link.name, link.route, link.change));
            }
            // What was under way when the user did not want it any more.
            Event::Unreadable(error @ Error::Unexpected { .. }) if self.has_whims => {
                self.note(world, &error.to_string());
            }
            Event::Unreadable(error) => self.blame(world, &error.to_string()),
            Event::Check(check) if !check.agrees => self.blame(world, &format!("{check:?}")),
            event => self.see_update(event, world),
        }
    }

    fn end_is_told(&mut self, route: Route, world: &World) {
        self.ends.entry(route).or_insert(world.now());
    }

    fn hear(&mut self, route: Route, text: &[u8]) {
        if let Some(heard) = &mut self.heard
            && let Some(stream) = stream_of(text)
        {
            *heard.entry((stream.to_owned(), route)).or_default() += 1;
        }
    }

    fn note(&mut self, world: &World, what: &str) {
        Judge::note(self, world, what);
    }

    fn is_traced(&self) -> bool {
        self.trace.is_some()
    }

    fn look(&mut self, session: &S, world: &World) {
        let Some((instrument, update_id)) = self.book.take() else { return };
        self.tally.books += 1;
        if let Some(what) = self.difference(session, world, instrument, update_id) {
            self.blame(world, &what);
        }
    }
}

/// Levels in units of 0.00000001.
fn units(levels: impl Iterator<Item = tickwire_venue::Level>) -> Vec<(u64, u64)> {
    let unit = |number: tickwire_venue::Decimal| {
        number.rescale(8).and_then(|number| u64::try_from(number.mantissa()).ok()).unwrap_or(u64::MAX)
    };
    levels.map(|level| (unit(level.price), unit(level.quantity))).collect()
}
