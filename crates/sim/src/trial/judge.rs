//! Who watches the feed: every stream against what was published of it, every book against the venue's own.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant};

use tickwire_venue::{
    BookChange, BookEvent, BookState, Error, Event, Instrument, LinkChange, LinkEvent, Renewal, Route,
    Session, Snapshot,
};

use super::client::Audience;
use super::ledger::Ledger;
use super::published::{Names, shows_holes, stream_of, told, updates};
use super::scene::Scene;
use super::stage::Stage;
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
pub type Trace<'a> = Option<&'a mut dyn FnMut(&str)>;

/// Holds what a feed tells to what a venue published, stream by stream and book by book.
pub struct Judge<'a> {
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
    ready: BTreeMap<Route, Ready>,
    /// Connections that were told to be renewed, and are not yet.
    renewing: BTreeSet<Route>,
    /// When the end of a connection was told, while there is time enough to renew it.
    ends: BTreeMap<Route, Duration>,
    renews_in_time: bool,
    /// The connection that lags, until it is renewed for that.
    laggard: Option<Route>,
    /// No other lags at any time.
    others_keep_up: bool,
    /// How often a connection brought a stream, while that is counted.
    heard: Option<BTreeMap<(String, Route), u32>>,
    /// What went wrong first.
    wrong: Option<String>,
    tally: Tally,
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
    /// Updates that were not told: gaps cover them, or they are [not shown](Self::unshown).
    pub missed: u64,
    /// Of them, those that no gap covers: the venue left them out on a connection, where ids do not show that.
    pub unshown: u64,
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
            unshown: self.unshown + other.unshown,
            lost: self.lost + other.lost,
            renewed: self.renewed + other.renewed,
            weight: self.weight.max(other.weight),
        }
    }
}

impl fmt::Debug for Judge<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Judge")
            .field("tally", &self.tally)
            .field("wrong", &self.wrong)
            .finish_non_exhaustive()
    }
}

impl<'a> Judge<'a> {
    /// Of all streams that there are in a scene, none of which is wanted yet; the venue's part must witness them.
    #[must_use]
    pub fn new(scene: &Scene, trace: Trace<'a>) -> Self {
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
            names,
            symbols: scene.symbols.clone(),
            ledgers: streams.map(ledger).collect(),
            has_whims: scene.whims.is_some(),
            is_gapless: scene.gapless,
            book: None,
            holes: None,
            hasty: BTreeSet::new(),
            ready: BTreeMap::new(),
            renewing: BTreeSet::new(),
            ends: BTreeMap::new(),
            renews_in_time: scene.renews_in_time,
            laggard: None,
            others_keep_up: false,
            heard: None,
            wrong: None,
            tally: Tally::default(),
            trace,
        }
    }

    /// What went wrong first.
    #[must_use]
    pub fn wrong(&self) -> Option<&str> {
        self.wrong.as_deref()
    }

    /// What was seen.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// The user wants a stream from now on, or no more.
    pub fn want(&mut self, stream: &str, wanted: bool) {
        if let Some(ledger) = self.ledgers.get_mut(stream) {
            ledger.want(wanted);
        }
    }

    /// Takes over what was published since the last time.
    pub fn witness(&mut self, stage: &mut impl Stage) {
        for seen in stage.witnessed() {
            let Some(ledger) = self.ledgers.get_mut(&*seen.stream) else { continue };
            updates(&seen.text).into_iter().for_each(|update| ledger.publish(update, seen.at));
        }
    }

    /// Writes down that something is not as it should be; the first time counts.
    pub fn blame(&mut self, stage: &impl Stage, what: &str) {
        self.note(stage, what);
        if self.wrong.is_none() {
            self.wrong = Some(format!("{}: {what}", self.time(stage)));
        }
    }

    /// Writes down what is of interest to who reads the trial.
    pub fn note(&mut self, stage: &impl Stage, what: &str) {
        if self.trace.is_none() {
            return;
        }
        let time = self.time(stage);
        if let Some(trace) = &mut self.trace {
            trace(&format!("{time}  {what}"));
        }
    }

    fn time(&self, stage: &impl Stage) -> String {
        format!("{:>12.6} s", stage.elapsed().as_secs_f64())
    }

    fn check(&mut self, stage: &impl Stage, stream: &str, judged: Result<(), String>) {
        if let Err(what) = judged {
            self.blame(stage, &format!("{stream}: {what}"));
        }
    }

    /// Whether a stream has brought what was published before a time; else what it has not.
    pub fn overdue(&self, before: Instant) -> Option<String> {
        let overdue = |(stream, ledger): (&String, &Ledger)| {
            Some(format!("{stream}: {} was never told", ledger.overdue(before)?))
        };
        self.ledgers.iter().find_map(overdue)
    }

    /// Whether every book in `wanted` is live and the venue's own; else which is not.
    pub fn unlike(&self, session: &impl Session, stage: &impl Stage, wanted: &[String]) -> Option<String> {
        wanted.iter().find_map(|symbol| {
            let instrument = session.instrument(symbol)?;
            let Some(view) = session.book(instrument) else { return Some(format!("{symbol}: no book")) };
            if view.state != BookState::Live {
                return Some(format!("{symbol}: its book is {:?}", view.state));
            }
            self.difference(session, stage, instrument, view.update_id)
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
        stage: &impl Stage,
        instrument: Instrument,
        update_id: u64,
    ) -> Option<String> {
        let symbol = session.symbol(instrument)?;
        let view = session.book(instrument)?;
        let own = stage.book_at(symbol, update_id);
        let Some(own) = own else { return Some(format!("{symbol}: the venue has no book at {update_id}")) };
        let kept = Levels { bids: units(view.book.bids()), asks: units(view.book.asks()) };
        let unlike = |what, kept: &[(u64, u64)], own: &[(u64, u64)]| {
            let at = kept.iter().zip(own).take_while(|(kept, own)| kept == own).count();
            let (levels, others) = (kept.len(), own.len());
            let (level, other) = (kept.get(at), own.get(at));
            format!(
                "{symbol} at {update_id}: {what} {at} of {levels} is {level:?}, not {other:?} as of {others}"
            )
        };
        if kept.bids != own.bids {
            return Some(unlike("bid", &kept.bids, &own.bids));
        }
        (kept.asks != own.asks).then(|| unlike("ask", &kept.asks, &own.asks))
    }

    fn see_update(&mut self, event: &Event<'_>, stage: &impl Stage) {
        let instrument = match event {
            Event::Trade(trade) => trade.instrument,
            Event::Quote(quote) => quote.instrument,
            Event::Delta(delta) => delta.instrument,
            Event::Snapshot(snapshot) => return self.see_snapshot(snapshot, stage),
            Event::Ticker(ticker) => ticker.instrument,
            Event::Mark(mark) => mark.instrument,
            Event::Candle(candle) => candle.instrument,
            Event::Subscribed { .. }
            | Event::Unsubscribed { .. }
            | Event::Silent { .. }
            | Event::Missing { .. }
            | Event::Rejected(_)
            | Event::Unanswered { .. }
            | Event::Status(_) => return self.note(stage, &format!("{event:?}")),
            _ => return,
        };
        // The symbols of a scene are numbered in their order.
        let symbol = usize::try_from(instrument.0).ok().and_then(|at| self.symbols.get(at));
        let Some((stream, update)) = symbol.and_then(|symbol| told(event, symbol, self.names)) else {
            return;
        };
        self.tally.updates += 1;
        if let Some(ledger) = self.ledgers.get_mut(&stream) {
            let (missed, unshown) = (ledger.missed, ledger.unshown);
            let judged = ledger.on_told(&update);
            let missed = ledger.missed - missed;
            self.tally.missed += missed;
            self.tally.unshown += ledger.unshown - unshown;
            self.check(stage, &stream, judged);
            if self.is_gapless && missed > 0 {
                self.blame(
                    stage,
                    &format!("{stream}: {missed} are missing, and there was always another connection"),
                );
            }
        }
    }

    /// Deribit's books begin with a snapshot in their own channel.
    fn see_snapshot(&mut self, snapshot: &Snapshot<'_>, stage: &impl Stage) {
        let symbol = usize::try_from(snapshot.instrument.0).ok().and_then(|at| self.symbols.get(at));
        let Some(stream) = symbol.map(|symbol| self.names.of(self.names.book(), symbol)) else { return };
        self.note(stage, &format!("{stream}: a snapshot at {}", snapshot.update_id));
        if let Some(ledger) = self.ledgers.get_mut(&stream) {
            let judged = ledger.on_snapshot(snapshot.update_id);
            self.check(stage, &stream, judged);
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

    /// Books have no other reason to lose their thread than gaps of their streams.
    pub(super) fn hold_books(&mut self) {
        self.holes = Some(BTreeMap::new());
    }

    /// Counts from now on what each connection brings.
    pub(super) fn listen(&mut self) {
        self.heard = Some(BTreeMap::new());
    }

    /// Of connections that have been there all the time, each must have brought what any of them brought often.
    pub(super) fn compare(&mut self, routes: &[Route], world: &World) {
        let Some(heard) = self.heard.take() else { return };
        let is_wanted = |stream: &str| self.ledgers.get(stream).is_some_and(Ledger::is_wanted);
        let mut often = heard.iter().filter(|((stream, _), count)| **count >= OFTEN && is_wanted(stream));
        let mute = often.find_map(|((stream, route), count)| {
            let lacks = |other: &&Route| {
                // One that waits for its successor may do so for that: attempts are few where all were used up.
                let is_known = self.renewing.contains(*other);
                other.endpoint == route.endpoint
                    && !is_known
                    && !heard.contains_key(&(stream.clone(), **other))
            };
            let other = routes.iter().filter(|_| routes.contains(route)).find(lacks)?;
            Some(format!("{other:?} does not bring {stream}, which {route:?} has brought {count} times"))
        });
        mute.into_iter().for_each(|what| self.blame(world, &what));
    }

    /// Only the first attempt is made at once, unless a connection was ready for a time.
    fn see_link(&mut self, link: &LinkEvent<'_>, stage: &impl Stage) {
        let place = (link.route.endpoint, link.place);
        if let LinkChange::Renewing { .. } = link.change {
            self.renewing.insert(link.route);
        }
        match link.change {
            LinkChange::Ready { .. } => {
                self.ready.insert(link.route, Ready { place, at: stage.elapsed() });
            }
            LinkChange::Closed => self.forget(link.route),
            LinkChange::Renewing { why: Renewal::Slow } => {
                let lags = self.laggard.take_if(|route| *route == link.route).is_some();
                if self.others_keep_up && !lags {
                    self.blame(stage, &format!("{:?} is renewed for a lag that it has not", link.route));
                }
            }
            LinkChange::Lost { retry_in, .. } => {
                self.be_fair(None);
                let since = self.ready.get(&link.route).map(|ready| ready.at);
                let told = self.ends.get(&link.route).is_some_and(|at| stage.elapsed() >= *at + RENEWAL);
                let mut others = self.ready.iter().filter(|(route, _)| **route != link.route);
                let is_renewed = others.any(|(_, ready)| ready.place == place);
                if told && self.renews_in_time && !is_renewed {
                    self.blame(stage, &format!("{:?} ends as was told, and was not renewed", link.route));
                }
                self.forget(link.route);
                if since.is_some_and(|since| stage.elapsed() >= since + STABLE) {
                    self.hasty.remove(&place);
                }
                if retry_in == Some(Duration::ZERO) && !self.hasty.insert(place) {
                    self.blame(stage, &format!("{:?} is dialed at once again and again", link.route));
                }
            }
            _ => {}
        }
    }

    /// No connection lags but one that is told of.
    pub(super) fn hold_to_lags(&mut self) {
        self.others_keep_up = true;
    }

    /// A connection lags from now on, and is to be renewed for that.
    pub(super) fn expect_renewal(&mut self, route: Route, lag: Duration, world: &World) {
        self.note(world, &format!("{route:?} lags by {lag:?}"));
        self.laggard = Some(route);
    }

    /// Now it must have been.
    pub(super) fn must_have_renewed_laggard(&mut self, world: &World) {
        if let Some(route) = self.laggard.take() {
            self.blame(world, &format!("{route:?} lags, and is not renewed"));
        }
    }

    fn forget(&mut self, route: Route) {
        self.ready.remove(&route);
        self.renewing.remove(&route);
        self.ends.remove(&route);
    }

    fn see_book(&mut self, BookEvent { instrument, change }: &BookEvent, stage: &impl Stage) {
        let symbol = usize::try_from(instrument.0).ok().and_then(|at| self.symbols.get(at));
        let stream = symbol.map(|symbol| self.names.of(self.names.book(), symbol)).unwrap_or_default();
        if let BookChange::Gap { expected, .. } = change
            && let Some(holes) = &self.holes
            && holes.get(&stream).is_none_or(|through| *through < *expected)
            // A stream that had told nothing has no gap to tell.
            && self.ledgers.get(&stream).is_some_and(|ledger| ledger.told > 1)
        {
            self.blame(stage, &format!("{stream}: {change:?} in the book, and none in the stream"));
        }
        self.book = match change {
            BookChange::Synced { update_id }
            | BookChange::Resynced { update_id }
            | BookChange::Updated { update_id } => Some((*instrument, *update_id)),
            _ => None,
        };
    }

    /// The feed tells something; what was published before is [known](Self::witness).
    pub fn see(&mut self, event: &Event<'_>, stage: &impl Stage) {
        match event {
            Event::Book(book) => self.see_book(book, stage),
            Event::Gap(gap) => {
                self.tally.gaps += 1;
                if let Some(holes) = &mut self.holes {
                    holes.insert(gap.stream.to_owned(), gap.through);
                }
                self.note(stage, &format!("{gap:?}"));
                // Of a stream that is silent as it never was, the old connection may have brought nothing any more.
                let is_odd = self.ledgers.get(gap.stream).is_some_and(Ledger::is_oddly_silent);
                if self.is_gapless && !is_odd {
                    self.blame(stage, &format!("{gap:?}, and there was always another connection"));
                }
                let judged =
                    self.ledgers.get_mut(gap.stream).map(|ledger| ledger.on_gap(gap.after, gap.through));
                judged.into_iter().for_each(|judged| self.check(stage, gap.stream, judged));
            }
            Event::Link(link) => {
                self.see_link(link, stage);
                self.tally.lost += u64::from(matches!(link.change, LinkChange::Lost { .. }));
                self.tally.renewed += u64::from(link.change == LinkChange::Retiring);
                self.note(stage, &format!("{} {:?} {:?}", link.name, link.route, link.change));
            }
            // What was under way when the user did not want it any more.
            Event::Unreadable(error @ Error::Unexpected { .. }) if self.has_whims => {
                self.note(stage, &error.to_string());
            }
            Event::Unreadable(error) => self.blame(stage, &error.to_string()),
            Event::Check(check) if !check.agrees => self.blame(stage, &format!("{check:?}")),
            event => self.see_update(event, stage),
        }
    }

    /// After an event about a book was seen, while it stands as it was then.
    pub fn look(&mut self, session: &impl Session, stage: &impl Stage) {
        let Some((instrument, update_id)) = self.book.take() else { return };
        self.tally.books += 1;
        if let Some(what) = self.difference(session, stage, instrument, update_id) {
            self.blame(stage, &what);
        }
    }
}

/// Since when a connection is ready, and which of those that are wanted it is.
#[derive(Debug, Clone, Copy)]
struct Ready {
    place: (usize, usize),
    at: Duration,
}

impl<S: Session> Audience<S> for Judge<'_> {
    fn blame(&mut self, world: &World, what: &str) {
        Judge::blame(self, world, what);
    }

    fn see(&mut self, event: &Event<'_>, world: &World) {
        Judge::see(self, event, world);
    }

    fn look(&mut self, session: &S, world: &World) {
        Judge::look(self, session, world);
    }

    fn hear(&mut self, route: Route, text: &[u8]) {
        if let Some(heard) = &mut self.heard
            && let Some(stream) = stream_of(text)
        {
            *heard.entry((stream.to_owned(), route)).or_default() += 1;
        }
    }

    fn end_is_told(&mut self, route: Route, world: &World) {
        self.ends.entry(route).or_insert_with(|| world.elapsed());
    }

    fn note(&mut self, world: &World, what: &str) {
        Judge::note(self, world, what);
    }

    fn is_traced(&self) -> bool {
        self.trace.is_some()
    }
}

/// Levels in units of 0.00000001.
fn units(levels: impl Iterator<Item = tickwire_venue::Level>) -> Vec<(u64, u64)> {
    let unit = |number: tickwire_venue::Decimal| {
        number.rescale(8).and_then(|number| u64::try_from(number.mantissa()).ok()).unwrap_or(u64::MAX)
    };
    levels.map(|level| (unit(level.price), unit(level.quantity))).collect()
}
