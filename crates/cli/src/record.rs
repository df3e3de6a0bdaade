//! `tickwire record`: what a venue sends, into a file.

use crate::clock::{self, seconds};
use crate::exit::{self, CONNECTION, Failure, OUTPUT, PEER};
use crate::keeping::Keeping;
use crate::lines::{self, Format, LINES, Origin, Printer};
use crate::links::Labels;
use crate::local::trusting;
use crate::refusal::refusal;
use crate::tape::{Tape, Taped};
use crate::venue::{self, Setup, Venue};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tickwire::venue::{Event, Session as _};
use tickwire::{Arrival, Client, Feed};

/// How often to look at the clock while nothing happens: what is recorded is written within a second.
const LOOK: Duration = Duration::from_millis(200);

/// Record what a venue sends.
///
/// The file holds every message of every connection as it came, with the time of its receipt to the nanosecond and its
/// connection, the snapshots, whether fetched over HTTP or a WebSocket, and what connections and timers did: `replay`
/// tells the same events from it. It is packed in blocks with checksums, each written when it is a second old, so that
/// a killed program loses no more than that. A file that exists is not overwritten. A connection that is lost is made
/// again, which is told on standard error, and what was missed meanwhile is in the file as gaps.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("\
Examples:
  tickwire record --out btc.tick binance BTCUSDT
  tickwire record --out futures.tick --seconds 3600 --streams depth@100ms,bookTicker,markPrice@1s,!forceOrder@arr binance-usdm BTCUSDT ETHUSDT
  tickwire record --out day.tick --seconds 86400 --legs 2 --renew-after 23h binance BTCUSDT
  tickwire record --out deribit.tick --streams book.100ms,chart.trades.1,!deribit_price_index.btc_usd deribit BTC-PERPETUAL
  tickwire replay --format books futures.tick

{LINES}

{}", exit::CODES))]
pub(crate) struct Arguments {
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// End after this time; without it, when interrupted.
    #[arg(long, value_name = "N", value_parser = seconds)]
    seconds: Option<Duration>,
    /// Streams of each symbol, by the names the venue has for them behind the @, and those of the whole market, which
    /// begin with `!`, with commas between; Deribit's without the instrument, as chart.trades.1, and those of the whole
    /// market with a `!` before the name, as !platform_state [default: trades, best bid and ask, and the book each 100
    /// ms].
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    streams: Vec<String>,
    #[command(flatten)]
    keeping: Keeping,
    /// Print the events as well, as `replay` will.
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// Record the venue at this base URL instead of the real one, with the paths that the real one has.
    #[arg(long, value_name = "BASE")]
    url: Option<String>,
    /// Trust the certificates of this file, too.
    #[arg(long, value_name = "FILE.pem", requires = "url")]
    ca: Option<PathBuf>,
    /// Which venue.
    venue: Venue,
    /// Symbols as the venue spells them, such as BTCUSDT.
    #[arg(value_name = "SYMBOL")]
    symbols: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let setup = setup(arguments);
    // Refused before there is a file.
    let session = venue::session(&setup)?;
    let builder = trusting(Client::builder(), arguments.ca.as_deref())?;
    let tape = Tape::create(&arguments.out, &setup.header()).map_err(|error| Failure::new(OUTPUT, error))?;
    let feed = Feed::builder(Taped::new(session, Some(tape.clone())));
    let feed = feed.client(builder).plan(arguments.keeping.plan()).connect()?;
    let until = arguments.seconds.and_then(|seconds| clock::now().checked_add(seconds));
    let out: Box<dyn Write> = match arguments.format {
        Some(_) => Box::new(BufWriter::new(io::stdout().lock())),
        None => Box::new(io::sink()),
    };
    let printer = Printer::new(arguments.format.unwrap_or(Format::Events), out);
    let labels = Labels::new(feed.session().endpoints(), arguments.keeping.legs);
    let mut recorder = Recorder { feed, tape, printer, labels, until, failed: None };
    let ended = recorder.follow();
    let written = recorder.tape.finish().map_err(|error| Failure::new(OUTPUT, error));
    let flushed = recorder.printer.flush();
    recorder.tell_end(&arguments.out);
    let bytes = ended.and(written)?;
    flushed?;
    exit::tell(&format!("{bytes} bytes for {} of messages", recorder.feed.stats().bytes));
    recorder.verdict()
}

fn setup(arguments: &Arguments) -> Setup {
    let usual = || arguments.venue.usual_streams().iter().map(ToString::to_string).collect();
    let named = if arguments.streams.is_empty() { usual() } else { arguments.streams.clone() };
    let (markets, streams) = named.into_iter().partition(|name| name.starts_with('!'));
    let setup = Setup::new(arguments.venue, arguments.symbols.clone(), streams, markets);
    let hosts = arguments.url.as_deref().map(|base| venue::hosts_at(arguments.venue, base));
    venue::settled(Setup { hosts, ..setup })
}

struct Recorder {
    feed: Feed<Taped>,
    tape: Tape,
    printer: Printer<Box<dyn Write>>,
    labels: Labels,
    until: Option<Instant>,
    /// The first connection or stream that was refused for good: the others are recorded.
    failed: Option<Failure>,
}

impl Recorder {
    fn follow(&mut self) -> Result<(), Failure> {
        let interrupted = exit::interrupted()?;
        loop {
            let now = clock::now();
            let is_over = interrupted.load(Ordering::Relaxed) || self.until.is_some_and(|until| until <= now);
            // What a message brought is told to its end: a replay tells it so.
            if is_over && !self.feed.session().has_event() {
                return Ok(());
            }
            let left = self.until.map_or(LOOK, |until| until.saturating_duration_since(now).min(LOOK));
            let has_come = self.take(left)?;
            self.tape.tick().map_err(|error| Failure::new(OUTPUT, error))?;
            if !has_come && self.feed.is_closed() {
                return Ok(());
            }
        }
    }

    /// Takes one event, if one comes within `timeout`.
    fn take(&mut self, timeout: Duration) -> Result<bool, Failure> {
        match self.feed.next(Some(timeout)) {
            Ok(None) => {
                self.printer.flush()?;
                return Ok(false);
            }
            Ok(Some(Arrival { event: Event::Link(link), .. })) => {
                let now = clock::both();
                let (line, news) = (lines::of_link(link, now.unix_ns), self.labels.news(&link));
                news.into_iter().for_each(|news| exit::tell(&news));
                self.feed.session().note_link(now, &line.to_string());
                self.printer.link(&line)?;
            }
            Ok(Some(Arrival { event, received_ns, .. })) => {
                let line = Some(self.tape.records());
                let taken = self.printer.take(&event, Origin { received_ns, line });
                let refused = refusal(&event);
                let session = self.feed.session();
                if let Some((instrument, words)) = refused {
                    let symbol = instrument.and_then(|instrument| session.symbol(instrument));
                    exit::tell(&format!("{}: {words}", symbol.unwrap_or("the session")));
                    self.failed.get_or_insert_with(|| Failure::told(PEER));
                }
                self.printer.print(taken, session)?;
            }
            Err(error @ tickwire::Error::Link { .. }) => {
                exit::tell(&exit::words(&error));
                let code = exit::Kind::of(&error).code();
                self.failed.get_or_insert_with(|| Failure::told(code));
            }
            Err(error) => return Err(error.into()),
        }
        Ok(true)
    }

    fn tell_end(&mut self, out: &Path) {
        self.printer.tally.messages = self.feed.stats().messages;
        exit::tell(&format!("{}: {}", out.display(), self.printer.tally.line()));
    }

    fn verdict(self) -> Result<(), Failure> {
        match self.failed {
            Some(failure) => Err(failure),
            None if self.feed.stats().opened == 0 => Err(Failure::new(CONNECTION, "there was no connection")),
            None => Ok(()),
        }
    }
}
