//! Any mixture of what can happen to several connections, from a seed, held against what happened at the venue.

use super::*;

/// Everything that is told, held against what happened.
#[derive(Debug, Default)]
struct Checker {
    /// The id at which the book is told to be, and whether a gap was told behind it.
    book: Option<(u64, bool)>,
    /// The last trade, and the gap behind it.
    trade: Option<(u64, Option<u64>)>,
    ticker_time: u64,
    counts: Counts,
}

#[derive(Debug, Default, Clone)]
struct Counts {
    deltas: Vec<u64>,
    trades: Vec<u64>,
    snapshots: usize,
    updated: usize,
    gaps: usize,
    stale: usize,
    tickers: usize,
}

impl Checker {
    fn take(&mut self, rig: &Rig, history: &History, told: &[Event<'_>], hint: &str) {
        for event in told {
            match event {
                Event::Gap(gap) => self.on_gap(gap, hint),
                Event::Snapshot(snapshot) => {
                    self.book = Some((snapshot.update_id, false));
                    self.counts.snapshots += 1;
                }
                Event::Delta(delta) => {
                    let (last, is_gap) = self.book.unwrap_or_else(|| panic!("{hint}: {delta:?}"));
                    let continues = is_gap || delta.previous_id.unwrap() <= last;
                    assert!(continues && delta.last_id > last, "{hint}: at {last}, {delta:?}");
                    self.book = Some((delta.last_id, is_gap));
                    self.counts.deltas.push(delta.last_id);
                }
                Event::Trade(trade) => {
                    if let Some((last, gap)) = self.trade {
                        assert_eq!(trade.id, gap.unwrap_or(last) + 1, "{hint}: after {last}, gap {gap:?}");
                    }
                    self.trade = Some((trade.id, None));
                    self.counts.trades.push(trade.id);
                }
                Event::Ticker(ticker) => {
                    assert!(
                        ticker.venue_time_ns > self.ticker_time,
                        "{hint}: {ticker:?} behind {}",
                        self.ticker_time
                    );
                    self.ticker_time = ticker.venue_time_ns;
                    let step = history.by_time(ticker.venue_time_ns);
                    let told = (ticker.last.unwrap().to_string(), ticker.open_interest.unwrap().to_string());
                    assert_eq!(told, (step.last.to_string(), step.open.to_string()), "{hint}");
                    self.counts.tickers += 1;
                }
                Event::Book(book) => self.on_book(rig, history, book.change, hint),
                // An answer may come late.
                Event::Unanswered { .. } | Event::Other { kind: "answer" } => {}
                Event::Subscribed { .. } | Event::Unsubscribed { .. } => {}
                other => panic!("{hint}: {other:?}"),
            }
        }
        let view = rig.session.book(ONLY).unwrap();
        if !told.is_empty() && view.state != BookState::Empty {
            assert_stands(rig, history, view.update_id, hint);
        }
    }

    fn on_gap(&mut self, gap: &Gap<'_>, hint: &str) {
        // What has only a time may be told to be missing when nothing is, but never without need where there are ids.
        self.counts.gaps += usize::from(gap.stream != replicas::TICKER);
        match gap.stream {
            replicas::BOOK => {
                let (last, is_gap) = self.book.unwrap();
                assert!(gap.after == last || is_gap, "{hint}: at {last}, {gap:?}");
                assert!(gap.through >= gap.after, "{hint}: {gap:?}");
                self.book = Some((last, true));
            }
            replicas::TRADES => {
                let (last, through) = self.trade.unwrap();
                assert_eq!(gap.after, through.unwrap_or(last), "{hint}: {gap:?}");
                assert!(gap.through > gap.after, "{hint}: {gap:?}");
                self.trade = Some((last, Some(gap.through)));
            }
            replicas::TICKER => assert_eq!(gap.after, self.ticker_time, "{hint}: {gap:?}"),
            other => panic!("{hint}: {other}"),
        }
    }

    fn on_book(&mut self, rig: &Rig, history: &History, change: BookChange, hint: &str) {
        match change {
            BookChange::Synced { update_id }
            | BookChange::Resynced { update_id }
            | BookChange::Updated { update_id } => {
                self.counts.updated += 1;
                let view = rig.session.book(ONLY).unwrap();
                assert_eq!((view.state, view.update_id), (BookState::Live, update_id), "{hint}");
                assert_eq!(self.book, Some((update_id, false)), "{hint}: a book goes on behind a gap");
                assert_stands(rig, history, update_id, hint);
            }
            BookChange::Stale { .. } => self.counts.stale += 1,
            BookChange::Gap { .. } => assert!(self.book.unwrap().1, "{hint}: {change:?} without its gap"),
            other => panic!("{hint}: {other:?}"),
        }
    }
}

/// The book is what the market's was at an id.
fn assert_stands(rig: &Rig, history: &History, id: u64, hint: &str) {
    let view = rig.session.book(ONLY).unwrap();
    let step = history.by_id(id).unwrap_or_else(|| panic!("{hint}: {id}"));
    let number = |level: tickwire_venue::Level| {
        let text = |decimal: tickwire_venue::Decimal| decimal.to_string().parse::<u32>().unwrap();
        (text(level.price), text(level.quantity))
    };
    let pair = |(tick, quantity): (&u32, &u32)| (*tick, *quantity);
    assert!(view.book.bids().map(number).eq(step.bids.iter().rev().map(pair)), "{hint}: bids at {id}");
    assert!(view.book.asks().map(number).eq(step.asks.iter().map(pair)), "{hint}: asks at {id}");
}

/// A session, its connections to a venue, and who watches.
struct World {
    dice: Dice,
    history: History,
    rig: Rig,
    /// By leg, of those that are open.
    replicas: [Option<Replica>; 3],
    checker: Checker,
    hint: String,
}

impl World {
    fn new(seed: u64) -> Self {
        let channels = [BOOK, Channel::Trades { interval: Rate::Ms100 }, Channel::IncrementalTicker];
        Self {
            dice: Dice::new(seed),
            history: History::new(),
            rig: Rig::new(config(&["A"], &channels)),
            replicas: [const { None }; 3],
            checker: Checker::default(),
            hint: format!("seed {seed}"),
        }
    }

    fn check(&mut self, told: &[Event<'_>]) {
        self.checker.take(&self.rig, &self.history, told, &self.hint);
        self.serve();
    }

    /// The venue does what is asked for.
    fn serve(&mut self) {
        for (at, replica) in self.replicas.iter_mut().enumerate() {
            let sent = std::mem::take(self.rig.sent_on(at));
            for request in &sent {
                replica.as_mut().unwrap().on_request(request, &self.history, &mut self.dice);
            }
        }
    }

    fn open(&mut self, at: usize, behind: usize) {
        self.replicas[at] = Some(Replica::new(self.history.head().saturating_sub(behind)));
        let told = self.rig.open_on(at);
        self.check(&told);
    }

    fn close(&mut self, at: usize, ending: Ending) {
        if ending == Ending::InOrder {
            self.deliver(at, usize::MAX);
        }
        self.replicas[at] = None;
        let told = self.rig.close_on(at, ending);
        self.check(&told);
    }

    /// So many messages arrive, if there are.
    fn deliver(&mut self, at: usize, count: usize) {
        for _ in 0..count {
            let message = self.replicas[at].as_mut().and_then(|replica| replica.way.pop_front());
            let Some(message) = message else { return };
            let told = self.rig.tell_on(at, &message);
            self.check(&told);
        }
    }

    fn advance(&mut self, at: usize, steps: usize, faults: Faults) {
        if let Some(replica) = &mut self.replicas[at] {
            (0..steps).for_each(|_| replica.advance(&self.history, faults, &mut self.dice));
        }
    }

    fn pass(&mut self, span: Duration) {
        let told = self.rig.pass(span);
        self.check(&told);
    }

    fn is_open(&self, at: usize) -> bool {
        self.replicas[at].is_some()
    }

    /// Anything happens.
    fn happen(&mut self, legs: usize, faults: Faults) {
        let at = self.dice.draw(legs);
        match self.dice.draw(60) {
            0..20 => self.history.step(&mut self.dice),
            20..36 => self.advance(at, 2, faults),
            36..52 => {
                let count = 1 + self.dice.draw(4);
                self.deliver(at, count);
            }
            52..56 => {
                let millis = [5, 50, 300, 1200][self.dice.draw(4)];
                self.pass(millis * MS);
            }
            56 if self.is_open(at) => {
                let ending = [Ending::Lost, Ending::InOrder][self.dice.draw(2)];
                self.close(at, ending);
            }
            57 | 58 if !self.is_open(at) => {
                let behind = self.dice.draw(4);
                self.open(at, behind);
            }
            59 if self.dice.draw(8) == 0 => {
                let name = [replicas::BOOK, replicas::TRADES][self.dice.draw(2)];
                self.rig.session.unsubscribe(&[name], self.rig.now);
                let told = self.rig.drain();
                self.check(&told);
                if self.dice.draw(2) == 0 {
                    self.pass(100 * MS);
                    self.deliver(at, 3);
                }
                if name == replicas::TRADES {
                    self.checker.trade = None;
                }
                self.rig.session.subscribe(&[name], self.rig.now).unwrap();
                let told = self.rig.drain();
                self.check(&told);
            }
            _ => {}
        }
    }

    /// Nothing goes wrong for so many steps.
    fn calm(&mut self, legs: usize, steps: usize, faults: Faults) {
        for _ in 0..steps {
            self.history.step(&mut self.dice);
            for at in 0..legs {
                self.advance(at, self.history.head(), faults);
                self.deliver(at, usize::MAX);
            }
            self.pass(500 * MS);
        }
    }
}

/// Any mixture of losses, cuts and lags: what is told continues what was told, or a gap or a snapshot comes first; the book
/// is what it was at its id; and quiet water brings everything up to date, over all connections.
#[test]
fn no_mixture_of_faults_on_several_connections_makes_a_wrong_book() {
    let mut total = Counts::default();
    for seed in 0..150 {
        let mut world = World::new(seed);
        let faults = Faults { lost: [0, 12, 40][world.dice.draw(3)], joined: [0, 5][world.dice.draw(2)] };
        let legs = 2 + world.dice.draw(2);
        for at in 0..legs {
            world.open(at, 0);
        }
        for _ in 0..600 {
            world.happen(legs, faults);
        }
        for at in 0..legs {
            if !world.is_open(at) {
                world.open(at, 0);
            }
        }
        world.calm(legs, 150, Faults { lost: 0, joined: 0 });
        let World { rig, history, checker, hint, .. } = &world;
        let view = rig.session.book(ONLY).unwrap();
        let head = history.at(history.head());
        assert_eq!((view.state, view.update_id), (BookState::Live, head.id), "{hint}, {faults:?}");
        assert_eq!(checker.trade.unwrap().0, history.head() as u64, "{hint}");
        assert_eq!(history.by_time(checker.ticker_time).id, head.id, "{hint}");
        for at in 0..legs {
            assert!(rig.session.is_ready(leg(at)), "{hint}: {at}");
        }
        let Counts { snapshots, updated, gaps, stale, tickers, .. } = &checker.counts;
        total.snapshots += snapshots;
        total.updated += updated;
        total.gaps += gaps;
        total.stale += stale;
        total.tickers += tickers;
    }
    println!("{total:?}");
    assert!(total.snapshots > 500 && total.gaps > 1000 && total.stale > 150, "{total:?}");
    assert!(total.updated > 20_000 && total.tickers > 20_000, "{total:?}");
}

/// Connections that are closed in order once another is ready: every change and every trade is told, once, in order.
#[test]
fn renewals_lose_and_double_nothing() {
    for seed in 0..60 {
        let mut world = World::new(seed);
        world.open(0, 0);
        let (mut first, mut second, mut renewals) = (0, 1, 0);
        let (mut is_heir, mut is_handed) = (false, false);
        while !world.rig.session.is_ready(leg(first)) {
            world.calm(1, 1, FAULTLESS);
        }
        let (book, trade) = (world.checker.book.unwrap().0, world.checker.trade.unwrap().0);
        for _ in 0..400 {
            world.history.step(&mut world.dice);
            for at in 0..2 {
                // None is more than a few steps behind, and nothing is under way for long.
                let behind = world.dice.draw(4);
                let steps = world.replicas[at].as_ref().map_or(0, |replica| {
                    world.history.head().saturating_sub(behind).saturating_sub(replica.step)
                });
                world.advance(at, steps, FAULTLESS);
                let count = [3, usize::MAX][world.dice.draw(2)];
                world.deliver(at, count);
            }
            world.pass(20 * MS);
            if !world.is_open(second) && world.dice.draw(10) == 0 {
                let behind = world.dice.draw(4);
                world.open(second, behind);
            }
            // Both go on for as long as something may be under way, then the first is closed once it does not lag.
            if !is_heir && world.rig.session.is_ready(leg(second)) {
                world.calm(2, 1, FAULTLESS);
                world.pass(12 * SECOND);
                is_heir = true;
            }
            if is_heir && world.dice.draw(4) == 0 {
                world.rig.session.hand_over(leg(first));
                is_handed = true;
            }
            if is_handed && world.rig.session.is_handed_over(leg(first)) {
                (is_handed, is_heir) = (false, false);
                world.close(first, Ending::InOrder);
                (first, second) = (second, first);
                renewals += 1;
            }
        }
        world.calm(2, 3, FAULTLESS);
        let World { history, checker, hint, .. } = &world;
        let Counts { deltas, trades, gaps, stale, snapshots, .. } = &checker.counts;
        assert!(renewals > 5, "{hint}: {renewals}");
        assert_eq!((*gaps, *stale, *snapshots), (0, 0, 1), "gaps, stale, snapshots, {hint}");
        let steps = || (1..=history.head()).map(|step| history.at(step).id);
        let later = deltas.iter().copied().filter(|id| *id > book);
        assert!(later.eq(steps().filter(|id| *id > book)), "{hint}: {deltas:?}");
        let later: Vec<_> = trades.iter().copied().filter(|id| *id > trade).collect();
        assert!(later.iter().copied().eq(trade + 1..=history.head() as u64), "{hint}: {later:?}");
    }
}

const FAULTLESS: Faults = Faults { lost: 0, joined: 0 };
