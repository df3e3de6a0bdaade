//! A session that is recorded: whatever it is told goes into a file first.

use crate::clock;
use crate::recording::{Moment, Record, Writer};
use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tickwire::venue::{
    Attempts, BookView, Command, Ending, Endpoint, Error, Event, Fetched, Instrument, LegCounts, Now, Route,
    Session,
};

/// The file that a session is recorded in, shared by the session, which writes, and by who looks after it.
#[derive(Debug, Clone)]
pub(crate) struct Tape(Rc<RefCell<Taking>>);

#[derive(Debug)]
struct Taking {
    path: PathBuf,
    /// Gone once it failed: the file ends there.
    writer: Option<Writer<File>>,
    failure: Option<io::Error>,
    began: Instant,
    /// When the last record was.
    last: Moment,
    records: u64,
}

impl Tape {
    /// Begins a recording. A file that is there is left alone.
    ///
    /// # Errors
    /// What the system says, with the name of the file.
    pub(crate) fn create(path: &Path, header: &str) -> Result<Self, String> {
        let told = |error: io::Error| format!("{}: {error}", path.display());
        let writer = open(path).and_then(|file| Writer::new(file, header)).map_err(told)?;
        let (path, began) = (path.to_owned(), clock::now());
        let last = Moment::default();
        let taking = Taking { path, writer: Some(writer), failure: None, began, last, records: 0 };
        Ok(Self(Rc::new(RefCell::new(taking))))
    }

    /// Writes a record of this time, or of that of the last one.
    fn push(&self, now: Option<Now>, record: &Record<'_>) {
        let mut taking = self.0.borrow_mut();
        if let Some(now) = now {
            taking.last = Moment { elapsed_ns: nanos(taking.began, now.instant), unix_ns: now.unix_ns };
        }
        let moment = taking.last;
        taking.records += 1;
        taking.write(|writer| writer.push(moment, record));
    }

    /// Writes what is old enough, and tells if anything could not be written.
    pub(crate) fn tick(&self) -> Result<(), String> {
        let mut taking = self.0.borrow_mut();
        let elapsed_ns = nanos(taking.began, clock::now());
        taking.write(|writer| writer.tick(elapsed_ns));
        taking.told()
    }

    /// Completes the recording: its length in bytes.
    pub(crate) fn finish(&self) -> Result<u64, String> {
        let mut taking = self.0.borrow_mut();
        taking.told()?;
        let Some(writer) = taking.writer.take() else { return Ok(0) };
        let ended = writer.finish().and_then(|file| {
            // Of a pipe there is nothing to make sure of.
            let length = file.metadata()?.len();
            if file.metadata()?.is_file() { file.sync_all().map(|()| length) } else { Ok(length) }
        });
        ended.map_err(|error| format!("{}: {error}", taking.path.display()))
    }

    /// Records so far.
    pub(crate) fn records(&self) -> u64 {
        self.0.borrow().records
    }
}

impl Taking {
    fn write(&mut self, act: impl FnOnce(&mut Writer<File>) -> io::Result<()>) {
        let Some(writer) = &mut self.writer else { return };
        if let Err(error) = act(writer) {
            self.failure = Some(error);
            self.writer = None;
        }
    }

    fn told(&self) -> Result<(), String> {
        match &self.failure {
            Some(error) => Err(format!("{}: {error}", self.path.display())),
            None => Ok(()),
        }
    }
}

/// A new file, or what is no file and can be written all the same, such as a pipe.
fn open(path: &Path) -> io::Result<File> {
    match File::options().write(true).create_new(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && !path.is_file() => {
            File::options().write(true).open(path)
        }
        opened => opened,
    }
}

/// From one moment to another that may be a little before it.
fn nanos(from: Instant, to: Instant) -> i64 {
    let nanos = |span: Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
    match to.checked_duration_since(from) {
        Some(after) => nanos(after),
        None => -nanos(from.saturating_duration_since(to)),
    }
}

/// Names of streams as a record has them.
fn names(streams: &[&str]) -> String {
    serde_json::Value::from(streams).to_string()
}

/// A session of any venue, recorded or not.
pub(crate) struct Taped {
    session: Box<dyn Session>,
    tape: Option<Tape>,
}

impl Taped {
    pub(crate) fn new(session: Box<dyn Session>, tape: Option<Tape>) -> Self {
        Self { session, tape }
    }

    /// Something about a connection was told, in this line: the session knows nothing of it.
    pub(crate) fn note_link(&self, now: Now, line: &str) {
        self.push(now, &Record::Link { line: line.as_bytes() });
    }

    fn push(&self, now: impl Into<Option<Now>>, record: &Record<'_>) {
        let Some(tape) = &self.tape else { return };
        let now = now.into();
        if self.session.has_event() {
            tape.push(now, &Record::Undrained);
        }
        tape.push(now, record);
    }
}

impl Session for Taped {
    fn endpoints(&self) -> &[Endpoint] {
        self.session.endpoints()
    }

    fn attempts(&self) -> Attempts {
        self.session.attempts()
    }

    fn subscribe(&mut self, streams: &[&str], now: Now) -> Result<(), Error> {
        self.push(now, &Record::Subscribe { streams: names(streams).as_bytes() });
        self.session.subscribe(streams, now)
    }

    fn unsubscribe(&mut self, streams: &[&str], now: Now) {
        self.push(now, &Record::Unsubscribe { streams: names(streams).as_bytes() });
        self.session.unsubscribe(streams, now);
    }

    fn on_open(&mut self, route: Route, now: Now) {
        self.push(now, &Record::Open { route });
        self.session.on_open(route, now);
    }

    fn on_closed(&mut self, route: Route, ending: Ending, now: Now) {
        self.push(now, &Record::Closed { route, ending });
        self.session.on_closed(route, ending, now);
    }

    fn is_ready(&self, route: Route) -> bool {
        self.session.is_ready(route)
    }

    fn hand_over(&mut self, route: Route) {
        self.push(None, &Record::HandOver { route });
        self.session.hand_over(route);
    }

    fn is_handed_over(&mut self, route: Route) -> bool {
        self.push(None, &Record::IsHandedOver { route });
        self.session.is_handed_over(route)
    }

    fn leg_counts(&self, route: Route) -> Option<&LegCounts> {
        self.session.leg_counts(route)
    }

    /// It changes nothing that the session tells, so that a recording needs no line of it.
    fn take_lag(&mut self, route: Route) -> Option<Duration> {
        self.session.take_lag(route)
    }

    /// As [`take_lag`](Self::take_lag).
    fn on_readable(&mut self, route: Route, since: Instant) {
        self.session.on_readable(route, since);
    }

    fn on_message(&mut self, route: Route, text: &[u8], now: Now) -> Result<(), Error> {
        self.push(now, &Record::Text { route, payload: text });
        self.session.on_message(route, text, now)
    }

    fn on_binary(&mut self, route: Route, bytes: &[u8], now: Now) -> Result<(), Error> {
        self.push(now, &Record::Binary { route, payload: bytes });
        self.session.on_binary(route, bytes, now)
    }

    fn on_fetched(&mut self, id: u64, fetched: Fetched<'_>, now: Now) -> Result<(), Error> {
        let record = match fetched {
            Fetched::Answer { status, retry_after_s, used_weight, body } => {
                Record::Document { id, status: u64::from(status), retry_after_s, used_weight, body }
            }
            Fetched::Failed => Record::NoDocument { id },
        };
        self.push(now, &record);
        self.session.on_fetched(id, fetched, now)
    }

    fn has_event(&self) -> bool {
        self.session.has_event()
    }

    fn poll_event(&mut self) -> Option<Event<'_>> {
        self.session.poll_event()
    }

    fn poll_command(&mut self) -> Option<Command<'_>> {
        self.session.poll_command()
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.session.next_deadline()
    }

    fn on_deadline(&mut self, now: Now) {
        self.push(now, &Record::Deadline);
        self.session.on_deadline(now);
    }

    fn instruments(&self) -> u32 {
        self.session.instruments()
    }

    fn symbol(&self, instrument: Instrument) -> Option<&str> {
        self.session.symbol(instrument)
    }

    fn instrument(&self, symbol: &str) -> Option<Instrument> {
        self.session.instrument(symbol)
    }

    fn book(&self, instrument: Instrument) -> Option<BookView<'_>> {
        self.session.book(instrument)
    }
}
