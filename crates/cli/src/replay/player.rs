//! A session without sockets: it is told what happened, and what it tells is printed.

use super::Out;
use crate::clock;
use crate::exit::Failure;
use crate::tape::Taped;
use std::time::{Duration, Instant};
use tickwire::venue::{Command, Error, Fetched, Now, Route, Session};

/// Something that a session wants done.
#[derive(Debug)]
pub(super) enum Wish {
    Send { route: u64, text: String },
    Fetch { id: u64, url: String },
}

pub(super) struct Player<'a> {
    session: Taped,
    printer: &'a mut Out,
    /// What a moment counts from; no more than that is asked of the clock.
    base: Instant,
    now: Now,
    /// What the session wants and nobody has looked at.
    pub(super) wishes: Vec<Wish>,
}

impl<'a> Player<'a> {
    pub(super) fn new(session: Box<dyn Session>, printer: &'a mut Out) -> Self {
        let base = clock::now();
        let now = Now { instant: base, unix_ns: 0 };
        Self { session: Taped::new(session, None), printer, base, now, wishes: Vec::new() }
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

    pub(super) fn routes(&self) -> u64 {
        self.session.endpoints().len() as u64
    }

    pub(super) fn open(&mut self, route: u64) -> Result<(), Failure> {
        self.session.on_open(to_route(route), self.now);
        self.drain(None)
    }

    pub(super) fn closed(&mut self, route: u64) -> Result<(), Failure> {
        self.session.on_closed(to_route(route), self.now);
        self.drain(None)
    }

    pub(super) fn deadline(&mut self) -> Result<(), Failure> {
        self.session.on_deadline(self.now);
        self.drain(None)
    }

    /// A text, the message of this number.
    pub(super) fn text(
        &mut self,
        number: u64,
        route: u64,
        text: &[u8],
        received_ns: Option<u64>,
    ) -> Result<(), Failure> {
        self.printer.tally.messages += 1;
        let judged = self.session.on_message(to_route(route), text, self.now);
        self.judged(Some(number), judged)?;
        self.drain(received_ns)
    }

    pub(super) fn binary(&mut self, number: u64, route: u64, bytes: &[u8]) -> Result<(), Failure> {
        self.printer.tally.messages += 1;
        let judged = self.session.on_binary(to_route(route), bytes, self.now);
        self.judged(Some(number), judged)?;
        self.drain(Some(self.now.unix_ns))
    }

    /// An answer that is not in the file: what the session says to it is not told.
    pub(super) fn pretend(&mut self, route: u64, text: &str) {
        // It is made for this session, which has no reason to refuse it.
        let _ = self.session.on_message(to_route(route), text.as_bytes(), self.now);
        while self.session.poll_event().is_some() {}
        self.collect();
    }

    /// A document; one that is no part of the file has no number.
    pub(super) fn document(
        &mut self,
        number: Option<u64>,
        id: u64,
        status: u64,
        retry_after_s: Option<u64>,
        body: &[u8],
    ) -> Result<(), Failure> {
        let status = u16::try_from(status).unwrap_or(0);
        let judged = self.session.on_fetched(id, Fetched::Answer { status, retry_after_s, body }, self.now);
        self.judged(number, judged)?;
        self.drain(None)
    }

    pub(super) fn no_document(&mut self, number: u64, id: u64) -> Result<(), Failure> {
        let judged = self.session.on_fetched(id, Fetched::Failed, self.now);
        self.judged(Some(number), judged)?;
        self.drain(None)
    }

    fn judged(&mut self, number: Option<u64>, judged: Result<(), Error>) -> Result<(), Failure> {
        match judged {
            Ok(()) => Ok(()),
            Err(error) => Ok(self.printer.error(number, &error)?),
        }
    }

    fn drain(&mut self, received_ns: Option<u64>) -> Result<(), Failure> {
        while let Some(event) = self.session.poll_event() {
            let taken = self.printer.take(&event, received_ns);
            self.printer.print(taken, &self.session)?;
        }
        self.collect();
        Ok(())
    }

    fn collect(&mut self) {
        while let Some(command) = self.session.poll_command() {
            match command {
                Command::Send { route, text } => {
                    self.wishes.push(Wish::Send { route: route.0 as u64, text: text.to_owned() });
                }
                Command::Fetch { id, url } => self.wishes.push(Wish::Fetch { id, url: url.to_owned() }),
                // A session of a newer kind wants what this program does not know.
                _ => {}
            }
        }
    }
}

/// A route that does not fit is one that does not exist.
fn to_route(route: u64) -> Route {
    Route(usize::try_from(route).unwrap_or(usize::MAX))
}
