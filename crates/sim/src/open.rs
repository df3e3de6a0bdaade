//! A connection after its handshake: messages in, answers and events out, and the venue's rules about both.

use std::collections::{BTreeMap, VecDeque};
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use tungstenite::error::ProtocolError;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Bytes, Error, Message, Utf8Bytes, WebSocket};

use crate::binance::api::Api;
use crate::binance::control::Subscriptions;
use crate::binance::payload;
use crate::binance::target::Target;
use crate::clock::Now;
use crate::feed::{Feed, Playback};
use crate::rules::{Rules, UNSENT_MAX};
use crate::transport::Transport;

/// How long the other side may take to answer a close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);
/// From the notice of a shutdown to the close.
const SHUTDOWN_NOTICE: Duration = Duration::from_secs(1);
/// Room for a close frame behind a full buffer.
const CLOSE_ROOM: usize = 1_024;
/// Unanswered pings kept; with a longer pong timeout than so many intervals, pinging pauses.
const PINGS_MAX: usize = 16;
/// Lines of a recording between two looks at whether the client keeps up.
const LINES_PER_FLUSH: usize = 32;
/// Lines of a recording before the other connections get their turn.
const LINES_PER_TURN: usize = 256;
const RATE_WINDOW: Duration = Duration::from_secs(1);

#[derive(Debug)]
enum Service {
    Streams(Subscriptions),
    /// With the number of snapshots asked for, by symbol.
    Api(Api, BTreeMap<String, usize>),
}

#[derive(Debug)]
struct Ping {
    payload: Bytes,
    deadline: Instant,
}

#[derive(Debug)]
pub(crate) struct Open {
    socket: WebSocket<Transport>,
    service: Service,
    opened: Instant,
    /// Times of the messages of the last second, not more than the limit.
    received: VecDeque<Instant>,
    pings: VecDeque<Ping>,
    next_ping: Instant,
    playback: Option<Playback>,
    shutdown_told: bool,
    unflushed: bool,
    /// The socket takes no more for now.
    blocked: bool,
    /// A close was sent or received; this is how long its other half may take.
    closing: Option<Instant>,
    gone: bool,
}

impl Open {
    pub(crate) fn new(socket: WebSocket<Transport>, target: Target, now: Now, rules: &Rules) -> Self {
        let service = match target {
            Target::Streams { combined, streams } => Service::Streams(Subscriptions::new(combined, streams)),
            Target::Api { rate_limits } => Service::Api(Api::new(rate_limits, now.unix_ms), BTreeMap::new()),
        };
        Self {
            socket,
            service,
            opened: now.instant,
            received: VecDeque::new(),
            pings: VecDeque::new(),
            next_ping: now.instant + rules.ping_interval,
            playback: None,
            shutdown_told: false,
            unflushed: false,
            blocked: false,
            closing: None,
            gone: false,
        }
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.gone
    }

    pub(crate) fn is_starved(&self) -> bool {
        !self.gone && self.socket.get_ref().is_starved()
    }

    pub(crate) fn listens(&self, stream: &str) -> Option<bool> {
        match &self.service {
            Service::Streams(subscriptions) if self.closing.is_none() && !self.gone => {
                subscriptions.contains(stream).then(|| subscriptions.combined())
            }
            _ => None,
        }
    }

    /// Writes what waits, then reads all there is or as much as one turn allows.
    pub(crate) fn on_ready(&mut self, now: Now, rules: &Rules, feed: &mut Feed) {
        self.socket.get_mut().begin_turn();
        self.blocked = false;
        self.unflushed = true;
        self.flush();
        while !self.gone {
            match self.socket.read() {
                Ok(message) => self.on_message(message, now, rules, feed),
                Err(error) => return self.on_error(error, now),
            }
        }
    }

    fn on_message(&mut self, message: Message, now: Now, rules: &Rules, feed: &mut Feed) {
        if self.closing.is_some() {
            return;
        }
        if let Message::Close(_) = message {
            // The answer is already queued; the next flush sends it.
            self.closing = Some(now.instant + CLOSE_TIMEOUT);
            self.unflushed = true;
            return;
        }
        if !self.may_send_another(now.instant, rules) {
            return self.close(CloseCode::Policy, "Too many requests", now);
        }
        match message {
            Message::Text(text) => {
                let answer = self.answer(&text, now, feed);
                self.send(answer.into(), now);
            }
            Message::Binary(_) => self.close(CloseCode::Unsupported, "Text messages only", now),
            Message::Pong(payload) => {
                // Only an echo counts, and it answers the pings before it as well.
                if let Some(index) = self.pings.iter().position(|ping| ping.payload == payload) {
                    self.pings.drain(..=index);
                }
            }
            Message::Ping(_) => self.unflushed = true,
            Message::Close(_) | Message::Frame(_) => {}
        }
    }

    /// Counts a message against the rolling second. The WebSocket API counts weight instead.
    fn may_send_another(&mut self, now: Instant, rules: &Rules) -> bool {
        if let Service::Api(..) = self.service {
            return true;
        }
        while self.received.front().is_some_and(|&at| now.duration_since(at) >= RATE_WINDOW) {
            self.received.pop_front();
        }
        if self.received.len() >= rules.messages_per_second {
            return false;
        }
        self.received.push_back(now);
        true
    }

    fn answer(&mut self, text: &str, now: Now, feed: &mut Feed) -> String {
        match &mut self.service {
            Service::Streams(subscriptions) => subscriptions.answer(text),
            Service::Api(api, asked) => api.answer(text, now.unix_ms, &mut |symbol, limit| {
                let request = asked.get(symbol).copied().unwrap_or(0);
                let snapshot = feed.depth(symbol, limit, request)?;
                asked.insert(symbol.to_owned(), request.saturating_add(1));
                Some(snapshot)
            }),
        }
    }

    /// Queues a text. A client that leaves too much unsent is closed, and told why if it ever reads again.
    pub(crate) fn send(&mut self, text: Utf8Bytes, now: Now) {
        self.write(Message::Text(text), now);
    }

    fn write(&mut self, message: Message, now: Now) {
        if self.closing.is_some() || self.gone {
            return;
        }
        self.unflushed = true;
        if let Err(error) = self.socket.write(message) {
            self.on_error(error, now);
        }
    }

    pub(crate) fn close(&mut self, code: CloseCode, reason: &'static str, now: Now) {
        if self.closing.is_some() {
            return;
        }
        self.closing = Some(now.instant + CLOSE_TIMEOUT);
        self.socket.set_config(|config| config.max_write_buffer_size = UNSENT_MAX + CLOSE_ROOM);
        self.unflushed = true;
        let frame = CloseFrame { code, reason: reason.into() };
        if let Err(error) = self.socket.close(Some(frame)) {
            self.on_error(error, now);
        }
    }

    pub(crate) fn shut_down(&mut self, now: Now) {
        self.close(CloseCode::Away, "The server ends", now);
    }

    pub(crate) fn flush(&mut self) {
        if self.gone || self.blocked || !self.unflushed {
            return;
        }
        match self.socket.flush() {
            Ok(()) => self.unflushed = false,
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => self.blocked = true,
            Err(_) => self.finish(),
        }
    }

    fn finish(&mut self) {
        self.socket.get_mut().finish();
        self.gone = true;
    }

    fn on_error(&mut self, error: Error, now: Now) {
        match error {
            Error::Io(error) if error.kind() == ErrorKind::WouldBlock => {}
            Error::WriteBufferFull(_) => {
                self.close(CloseCode::Policy, "Slow consumer: more than 8 MiB unsent", now);
            }
            Error::Capacity(_) => self.fail(CloseCode::Size, "Message too big", now),
            Error::Utf8(_) => self.fail(CloseCode::Invalid, "Invalid UTF-8", now),
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => self.finish(),
            Error::Protocol(_) => self.fail(CloseCode::Protocol, "Protocol error", now),
            _ => self.finish(),
        }
    }

    /// After a violation nothing more can be read, so the close goes out and no answer is waited for.
    fn fail(&mut self, code: CloseCode, reason: &'static str, now: Now) {
        self.close(code, reason, now);
        self.flush();
        self.finish();
    }

    /// Does what is due by now.
    pub(crate) fn on_time(&mut self, now: Now, rules: &Rules, feed: &Feed) {
        if let Some(deadline) = self.closing {
            self.gone |= now.instant >= deadline;
            return;
        }
        let is_past = |after: Option<Duration>| self.past(after).is_some_and(|at| now.instant >= at);
        let (cut, tell) = (is_past(rules.cut_after), is_past(rules.shutdown_after));
        let end = is_past(rules.shutdown_after.map(|after| after + SHUTDOWN_NOTICE));
        if cut {
            self.gone = true;
        } else if end {
            self.close(CloseCode::Away, "Server shutdown", now);
        } else if self.pings.front().is_some_and(|ping| now.instant >= ping.deadline) {
            self.close(CloseCode::Policy, "Pong timeout", now);
        } else {
            if tell && !self.shutdown_told {
                self.shutdown_told = true;
                self.tell_shutdown(now);
            }
            self.ping(now, rules);
            self.play(now, feed);
        }
    }

    fn past(&self, after: Option<Duration>) -> Option<Instant> {
        after.and_then(|after| self.opened.checked_add(after))
    }

    fn tell_shutdown(&mut self, now: Now) {
        let event = payload::server_shutdown(now.unix_ms);
        let text = match &self.service {
            Service::Streams(subscriptions) if subscriptions.combined() => {
                payload::combined("!serverShutdown", &event)
            }
            Service::Streams(_) => event,
            Service::Api(..) => format!(r#"{{"event":{event}}}"#),
        };
        self.send(text.into(), now);
    }

    fn ping(&mut self, now: Now, rules: &Rules) {
        if now.instant < self.next_ping {
            return;
        }
        self.next_ping = now.instant + rules.ping_interval;
        if self.pings.len() >= PINGS_MAX {
            return;
        }
        let payload = Bytes::from(now.unix_ms.to_string());
        self.pings.push_back(Ping { payload: payload.clone(), deadline: now.instant + rules.pong_timeout });
        self.write(Message::Ping(payload), now);
    }

    /// Sends the lines of a recording that are due, as fast as the client takes them.
    fn play(&mut self, now: Now, feed: &Feed) {
        let Feed::Recording { recording, speed } = feed else {
            return;
        };
        let Service::Streams(subscriptions) = &self.service else {
            return;
        };
        if self.playback.is_none() && subscriptions.is_empty() {
            return;
        }
        let mut playback = self.playback.take().unwrap_or_else(|| Playback::starting(now.instant));
        for count in 1..=LINES_PER_TURN {
            if self.blocked || self.gone || self.closing.is_some() {
                break;
            }
            let Some(line) = recording.lines().get(playback.next()) else {
                if playback.is_over(now.instant) {
                    self.close(CloseCode::Normal, "end of recording", now);
                }
                break;
            };
            if playback.due(recording, *speed).is_some_and(|due| due > now.instant) {
                break;
            }
            if let Some(combined) = self.listens(&line.stream) {
                self.send(if combined { line.text.as_str() } else { line.data() }.into(), now);
            }
            playback.advance();
            if count % LINES_PER_FLUSH == 0 {
                self.flush();
            }
        }
        self.playback = Some(playback);
    }

    pub(crate) fn next_deadline(&self, now: Now, rules: &Rules, feed: &Feed) -> Option<Instant> {
        if self.closing.is_some() {
            return self.closing;
        }
        let shutdown = match self.shutdown_told {
            false => rules.shutdown_after,
            true => rules.shutdown_after.map(|after| after + SHUTDOWN_NOTICE),
        };
        let next_line = match (&self.playback, feed) {
            (Some(_), _) if self.blocked => None,
            (Some(playback), Feed::Recording { recording, speed }) => {
                Some(playback.due(recording, *speed).unwrap_or(now.instant))
            }
            _ => None,
        };
        let pong = self.pings.front().map(|ping| ping.deadline);
        [Some(self.next_ping), pong, self.past(shutdown), self.past(rules.cut_after), next_line]
            .into_iter()
            .flatten()
            .min()
    }
}
