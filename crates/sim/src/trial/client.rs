//! The feed under trial: its own decisions and its own WebSocket, on wires of the world.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use tickwire_feed::{Command, Machine, Phase, cause_of, ending_of};
use tickwire_venue::{Attempts, Cause, Ending, Event, Fetched, Now, Route, Session};
use tickwire_ws::{CloseCode, Config, Connection, Event as Happening, Kind, Request, Timeouts};

use crate::rate::Window;
use crate::world::{self, Document, Failure, TlsAlert, Wire, World};

/// How long the venue bans at least, and how long a minute's budget lasts, where it does not say for how long.
const BAN_S: u64 = 120;
const RATE_S: u64 = 60;
/// A connection on which nothing has arrived for so long is dead: each is pinged after 30 s at most, and a pong takes 10 s at
/// most.
const DEAD_AFTER: Duration = Duration::from_secs(41);

/// A machine and its connections.
pub(super) struct Client<S> {
    pub(super) machine: Machine<S>,
    lines: BTreeMap<Wire, Line>,
    wires: BTreeMap<Route, Wire>,
    /// Masks of frames come from it, one seed for each connection.
    seed: u64,
    /// The venue wants no connection before this time, and no request for a snapshot.
    away_until: Option<Instant>,
    silent_until: Option<Instant>,
    /// As often as the session says that the venue lets us connect.
    dials: Window,
}

/// One connection.
struct Line {
    route: Route,
    connection: Connection,
    connected: bool,
    dialed_at: Instant,
}

/// How a connection ended.
struct End<'a> {
    ending: Ending,
    cause: Cause,
    words: &'a str,
}

/// Who sees what the feed tells, while its books stand as they were then.
pub(super) trait Audience<S> {
    fn see(&mut self, event: &Event<'_>, world: &World);
    /// After an event about a book was seen.
    fn look(&mut self, session: &S, world: &World);
    /// The venue told that it will end a connection.
    fn end_is_told(&mut self, route: Route, world: &World);
    /// A connection brings a message.
    fn hear(&mut self, route: Route, text: &[u8]);
    /// Something is not as it should be.
    fn blame(&mut self, world: &World, what: &str);
    /// Something that is of interest to who reads the trial.
    fn note(&mut self, world: &World, what: &str);
    /// Whether anybody reads it.
    fn is_traced(&self) -> bool;
}

impl<S: Session> Client<S> {
    pub(super) fn new(machine: Machine<S>, seed: u64) -> Self {
        let Attempts { max, span } = machine.session().attempts();
        Self {
            machine,
            lines: BTreeMap::new(),
            wires: BTreeMap::new(),
            seed,
            away_until: None,
            silent_until: None,
            dials: Window::new(max, span),
        }
    }

    /// Lets the machine tell and do all that it has.
    pub(super) fn settle(&mut self, world: &mut World, audience: &mut impl Audience<S>) {
        loop {
            while let Some(event) = self.machine.poll_event() {
                audience.see(&event, world);
                audience.look(self.machine.session(), world);
            }
            let mut tasks = Vec::new();
            self.machine.carry_out(now(world), |command| tasks.push(Task::of(command)));
            if tasks.is_empty() && !self.machine.has_event() {
                return;
            }
            tasks.into_iter().for_each(|task| self.act(task, world, audience));
        }
    }

    fn act(&mut self, task: Task, world: &mut World, audience: &mut impl Audience<S>) {
        match task {
            Task::Dial { route, request, timeouts } => {
                if self.away_until.is_some_and(|until| world.now() < until) {
                    audience.blame(world, &format!("{route:?} is dialed before the venue allows it again"));
                }
                if !self.dials.take(world.now()) {
                    audience.blame(world, &format!("{route:?} is dialed although the budget is used up"));
                }
                let wire = world.dial(request.host());
                self.seed = self.seed.wrapping_add(1);
                let mut seed = [0; 32];
                seed.iter_mut().zip(self.seed.to_le_bytes()).for_each(|(to, from)| *to = from);
                let config = Config { timeouts, ..Config::default() };
                let connection = Connection::client(request.request, config, seed, world.now());
                let dialed_at = world.now();
                self.lines.insert(wire, Line { route, connection, connected: false, dialed_at });
                self.wires.insert(route, wire);
            }
            Task::Send { route, text } => {
                audience.note(world, &format!("sent over {route:?}: {text}"));
                if asks_for_snapshot(&text) && self.silent_until.is_some_and(|until| world.now() < until) {
                    audience.blame(world, &format!("{text} is sent before the venue allows it again"));
                }
                self.with(route, world, |connection, _| {
                    // A connection that cannot take it is ending, and that is told.
                    let _ = connection.send(Kind::Text, text.as_bytes());
                });
            }
            Task::Fetch { id, url } => {
                if self.silent_until.is_some_and(|until| world.now() < until) {
                    audience.blame(world, &format!("{url} is fetched before the venue allows it again"));
                }
                world.fetch(id, &url);
            }
            Task::Close(route) => self.with(route, world, |connection, now| {
                let _ = connection.close(CloseCode::NORMAL, "", now);
            }),
            Task::Drop(route) => {
                if let Some(wire) = self.wires.remove(&route) {
                    self.lines.remove(&wire);
                    world.hang_up(wire);
                }
            }
        }
    }

    fn with(&mut self, route: Route, world: &mut World, act: impl FnOnce(&mut Connection, Instant)) {
        let wire = self.wires.get(&route).copied();
        if let Some((wire, line)) = wire.and_then(|wire| Some((wire, self.lines.get_mut(&wire)?))) {
            act(&mut line.connection, world.now());
            line.transmit(wire, world);
        }
    }

    /// Something happened in the world.
    pub(super) fn on_event(
        &mut self,
        event: world::Event,
        world: &mut World,
        audience: &mut impl Audience<S>,
    ) {
        match event {
            world::Event::Connected(wire) => {
                if let Some(line) = self.lines.get_mut(&wire) {
                    line.connected = true;
                    line.transmit(wire, world);
                }
            }
            world::Event::Failed(wire, failure) => {
                let cause = match failure {
                    Failure::Resolve => Cause::Resolve,
                    Failure::Refused | Failure::TimedOut => Cause::Connect,
                    Failure::Tls(_) => Cause::Tls,
                };
                let end = End { ending: Ending::Lost, cause, words: &format!("{failure:?}") };
                self.end(wire, end, world, audience);
            }
            world::Event::Readable(wire) => self.read(wire, world, audience),
            world::Event::Writable(wire) => {
                if let Some(line) = self.lines.get_mut(&wire) {
                    line.transmit(wire, world);
                }
            }
            world::Event::Fetched { id, document } => {
                let fetched = document.as_ref().map_or(Fetched::Failed, answer);
                if let Fetched::Answer { status: 418 | 429, retry_after_s: Some(after_s), .. } = fetched {
                    self.silent_until =
                        self.silent_until.max(Some(world.now() + Duration::from_secs(after_s)));
                }
                // Whatever it was, the machine tells.
                let _ = self.machine.on_fetched(id, fetched, now(world));
            }
        }
        self.settle(world, audience);
    }

    /// Reads all that has arrived.
    fn read(&mut self, wire: Wire, world: &mut World, audience: &mut impl Audience<S>) {
        while let Some(line) = self.lines.get_mut(&wire) {
            match world.read(wire, line.connection.recv_buffer()) {
                Ok(0) => {
                    line.connection.received_end();
                    self.poll(wire, world, audience);
                    return;
                }
                Ok(count) => line.connection.received(count, world.now()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => {
                    let is_alert = error.get_ref().is_some_and(|inner| inner.is::<TlsAlert>());
                    let cause = if is_alert { Cause::Tls } else { Cause::Lost };
                    let end = End { ending: Ending::Lost, cause, words: &error.to_string() };
                    return self.end(wire, end, world, audience);
                }
            }
            self.poll(wire, world, audience);
        }
    }

    /// Takes what the connection has made of what it was told.
    fn poll(&mut self, wire: Wire, world: &mut World, audience: &mut impl Audience<S>) {
        while let Some(line) = self.lines.get_mut(&wire) {
            let polled = line.connection.poll();
            line.transmit(wire, world);
            match polled {
                Ok(Some(Happening::Open)) => {
                    let route = line.route;
                    self.machine.on_open(route, now(world));
                }
                Ok(Some(Happening::Message)) => {
                    let Some(payload) = line.connection.payload() else { return };
                    if audience.is_traced() {
                        let text = String::from_utf8_lossy(payload.bytes);
                        audience.note(world, &format!("{:?} brings {text}", line.route));
                    }
                    audience.hear(line.route, payload.bytes);
                    if tells_end(payload.bytes) {
                        audience.end_is_told(line.route, world);
                    }
                    self.silent_until = self.silent_until.max(silence_wanted(payload.bytes, world));
                    // Events are drained after each message.
                    let _ = match payload.kind {
                        Kind::Text => self.machine.on_text(line.route, payload.bytes, now(world)),
                        Kind::Binary => self.machine.on_binary(line.route, payload.bytes, now(world)),
                    };
                }
                Ok(Some(_)) => continue,
                Ok(None) if line.connection.is_ended() => {
                    let (ending, cause) =
                        ending_of(line.connection.is_clean(), line.connection.received_close());
                    return self.end(wire, End { ending, cause, words: "closed" }, world, audience);
                }
                Ok(None) => return,
                Err(error) => {
                    let (cause, words) = (cause_of(&error), error.to_string());
                    let end = End { ending: Ending::Lost, cause, words: &words };
                    return self.end(wire, end, world, audience);
                }
            }
            self.settle(world, audience);
        }
    }

    fn end(&mut self, wire: Wire, end: End<'_>, world: &mut World, audience: &mut impl Audience<S>) {
        let Some(line) = self.lines.remove(&wire) else { return };
        world.hang_up(wire);
        if let Cause::Refused { status: status @ (403 | 418 | 429), retry_after_s } = end.cause {
            let after_s = retry_after_s.unwrap_or(if status == 429 { RATE_S } else { BAN_S });
            self.away_until = self.away_until.max(Some(world.now() + Duration::from_secs(after_s)));
        }
        if end.cause == Cause::Resolve {
            // It has not reached the venue.
            self.dials.give_back(line.dialed_at);
        }
        self.wires.remove(&line.route);
        self.machine.on_ended(line.route, end.ending, end.cause, end.words, now(world));
        self.settle(world, audience);
    }

    /// Whether no connection is open that could bring anything of a stream.
    pub(super) fn is_cut_off(&self) -> bool {
        let endpoints = self.machine.session().endpoints();
        let brings = |line: &Line| {
            endpoints.get(line.route.endpoint).is_some_and(|endpoint| endpoint.terms.races)
                && !matches!(self.machine.phase(line.route), None | Some(Phase::Connecting))
        };
        !self.lines.values().any(brings)
    }

    /// Connections that bring all that they should, to where several can.
    pub(super) fn racing(&self) -> Vec<(Wire, Route)> {
        let endpoints = self.machine.session().endpoints();
        let races = |route: Route| endpoints.get(route.endpoint).is_some_and(|endpoint| endpoint.terms.races);
        let lines = self.lines.iter().map(|(wire, line)| (*wire, line.route));
        lines.filter(|(_, of)| races(*of) && self.machine.phase(*of) == Some(Phase::Ready)).collect()
    }

    /// All connections that are there or are being made, the oldest first, each with the endpoint that it leads to.
    pub(super) fn wires(&self) -> impl Iterator<Item = (Wire, usize)> {
        self.lines.iter().map(|(wire, line)| (*wire, line.route.endpoint))
    }

    /// A connection that should be there and is not ready.
    pub(super) fn unready(&self) -> Option<String> {
        let lacking = self.machine.lacking();
        (lacking > 0).then(|| format!("{lacking} connections are not ready"))
    }

    /// When there is something to do even if nothing arrives.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let lines = self.lines.values().filter_map(|line| line.connection.next_deadline());
        lines.chain(self.machine.next_deadline()).min()
    }

    /// Time has passed.
    pub(super) fn on_time(&mut self, world: &mut World, audience: &mut impl Audience<S>) {
        let is_due = |line: &Line| line.connection.next_deadline().is_some_and(|at| at <= world.now());
        let due: Vec<Wire> =
            self.lines.iter().filter(|(_, line)| is_due(line)).map(|(wire, _)| *wire).collect();
        for wire in due {
            if let Some(line) = self.lines.get_mut(&wire) {
                line.connection.on_deadline(world.now());
            }
            self.poll(wire, world, audience);
        }
        if self.machine.next_deadline().is_some_and(|at| at <= world.now()) {
            self.machine.on_deadline(now(world));
        }
        self.settle(world, audience);
        self.look_for_dead(world, audience);
    }

    /// Sees that no connection is kept on which nothing arrives.
    fn look_for_dead(&self, world: &World, audience: &mut impl Audience<S>) {
        let is_dead = |line: &&Line| {
            line.connection.is_open()
                && world.now().saturating_duration_since(line.connection.heard_at()) > DEAD_AFTER
        };
        if let Some(line) = self.lines.values().find(is_dead) {
            let route = line.route;
            audience.blame(
                world,
                &format!("nothing has arrived on {route:?} for {DEAD_AFTER:?}, and it is kept"),
            );
        }
    }
}

impl Line {
    /// Writes what there is to write, as far as the wire takes it. What goes wrong is found out by reading.
    fn transmit(&mut self, wire: Wire, world: &mut World) {
        while self.connected && self.connection.wants_transmit() {
            match world.write(wire, self.connection.transmit()) {
                Ok(count) => self.connection.transmitted(count),
                Err(_) => return,
            }
        }
    }
}

/// A command that can wait until the machine is free again.
enum Task {
    Dial { route: Route, request: Target, timeouts: Timeouts },
    Send { route: Route, text: String },
    Fetch { id: u64, url: String },
    Close(Route),
    Drop(Route),
}

/// What to ask whom for.
struct Target {
    host: String,
    request: Request,
}

impl Target {
    fn host(&self) -> &str {
        &self.host
    }
}

impl Task {
    fn of(command: Command<'_>) -> Self {
        match command {
            Command::Dial { route, endpoint, .. } => {
                let terms = endpoint.terms;
                let (ping_after, pong) = (Some(terms.ping_after), terms.pong_within);
                let timeouts = Timeouts { ping_after, pong, ..Timeouts::default() };
                Self::Dial { route, request: target(&endpoint.url), timeouts }
            }
            Command::Send { route, text } => Self::Send { route, text: text.to_owned() },
            Command::Fetch { id, url } => Self::Fetch { id, url: url.to_owned() },
            Command::Close { route } => Self::Close(route),
            Command::Drop { route } => Self::Drop(route),
        }
    }
}

/// Host and request of a URL that this crate has made.
fn target(url: &str) -> Target {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let request = Request::new(host, path);
    Target { host: host.to_owned(), request: request.unwrap_or_else(|error| panic!("{url}: {error}")) }
}

/// Whether a message tells that the venue will end the connection.
fn tells_end(text: &[u8]) -> bool {
    let notice = br#""e":"serverShutdown""#;
    // Notices are short.
    text.len() < 200 && text.windows(notice.len()).any(|part| part == notice)
}

fn asks_for_snapshot(text: &str) -> bool {
    text.contains(r#""method":"depth""#)
}

/// Until when the venue wants no request for a snapshot, as the answer to one says.
fn silence_wanted(text: &[u8], world: &World) -> Option<Instant> {
    let field = br#""retryAfter":"#;
    if !text.windows(field.len()).any(|part| part == field) {
        return None;
    }
    let answer: serde_json::Value = serde_json::from_slice(text).ok()?;
    // By the venue's own clock, which may be wrong.
    let [until_ms, now_ms] =
        ["retryAfter", "serverTime"].map(|field| answer["error"]["data"][field].as_u64());
    Some(world.now() + Duration::from_millis(until_ms?.saturating_sub(now_ms?)))
}

fn answer(document: &Document) -> Fetched<'_> {
    let header = |name: &str| {
        let (_, value) = document.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        value.parse().ok()
    };
    Fetched::Answer {
        status: document.status,
        retry_after_s: header("retry-after"),
        used_weight: header("x-mbx-used-weight-1m"),
        body: document.body.as_bytes(),
    }
}

pub(super) fn now(world: &World) -> Now {
    Now { instant: world.now(), unix_ns: world.unix_ns() }
}
