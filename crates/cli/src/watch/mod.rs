//! `tickwire watch`: live order books of a venue.

mod board;
mod table;
mod view;

use crate::clock::{self, seconds};
use crate::exit::{self, BOOK, Failure, PEER, USAGE};
use crate::local::{Venue, source, trusting};
use board::{Board, Connection, Summary};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tickwire::venue::binance::{Binance, Config, Stream};
use tickwire::venue::{Event, Outcome};
use tickwire::{Arrival, Client, CloseCode, Feed};
use tickwire_sim::{Options, Recording, Server};
use view::View;

/// Show live order books of a venue.
///
/// Shows top of book, last trade and rates of each symbol, and ends with a summary: messages, gaps, resyncs, and how
/// often the rebuilt top of book agreed with the venue's own bookTicker of the same update id.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("\
Examples:
  tickwire watch binance BTCUSDT ETHUSDT
  tickwire watch --sim --seconds 10 binance BTCUSDT
  tickwire watch --replay recordings/spot binance
  tickwire watch --ca ca.pem --url wss://localhost:9443 binance BTCUSDT    (beside: tickwire sim binance --port 9443 --ca ca.pem)

{}

{}", crate::local::RECORDING, exit::CODES))]
pub(crate) struct Arguments {
    /// Start a local venue with a generated market and watch that.
    #[arg(long, conflicts_with = "replay")]
    sim: bool,
    /// The seed of the generated market.
    #[arg(long, value_name = "N", default_value_t = 1, requires = "sim")]
    seed: u64,
    /// Start a local venue that replays a recording, and watch that to its end.
    #[arg(long, value_name = "PREFIX")]
    replay: Option<PathBuf>,
    /// How many times faster than recorded to replay; 0 is as fast as it goes.
    #[arg(long, value_name = "FACTOR", default_value_t = 10.0, requires = "replay", conflicts_with = "sim")]
    speed: f64,
    /// End after this time.
    #[arg(long, value_name = "N", value_parser = seconds)]
    seconds: Option<Duration>,
    /// Watch the venue at this base URL instead of the real one: streams at BASE/stream, snapshots at BASE/ws-api/v3.
    #[arg(long, value_name = "BASE", conflicts_with_all = ["sim", "replay"])]
    url: Option<String>,
    /// Trust the certificates of this file, too.
    #[arg(long, value_name = "FILE.pem", conflicts_with_all = ["sim", "replay"])]
    ca: Option<PathBuf>,
    /// JSON lines: trade, book, status, summary.
    #[arg(long)]
    json: bool,
    /// Which venue.
    venue: Venue,
    /// Symbols as the venue spells them, such as BTCUSDT; none with --replay means every one with a recorded book.
    #[arg(value_name = "SYMBOL")]
    symbols: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Venue::Binance = arguments.venue;
    let (server, symbols) = local_venue(arguments)?;
    let mut config = Config {
        symbols,
        streams: vec![Stream::AggTrade, Stream::BookTicker, Stream::Depth { ms: 100 }],
        ..Config::default()
    };
    let mut builder = trusting(Client::builder(), arguments.ca.as_deref())?;
    if let Some(base) = &arguments.url {
        let base = base.trim_end_matches('/');
        config.stream_url = base.to_owned();
        config.api_url = format!("{base}/ws-api/v3");
    }
    if let Some(server) = &server {
        config.stream_url = server.stream_url();
        config.api_url = server.api_url();
        builder = builder.extra_roots_pem(server.ca_pem().as_bytes())?;
    }
    let session = Binance::new(config).map_err(tickwire::Error::from)?;
    let feed = Feed::connect(session, &builder)?;
    Watch::new(feed, arguments)?.run()
}

/// The local venue, if one is wanted, and the symbols to watch.
fn local_venue(arguments: &Arguments) -> Result<(Option<Server>, Vec<String>), Failure> {
    let mut symbols = arguments.symbols.clone();
    let replay = match &arguments.replay {
        Some(prefix) => Some(Recording::open(prefix)?),
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
    let replay = replay.map(|recording| (recording, arguments.speed));
    let server = Server::start(Options { source: source(arguments.seed, replay), ..Options::default() })?;
    Ok((Some(server), symbols))
}

struct Watch {
    feed: Feed<Binance>,
    board: Board,
    view: View,
    interrupted: Arc<AtomicBool>,
    started: Instant,
    looked: Instant,
    until: Option<Instant>,
    /// A recording ends by itself, and the end of its stream is the end of the run.
    replaying: bool,
    /// The venue is one of this program's, so that every book must be complete.
    local: bool,
}

impl Watch {
    fn new(feed: Feed<Binance>, arguments: &Arguments) -> Result<Self, Failure> {
        let interrupted = exit::interrupted()?;
        let now = clock::now();
        Ok(Self {
            board: Board::new(feed.session()),
            view: View::new(arguments.json),
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
        let counts = self.feed.counts();
        if ended.is_err() && counts.messages == 0 {
            return ended;
        }
        // Much may have happened since the last look.
        self.board.look(self.feed.session(), now - self.looked);
        let summary = Summary { elapsed: now - self.started, messages: counts.messages, bytes: counts.bytes };
        self.view.summary(&self.board, &summary)?;
        ended?;
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
        let next = self.feed.next(timeout).map_err(|error| Ended::by(error, self.replaying))?;
        let Some(Arrival { event, .. }) = next else { return Ok(()) };
        self.board.count(&event);
        if let Event::Book(book) = event
            && self.view.shows_updates()
        {
            // The event is a copy: the session can be asked for the book it speaks of.
            self.board.refresh(self.feed.session(), book.instrument);
            return Ok(self.view.event(&self.board, &Event::Book(book))?);
        }
        self.view.event(&self.board, &event)?;
        Ok(refusal(&self.board, &event)?)
    }

    fn look(&mut self, now: Instant) -> Result<(), Failure> {
        self.board.look(self.feed.session(), now - self.looked);
        self.looked = now;
        let connections: Vec<Connection> = self
            .feed
            .connections()
            .map(|(name, client)| {
                let state = match (client.is_open(), client.is_closed()) {
                    (true, _) => "open",
                    (false, true) => "closed",
                    (false, false) => "connecting",
                };
                Connection { name, state }
            })
            .collect();
        Ok(self.view.look(&self.board, &connections)?)
    }

    /// Every comparison must have agreed, and a local venue leaves no book without a snapshot.
    fn verdict(&self) -> Result<(), Failure> {
        let total = self.board.total();
        if total.agreed < total.checks {
            let wrong = total.checks - total.agreed;
            return Err(Failure::new(BOOK, format!("{wrong} of {} comparisons disagree", total.checks)));
        }
        let missing: Vec<&str> =
            self.board.rows.iter().filter(|row| !row.is_synced()).map(|row| row.symbol.as_str()).collect();
        if self.local && !self.interrupted.load(Ordering::Relaxed) && !missing.is_empty() {
            return Err(Failure::new(BOOK, format!("never synced: {}", missing.join(", "))));
        }
        Ok(())
    }
}

/// Why following the feed has come to its end.
enum Ended {
    /// The recording is over.
    Recording,
    Failure(Failure),
}

impl Ended {
    fn by(error: tickwire::Error, replaying: bool) -> Self {
        if let tickwire::Error::Link { name: "stream", source } = &error
            && let tickwire::Error::Closed(Some(close)) = source.as_ref()
            && replaying
            && close.code == Some(CloseCode::NORMAL)
        {
            return Self::Recording;
        }
        Self::Failure(error.into())
    }
}

impl<E: Into<Failure>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::Failure(error.into())
    }
}

/// A refusal for good ends the run: the symbol does not exist or may not be read.
fn refusal(board: &Board, event: &Event<'_>) -> Result<(), Failure> {
    let Event::Rejected(rejection) = event else { return Ok(()) };
    if rejection.outcome != Outcome::Final {
        return Ok(());
    }
    let symbol = rejection.instrument.and_then(|instrument| board.row(instrument));
    let symbol = symbol.map_or(String::new(), |row| format!("{}: ", row.symbol));
    let message = rejection.message.escape_debug();
    Err(Failure::new(PEER, format!("{symbol}the venue refuses: {message} (code {})", rejection.code)))
}
