//! A session without sockets: it is told what happened, and what it tells is printed.

use crate::clock;
use crate::exit::Failure;
use crate::lines::{Origin, Printer};
use crate::tape::Taped;
use serde_json::Value;
use std::io::Write;
use std::time::{Duration, Instant};
use tickwire::venue::{Command, Ending, Error, Event, Fetched, Now, Route, Session};

/// Something that a session wants done.
#[derive(Debug)]
pub(super) enum Wish {
    Send { route: Route, text: String },
    Fetch { id: u64, url: String },
}

/// What a session was told last waits to be [taken](Self::drain), as it did when it was told so first.
pub(super) struct Player<'a, W> {
    session: Taped,
    printer: &'a mut Printer<W>,
    /// What a moment counts from; no more than that is asked of the clock.
    base: Instant,
    now: Now,
    /// Where the events come from that wait.
    origin: Origin,
    unreadable: Option<Error>,
    /// What the session wants and nobody has looked at.
    pub(super) wishes: Vec<Wish>,
}

impl<'a, W: Write> Player<'a, W> {
    pub(super) fn new(session: Box<dyn Session>, printer: &'a mut Printer<W>) -> Self {
        let base = clock::now();
        Self {
            session: Taped::new(session, None),
            printer,
            base,
            now: Now { instant: base, unix_ns: 0 },
            origin: Origin::default(),
            unreadable: None,
            wishes: Vec::new(),
        }
    }

    /// Sets both clocks.
    pub(super) fn at(&mut self, elapsed_ns: i64, unix_ns: u64) {
        let span = Duration::from_nanos(elapsed_ns.unsigned_abs());
        let moment = if elapsed_ns < 0 { self.base.checked_sub(span) } else { self.base.checked_add(span) };
        self.now = Now { instant: moment.unwrap_or(self.base), unix_ns };
    }

    pub(super) fn unix_ns(&self) -> u64 {
        self.now.unix_ns
    }

    /// When the session wants to be told that time has passed, in nanoseconds since the beginning.
    pub(super) fn deadline_ns(&self) -> Option<i64> {
        let since = self.session.next_deadline()?.saturating_duration_since(self.base);
        i64::try_from(since.as_nanos()).ok()
    }

    pub(super) fn endpoints(&self) -> usize {
        self.session.endpoints().len()
    }

    pub(super) fn open(&mut self, route: Route) {
        self.session.on_open(route, self.now);
    }

    pub(super) fn closed(&mut self, route: Route, ending: Ending) {
        self.session.on_closed(route, ending, self.now);
    }

    pub(super) fn deadline(&mut self) {
        self.session.on_deadline(self.now);
    }

    pub(super) fn hand_over(&mut self, route: Route) {
        self.session.hand_over(route);
    }

    pub(super) fn is_handed_over(&mut self, route: Route) {
        // What was made of the answer then is in the file.
        let _ = self.session.is_handed_over(route);
    }

    pub(super) fn subscribe(&mut self, streams: &[&str]) {
        // Who asked for them was told what is wrong with them, and it is no event.
        let _ = self.session.subscribe(streams, self.now);
    }

    pub(super) fn unsubscribe(&mut self, streams: &[&str]) {
        self.session.unsubscribe(streams, self.now);
    }

    /// A text, and where it comes from.
    pub(super) fn text(&mut self, route: Route, text: &[u8], origin: Origin) {
        self.printer.tally.messages += 1;
        let read = self.session.on_message(route, text, self.now);
        self.read(read, origin);
    }

    pub(super) fn binary(&mut self, route: Route, bytes: &[u8], origin: Origin) {
        self.printer.tally.messages += 1;
        let read = self.session.on_binary(route, bytes, self.now);
        self.read(read, origin);
    }

    /// An answer that is not in the file: what the session says to it is not told.
    pub(super) fn pretend(&mut self, route: Route, text: &str) {
        // It is made for this session, which has no reason to refuse it.
        let _ = self.session.on_message(route, text.as_bytes(), self.now);
        while self.session.poll_event().is_some() {}
        self.collect();
    }

    /// A document, or that there is none; one that is no part of the file has no line.
    pub(super) fn fetched(&mut self, line: Option<u64>, id: u64, fetched: Fetched<'_>) {
        let read = self.session.on_fetched(id, fetched, self.now);
        self.read(read, Origin { received_ns: None, line });
    }

    fn read(&mut self, read: Result<(), Error>, origin: Origin) {
        self.origin = origin;
        self.unreadable = read.err();
    }

    /// What was told of a connection.
    pub(super) fn link(&mut self, line: &Value) -> Result<(), Failure> {
        Ok(self.printer.link(line)?)
    }

    /// Takes the events that wait, and what the session wants.
    pub(super) fn drain(&mut self) -> Result<(), Failure> {
        let Origin { received_ns, .. } = self.origin;
        if let Some(error) = self.unreadable.take() {
            let taken = self.printer.take(&Event::Unreadable(&error), self.origin);
            self.printer.print(taken, &self.session)?;
        }
        while let Some(event) = self.session.poll_event() {
            let taken = self.printer.take(&event, Origin { received_ns, line: None });
            self.printer.print(taken, &self.session)?;
        }
        self.origin = Origin::default();
        self.collect();
        Ok(())
    }

    /// Notes what the session wants.
    pub(super) fn collect(&mut self) {
        while let Some(command) = self.session.poll_command() {
            match command {
                Command::Send { route, text } => {
                    self.wishes.push(Wish::Send { route, text: text.to_owned() });
                }
                Command::Fetch { id, url } => self.wishes.push(Wish::Fetch { id, url: url.to_owned() }),
                // Connections are as the file has them.
                Command::Renew { .. } | Command::Replace { .. } => {}
            }
        }
    }
}
