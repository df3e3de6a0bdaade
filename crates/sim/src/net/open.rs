//! A connection after its handshake: messages in, answers and data out, and the rules that all venues share.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use tungstenite::error::ProtocolError;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Error, Message, Utf8Bytes, WebSocket};

use super::answers::Answers;
use super::framing::Framer;
use super::pings::Pings;
use super::spoil::Spoil;
use super::transport::Transport;
use crate::clock::Now;
use crate::feed::Feed;
use crate::publisher::Form;
use crate::rate::Window;
use crate::recording::Playback;
use crate::rules::{Rules, UNSENT_MAX};
use crate::venue::{Desk, Refusal, Replies, Reply, Session, Venue};

/// How long the other side may take to answer a close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);
/// From the notice of a shutdown to the close.
const SHUTDOWN_NOTICE: Duration = Duration::from_secs(1);
/// Room for a close frame behind a full buffer.
const CLOSE_ROOM: usize = 1_024;
/// Lines of a recording between two looks at whether the client keeps up.
const LINES_PER_FLUSH: usize = 32;
/// Lines of a recording before the other connections get their turn.
const LINES_PER_TURN: usize = 256;
const RATE_WINDOW: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Open<V: Venue> {
    socket: WebSocket<Transport>,
    session: V::Session,
    framer: Framer,
    opened: Instant,
    received: Window,
    pings: Pings,
    answers: Answers,
    playback: Option<Playback>,
    /// Messages of data so far.
    sent: u64,
    /// What goes wrong here alone.
    spoil: Option<Box<Spoil>>,
    /// When it is closed, once that is told.
    ending: Option<Instant>,
    unflushed: bool,
    /// The socket takes no more for now.
    blocked: bool,
    /// A close was sent or received; this is how long its other half may take.
    closing: Option<Instant>,
    gone: bool,
}

impl<V: Venue> Open<V> {
    pub(super) fn new(
        socket: WebSocket<Transport>,
        session: V::Session,
        framer: Framer,
        now: Now,
        rules: &Rules,
    ) -> Self {
        Self {
            socket,
            session,
            framer,
            opened: now.instant,
            received: Window::new(rules.messages_per_second, RATE_WINDOW),
            pings: Pings::new(now.instant, rules),
            answers: Answers::default(),
            playback: None,
            sent: 0,
            spoil: None,
            ending: None,
            unflushed: false,
            blocked: false,
            closing: None,
            gone: false,
        }
    }

    pub(super) fn is_gone(&self) -> bool {
        self.gone
    }

    pub(super) fn is_starved(&self) -> bool {
        !self.gone && self.socket.get_ref().is_starved()
    }

    /// Whether it wants a stream and may have it, and how.
    pub(super) fn form(&self, stream: &str, now: Now, rules: &Rules) -> Option<Form> {
        if self.closing.is_some() || self.gone {
            return None;
        }
        let form = self.session.form(stream)?;
        let mute = self.spoil.as_ref().is_some_and(|spoil| spoil.is_mute(stream));
        let silent = mute || self.is_past(rules.silent_after, now) || rules.muted.contains(stream);
        (!silent).then_some(form)
    }

    /// Where to say what goes wrong here alone.
    pub(super) fn spoil(&mut self) -> &mut Option<Box<Spoil>> {
        &mut self.spoil
    }

    /// Whether its messages count against the limit of a rolling second.
    pub(super) fn is_metered(&self) -> bool {
        self.session.is_metered()
    }

    /// Writes what waits, then reads all there is or as much as one turn allows.
    pub(super) fn on_ready(&mut self, now: Now, rules: &Rules, desk: &mut Desk<V>) {
        self.socket.get_mut().begin_turn();
        self.blocked = false;
        self.unflushed = true;
        self.flush();
        while !self.gone {
            match self.socket.read() {
                Ok(message) => self.on_message(message, now, rules, desk),
                Err(error) => return self.on_error(error, now),
            }
        }
    }

    fn on_message(&mut self, message: Message, now: Now, rules: &Rules, desk: &mut Desk<V>) {
        if self.closing.is_some() {
            return;
        }
        if let Message::Close(_) = message {
            // The answer is already queued; the next flush sends it.
            self.closing = Some(now.instant + CLOSE_TIMEOUT);
            self.unflushed = true;
            return;
        }
        let counts = match &message {
            Message::Pong(payload) => !Pings::is_between(payload),
            _ => true,
        };
        if counts && self.session.is_metered() && !self.received.take(now.instant) {
            if let Some(penalty) = rules.penalty {
                desk.refusal = Some(Refusal::penalty(now.instant + penalty));
            }
            return self.close(CloseCode::Policy, "Too many requests", now);
        }
        match message {
            Message::Text(text) => {
                desk.changed = true;
                let mut replies = Replies::default();
                self.session.on_text(&text, desk, now, &mut replies);
                self.deliver(replies, now, rules);
            }
            Message::Binary(_) => self.close(CloseCode::Unsupported, "Text messages only", now),
            Message::Pong(payload) => self.pings.on_pong(&payload),
            Message::Ping(_) => self.unflushed = true,
            Message::Close(_) | Message::Frame(_) => {}
        }
    }

    fn deliver(&mut self, replies: Replies, now: Now, rules: &Rules) {
        for reply in replies {
            match reply {
                Reply::Answer(text) => {
                    self.answers.push(text, now.instant, rules);
                    self.send_answers(now, rules);
                }
                Reply::Notice(text) => self.send(text.into(), now, rules),
                Reply::Data { stream, text } => {
                    if self.form(&stream, now, rules).is_some() {
                        self.send_data(text.into(), now, rules);
                    }
                }
                Reply::Close { code, reason } => {
                    for text in self.answers.take() {
                        self.send(text.into(), now, rules);
                    }
                    self.close(code, reason, now);
                }
                Reply::Cut => self.gone = true,
            }
        }
    }

    fn send_answers(&mut self, now: Now, rules: &Rules) {
        while let Some(text) = self.answers.due(now.instant) {
            // A client could not tell what of a stream was sent before it was subscribed anew.
            let text = match &mut self.spoil {
                Some(spoil) => spoil.behind(text.into()),
                None => Some(text.into()),
            };
            text.into_iter().for_each(|text| self.send(text, now, rules));
        }
    }

    /// Sends a message of a stream, unless it goes wrong.
    pub(super) fn send_data(&mut self, text: Utf8Bytes, now: Now, rules: &Rules) {
        let copies = self.spoil.as_mut().map_or(1, |spoil| spoil.copies(&text, now.instant));
        for _ in 0..copies {
            self.send_copy(text.clone(), now, rules);
        }
    }

    /// Queues a message of a stream, and every nth a second time if that is wanted.
    fn send_copy(&mut self, text: Utf8Bytes, now: Now, rules: &Rules) {
        self.sent += 1;
        if rules.duplicate_every.is_some_and(|every| self.sent.is_multiple_of(every)) {
            self.send(text.clone(), now, rules);
        }
        self.send(text, now, rules);
    }

    /// Queues a text. A client that leaves too much unsent is closed, and told why if it ever reads again.
    fn send(&mut self, text: Utf8Bytes, now: Now, rules: &Rules) {
        let pings = rules.fragments.is_some_and(|fragments| fragments.pings);
        for (at, message) in self.framer.messages(text).into_iter().enumerate() {
            if at > 0 && pings {
                let payload = self.pings.between();
                self.write(Message::Ping(payload), now);
            }
            self.write(message, now);
        }
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

    pub(super) fn close(&mut self, code: CloseCode, reason: &'static str, now: Now) {
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

    pub(super) fn shut_down(&mut self, now: Now) {
        self.close(CloseCode::Away, "The server ends", now);
    }

    pub(super) fn flush(&mut self) {
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

    /// Tells of the end where the venue does so; it comes so much later. `false` if it is coming already.
    pub(super) fn announce_end(&mut self, notice: Duration, now: Now, rules: &Rules) -> bool {
        if self.ending.is_some() || self.closing.is_some() || self.gone {
            return false;
        }
        self.ending = Some(now.instant + notice);
        let mut replies = Replies::default();
        self.session.announce_end(now, &mut replies);
        self.deliver(replies, now, rules);
        true
    }

    /// Does what is due by now.
    pub(super) fn on_time(&mut self, now: Now, rules: &Rules, feed: &Feed) {
        if let Some(deadline) = self.closing {
            self.gone |= now.instant >= deadline;
            return;
        }
        if self.is_past(rules.cut_after, now) {
            self.gone = true;
        } else if self.ending.is_some_and(|at| now.instant >= at) {
            self.close(CloseCode::Away, "Server shutdown", now);
        } else if self.pings.is_overdue(now.instant) {
            self.close(CloseCode::Policy, "Pong timeout", now);
        } else {
            if self.is_past(rules.shutdown_after, now) {
                self.announce_end(SHUTDOWN_NOTICE, now, rules);
            }
            while let Some(text) = self.spoil.as_mut().and_then(|spoil| spoil.due(now.instant)) {
                self.send_copy(text, now, rules);
            }
            let mut replies = Replies::default();
            self.session.on_time(now, &mut replies);
            self.deliver(replies, now, rules);
            self.send_answers(now, rules);
            if let Some(payload) = self.pings.due(now, rules) {
                self.write(Message::Ping(payload), now);
            }
            self.play(now, rules, feed);
        }
    }

    fn past(&self, after: Option<Duration>) -> Option<Instant> {
        after.and_then(|after| self.opened.checked_add(after))
    }

    fn is_past(&self, after: Option<Duration>, now: Now) -> bool {
        self.past(after).is_some_and(|at| now.instant >= at)
    }

    /// Sends the lines of a recording that are due, as fast as the client takes them.
    fn play(&mut self, now: Now, rules: &Rules, feed: &Feed) {
        let Feed::Recording { recording, speed } = feed else {
            return;
        };
        if self.playback.is_none() && !self.session.has_streams() {
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
            if let Some(form) = self.form(&line.stream, now, rules) {
                self.send_data(line.text(form.combined).into(), now, rules);
            }
            playback.advance();
            if count % LINES_PER_FLUSH == 0 {
                self.flush();
            }
        }
        self.playback = Some(playback);
    }

    pub(super) fn next_deadline(&self, now: Now, rules: &Rules, feed: &Feed) -> Option<Instant> {
        if self.closing.is_some() {
            return self.closing;
        }
        let shutdown = self.ending.or_else(|| self.past(rules.shutdown_after));
        let held = self.spoil.as_ref().and_then(|spoil| spoil.next_deadline());
        let next_line = match (&self.playback, feed) {
            (Some(_), _) if self.blocked => None,
            (Some(playback), Feed::Recording { recording, speed }) => {
                Some(playback.due(recording, *speed).unwrap_or(now.instant))
            }
            _ => None,
        };
        let ages = [shutdown, self.past(rules.cut_after), held];
        let rooms =
            [Some(self.pings.next_deadline()), self.answers.next_deadline(), self.session.next_deadline()];
        ages.into_iter().chain(rooms).chain([next_line]).flatten().min()
    }
}
