//! `tickwire watch`: live order books of a venue.

mod board;
mod latency;
mod legs;
mod news;
mod summary;
mod table;
mod truth;
mod view;

use crate::clock::{self, seconds};
use crate::exit::{self, BOOK, CONNECTION, Failure, OUTPUT, PEER, USAGE};
use crate::keeping::Keeping;
use crate::lines::LINES;
use crate::local::{self, Fault, trusting};
use crate::refusal::refusal;
use crate::tape::Taped;
use crate::venue::{self, Setup, Venue};
use board::Board;
use latency::Latency;
use legs::{Legs, Turn};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use summary::Summary;
use tickwire::venue::{BookEvent, Cause, Event, LinkChange, LinkEvent, Session as _};
use tickwire::{Arrival, Client, Feed, Proxy};
use tickwire_sim::{Options, Server, Source};
use truth::Truth;
use view::View;

/// Show live order books of a venue.
///
/// Shows the connections, and top of book, last trade and rates of each symbol, and ends with a summary: messages, gaps,
/// resyncs, connections, how often the rebuilt top of book agreed with the venue's own bookTicker of the same update id, and
/// with --sim how often the whole book was equal to that of the local venue. A connection that is lost is made again.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("\
Examples:
  tickwire watch binance BTCUSDT ETHUSDT
  tickwire watch --sim --seconds 10 binance-usdm BTCUSDT
  tickwire watch --sim --seconds 20 --legs 2 --renew-after 5s binance BTCUSDT ETHUSDT
  tickwire watch --sim --seconds 20 --fault cut-after=4 binance BTCUSDT
  tickwire watch --sim --fault drop-diff=50 --fault fragments --seconds 10 binance BTCUSDT
  tickwire watch --replay recordings/spot binance
  tickwire watch --sim --seconds 10 --latency --plot latency.svg binance BTCUSDT
  tickwire watch --proxy socks5://user:password@proxy.example:1080 binance BTCUSDT
  tickwire watch --ca ca.pem --url wss://localhost:9443 binance BTCUSDT    (beside: tickwire sim binance --port 9443 --ca ca.pem)

A connection is shown as `stream/0 ready 61 % first, else 0.4 ms behind (p99 2 ms)`: which of --legs it is, how far it is
(waiting, connecting, open, ready, retiring), of the updates that came over several the part that it, and those before it in
its place, brought first, and how far behind the first the others came. The parts of stream/0, stream/1 ... add up to all.
What follows a + takes over.

--latency tells of each event that a message brought:
  kernel to user  from the kernel's time of the message to the moment when this program had read and opened it. That is how
                  long it waited for the program, above all. The kernel's time is that of the last packet of a read, so that
                  all messages of one read have the same; Linux has it, and elsewhere nothing is counted.
  venue to user   from the venue's time to that moment. The clocks are of two machines, so that it may be off by their
                  difference, and negative: those are counted apart. With --sim both clocks are the same, and venues tell
                  their times in whole milliseconds. An hour stands for all that is longer, such as the age of a recording.
and of each message the stages between them, one after the other: read (from the kernel's time to the return of the read),
decrypted, queued (behind others of the same read), parsed (its frames), decoded (by the venue's rules), delivered.

With --json the lines are trade, book, legs (each second: the connections as they are; firsts and copies are of a
connection, share is that part of its place), latency (at the end, with --latency), summary (the last one; in legs all
three are of the place) and those that `both` names here:

{LINES}

{}

{}

{}", local::help(), local::RECORDING, exit::CODES))]
pub(crate) struct Arguments {
    /// Start a local venue with a generated market and watch that.
    #[arg(long, conflicts_with = "replay")]
    sim: bool,
    /// The seed of the generated market.
    #[arg(long, value_name = "N", default_value_t = 1, requires = "sim")]
    seed: u64,
    /// Something that goes wrong at the local venue on purpose; may be repeated. The list is below.
    #[arg(long, value_name = "NAME[=VALUE]", requires = "sim", conflicts_with = "replay", value_parser = Fault::parse)]
    fault: Vec<Fault>,
    /// Start a local venue that replays a recording, and watch that to its end.
    #[arg(long, value_name = "PREFIX", conflicts_with_all = ["legs", "renew_after", "overlap"])]
    replay: Option<PathBuf>,
    /// How many times faster than recorded to replay; 0 is as fast as it goes.
    #[arg(long, value_name = "FACTOR", default_value_t = 10.0, requires = "replay", conflicts_with = "sim")]
    speed: f64,
    /// End after this time.
    #[arg(long, value_name = "N", value_parser = seconds)]
    seconds: Option<Duration>,
    #[command(flatten)]
    keeping: Keeping,
    /// Watch the venue at this base URL instead of the real one, with the paths that the real one has.
    #[arg(long, value_name = "BASE", conflicts_with_all = ["sim", "replay"])]
    url: Option<String>,
    /// Trust the certificates of this file, too.
    #[arg(long, value_name = "FILE.pem", conflicts_with_all = ["sim", "replay"])]
    ca: Option<PathBuf>,
    /// Connect through this proxy, such as http://host:3128 or socks5://user:password@host:1080.
    #[arg(long, value_name = "URL", conflicts_with_all = ["sim", "replay"])]
    proxy: Option<ProxyUrl>,
    /// Tell how long messages took, from the kernel and from the venue to this program; what that is stands below.
    #[arg(long)]
    latency: bool,
    /// Draw that into this file, too.
    #[arg(long, value_name = "FILE.svg", requires = "latency")]
    plot: Option<PathBuf>,
    /// JSON lines; the list is below.
    #[arg(long)]
    json: bool,
    /// Which venue.
    venue: Venue,
    /// Symbols as the venue spells them, such as BTCUSDT; none with --replay means every one with a recorded book.
    #[arg(value_name = "SYMBOL")]
    symbols: Vec<String>,
}

/// May hold a password. It is parsed later: of one that is refused, the command line's parser would show all.
#[derive(Clone)]
struct ProxyUrl(String);

impl From<String> for ProxyUrl {
    fn from(url: String) -> Self {
        Self(url)
    }
}

impl std::fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ProxyUrl")
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let venue = arguments.venue;
    let (server, symbols) = local_venue(arguments)?;
    let streams = venue.usual_streams().iter().map(ToString::to_string).collect();
    let mut builder = trusting(Client::builder(), arguments.ca.as_deref())?;
    builder = builder.kernel_timestamps(arguments.latency);
    if let Some(ProxyUrl(url)) = &arguments.proxy {
        let proxy = Proxy::parse(url).map_err(|error| Failure::new(USAGE, format!("--proxy: {error}")))?;
        builder = builder.proxy(proxy);
    }
    let mut base = arguments.url.clone();
    if let Some(server) = &server {
        base = Some(server.stream_url());
        builder = builder.extra_roots_pem(server.ca_pem().as_bytes())?;
    }
    let hosts = base.map(|base| venue::hosts_at(venue, &base));
    // A recording need not hold what the venue says about itself.
    let markets: &[&str] = if arguments.replay.is_some() { &[] } else { venue.own_streams() };
    let markets = markets.iter().map(ToString::to_string).collect();
    let setup = Setup { hosts, ..Setup::new(venue, symbols, streams, markets) };
    tell_muted_in_vain(&arguments.fault, &venue::followed(&setup));
    let session = venue::session(&setup)?;
    let feed = Feed::builder(Taped::new(session, None));
    let feed = feed.client(builder).plan(arguments.keeping.plan()).connect()?;
    Watch::new(feed, server, arguments)?.run()
}

/// Says which faults are of streams that nobody asks for, so that nothing comes of them.
fn tell_muted_in_vain(faults: &[Fault], followed: &[String]) {
    for stream in local::muted(faults).filter(|stream| followed.iter().all(|name| name != stream)) {
        let stream = stream.escape_debug();
        exit::tell(&format!("--fault mute={stream}: it is not followed; these are: {}", followed.join(" ")));
    }
}

/// The local venue, if one is wanted, and the symbols to watch.
fn local_venue(arguments: &Arguments) -> Result<(Option<Server>, Vec<String>), Failure> {
    let mut symbols = arguments.symbols.clone();
    let replay = match &arguments.replay {
        Some(prefix) => Some(local::open(prefix)?),
        None => None,
    };
    if let (Some(recording), true) = (&replay, symbols.is_empty()) {
        symbols = recording.book_symbols();
        for symbol in recording.symbols().iter().filter(|symbol| !symbols.contains(symbol)) {
            let symbol = symbol.escape_debug();
            exit::tell(&format!("{symbol} was recorded without book updates and is not watched"));
        }
    }
    if symbols.is_empty() {
        let why = if replay.is_some() {
            "the recording holds no book"
        } else {
            "name at least one symbol, such as BTCUSDT"
        };
        return Err(Failure::new(USAGE, why));
    }
    if !arguments.sim && replay.is_none() {
        return Ok((None, symbols));
    }
    let mut options = local::options(arguments.venue, arguments.seed)?;
    arguments.fault.iter().try_for_each(|fault| fault.apply(&mut options))?;
    if let Some(recording) = replay {
        let source = Source::Recording { recording, speed: arguments.speed };
        options = Options { source, ..options };
    }
    Ok((Some(Server::start(options)?), symbols))
}

struct Watch {
    feed: Feed<Taped>,
    board: Board,
    legs: Legs,
    /// What a generated market knows of itself.
    truth: Option<Truth>,
    /// The local venue that replays a recording, which lasts as long as this.
    _server: Option<Server>,
    view: View,
    latency: Option<Latency>,
    /// Where to draw it.
    plot: Option<Plot>,
    interrupted: Arc<AtomicBool>,
    started: Instant,
    looked: Instant,
    until: Option<Instant>,
    /// A recording ends by itself, and the end of its stream is the end of the run.
    replaying: bool,
    /// The venue is one of this program's, so that every book must be complete.
    local: bool,
    /// Books are made wrong on purpose.
    forgiving: bool,
}

impl Watch {
    fn new(feed: Feed<Taped>, server: Option<Server>, arguments: &Arguments) -> Result<Self, Failure> {
        let interrupted = exit::interrupted()?;
        let now = clock::now();
        let board = Board::new(feed.session());
        let (generated, replaying) = if arguments.sim { (server, None) } else { (None, server) };
        let mut options = Options::default();
        arguments.fault.iter().try_for_each(|fault| fault.apply(&mut options))?;
        Ok(Self {
            truth: generated.map(|server| Truth::new(server, board.rows.len())),
            _server: replaying,
            forgiving: options.faults.snapshots_inside_intervals,
            board,
            legs: Legs::new(feed.session().endpoints(), arguments.keeping.legs),
            view: View::new(arguments.json),
            latency: arguments.latency.then(Latency::new),
            plot: arguments.plot.as_deref().map(Plot::open).transpose()?,
            feed,
            interrupted,
            started: now,
            looked: now,
            until: arguments.seconds.and_then(|seconds| now.checked_add(seconds)),
            replaying: arguments.replay.is_some(),
            local: arguments.sim || arguments.replay.is_some(),
        })
    }

    fn run(mut self) -> Result<(), Failure> {
        let ended = self.follow();
        let now = clock::now();
        if ended.is_err() && self.feed.stats().messages == 0 {
            return ended;
        }
        // Much may have happened since the last look.
        self.board.look(self.feed.session(), now - self.looked);
        self.legs.look(self.feed.connections());
        #[cfg(feature = "stages")]
        if let Some(latency) = &mut self.latency {
            latency.stages = self.feed.stages().in_order().map(|(name, spans)| (name, spans.clone())).into();
        }
        let truth = self.truth.as_ref().map(|truth| (truth.equal, truth.compared));
        let summary = Summary { elapsed: now - self.started, stats: self.feed.stats(), truth };
        let latency = self.latency.as_ref();
        self.view.summary(&self.board, &self.legs, latency, &summary)?;
        ended?;
        if let (Some(plot), Some(latency)) = (self.plot.take(), latency) {
            plot.draw(latency)?;
        }
        self.verdict()
    }

    fn follow(&mut self) -> Result<(), Failure> {
        while !self.interrupted.load(Ordering::Relaxed) {
            let now = clock::now();
            if self.until.is_some_and(|until| until <= now) {
                return self.look(now);
            }
            if now >= self.looked + self.view.period() {
                self.look(now)?;
            }
            let next = self.until.into_iter().chain([self.looked + self.view.period()]).min();
            match self.take(next.map(|next| next.saturating_duration_since(now))) {
                // Its books are shown as they stood at its end, not as they are without their stream.
                Err(Ended::Recording) => return Ok(()),
                Err(Ended::Failure(failure)) => return Err(failure),
                Ok(()) => {}
            }
        }
        self.look(clock::now())
    }

    /// Takes one event, if one comes within `timeout`.
    fn take(&mut self, timeout: Option<Duration>) -> Result<(), Ended> {
        let Some(arrival) = self.feed.next(timeout)? else { return Ok(()) };
        if let Some(latency) = &mut self.latency {
            latency.count(&arrival);
        }
        let Arrival { event, received_ns, .. } = arrival;
        self.board.count(&event);
        match event {
            Event::Book(book) => self.take_book(book, received_ns),
            Event::Link(link) => {
                let shown = self.view.take(&self.board, &self.legs, &event, Some(clock::both().unix_ns));
                let LinkEvent { route, place, change, .. } = link;
                let is_over = self.replaying && is_end(change);
                let turn = Turn::of(change);
                let session = self.feed.session();
                self.legs.on_turn(route, place, turn, session.leg_counts(route));
                self.view.show(shown, session)?;
                if is_over { Err(Ended::Recording) } else { Ok(()) }
            }
            event => {
                let shown = self.view.take(&self.board, &self.legs, &event, received_ns);
                // A recording lacks what was not recorded, and its books come all the same.
                let is_forgiven = self.replaying && matches!(event, Event::Missing { .. });
                let refused = if is_forgiven { Ok(()) } else { refused(&self.board, &event) };
                self.view.show(shown, self.feed.session())?;
                Ok(refused?)
            }
        }
    }

    fn take_book(&mut self, book: BookEvent, received_ns: Option<u64>) -> Result<(), Ended> {
        // The event is a copy: the session can be asked for the book it speaks of.
        let session = self.feed.session();
        if let (Some(truth), Some(view)) = (&mut self.truth, session.book(book.instrument)) {
            truth.compare(&book, session.symbol(book.instrument).unwrap_or_default(), view);
        }
        let shown = self.view.take(&self.board, &self.legs, &Event::Book(book), received_ns);
        Ok(self.view.show(shown, session)?)
    }

    fn look(&mut self, now: Instant) -> Result<(), Failure> {
        self.board.look(self.feed.session(), now - self.looked);
        self.legs.look(self.feed.connections());
        self.looked = now;
        Ok(self.view.look(&self.board, &self.legs, self.latency.as_ref(), now)?)
    }

    /// Every comparison must have agreed, unless books are made wrong on purpose, and a local venue leaves no book
    /// without a snapshot.
    fn verdict(&self) -> Result<(), Failure> {
        let total = self.board.total();
        if self.feed.stats().opened == 0 && !self.interrupted.load(Ordering::Relaxed) {
            return Err(Failure::new(CONNECTION, "there was no connection"));
        }
        if let Some(wrong) = self.truth.as_ref().and_then(|truth| truth.wrong.as_ref())
            && !self.forgiving
        {
            return Err(Failure::new(BOOK, format!("not the venue's own book: {wrong}")));
        }
        if total.agreed < total.checks && !self.forgiving {
            let wrong = total.checks - total.agreed;
            return Err(Failure::new(BOOK, format!("{wrong} of {} comparisons disagree", total.checks)));
        }
        let missing: Vec<&str> =
            self.board.rows.iter().filter(|row| !row.is_synced()).map(|row| row.symbol.as_str()).collect();
        if self.local && !self.interrupted.load(Ordering::Relaxed) && !missing.is_empty() {
            return Err(Failure::new(BOOK, format!("never synced: {}", missing.join(", "))));
        }
        match self.feed.stats().unreadable {
            0 => Ok(()),
            count => Err(Failure::new(PEER, format!("{count} messages could not be read"))),
        }
    }
}

/// A file to draw into at the end. It is opened in the beginning: a run may be long, and its end too late for a wrong path.
struct Plot {
    file: File,
    path: PathBuf,
}

impl Plot {
    fn open(path: &Path) -> Result<Self, Failure> {
        // What an earlier run has drawn stays until there is something new.
        let opened = OpenOptions::new().append(true).create(true).open(path);
        let file = opened.map_err(|error| unwritten(path, &error))?;
        Ok(Self { file, path: path.to_owned() })
    }

    fn draw(self, latency: &Latency) -> Result<(), Failure> {
        let text = latency.svg().map_err(|error| unwritten(&self.path, &error))?;
        self.replace(&text).map_err(|error| unwritten(&self.path, &error))
    }

    fn replace(&self, text: &str) -> io::Result<()> {
        // A pipe or a terminal has nothing to be replaced.
        if self.file.metadata()?.is_file() {
            self.file.set_len(0)?;
        }
        (&self.file).write_all(text.as_bytes())
    }
}

fn unwritten(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(OUTPUT, format!("{}: {error}", path.display()))
}

/// Why following the feed has come to its end.
enum Ended {
    /// The recording is over.
    Recording,
    Failure(Failure),
}

impl<E: Into<Failure>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::Failure(error.into())
    }
}

/// Whether a local venue says that its recording is over: only streams end so, whatever the venue calls its connection.
fn is_end(change: LinkChange<'_>) -> bool {
    matches!(change, LinkChange::Lost { cause: Cause::Closed { code: Some(1000) }, .. })
}

/// A refusal for good ends the run: the symbol does not exist or may not be read.
fn refused(board: &Board, event: &Event<'_>) -> Result<(), Failure> {
    let Some((instrument, words)) = refusal(event) else { return Ok(()) };
    let row = instrument.and_then(|instrument| board.row(instrument));
    let symbol = row.map_or(String::new(), |row| format!("{}: ", row.symbol));
    Err(Failure::new(PEER, format!("{symbol}{words}")))
}
