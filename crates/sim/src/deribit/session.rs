//! One connection: its requests, its channels, its heartbeat and its credits.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tungstenite::protocol::frame::coding::CloseCode;

use super::Deribit;
use super::heartbeat::{Due, Heartbeat};
use super::names::Channel;
use super::rpc::{self, Fault, Request, notification};
use crate::clock::Now;
use crate::options::DeribitRules;
use crate::publisher::Form;
use crate::rate::Credits;
use crate::rules::FOREVER;
use crate::venue::{Desk, Replies, Session};

const VERSION: &str = r#"{"version":"1.2.26"}"#;
const OK: &str = r#""ok""#;
/// Requests of more bytes, or for more channels, are too large.
const REQUEST_MAX: usize = 32 * 1024;
const CHANNELS_MAX: usize = 500;
const HEARTBEAT_CLOSE: u16 = 4_000;

#[derive(Debug)]
pub(crate) struct DeribitSession {
    testnet: bool,
    event_node: bool,
    heartbeat_min: u64,
    test_timeout: Duration,
    idle_timeout: Duration,
    token: Duration,
    channels: BTreeSet<String>,
    heartbeat: Heartbeat,
    requests: Credits,
    subscriptions: Credits,
    listings: Credits,
    authenticated_until: Option<Instant>,
    /// When the last text came.
    heard: Instant,
    maintenance: bool,
}

impl DeribitSession {
    pub(super) fn new(rules: &DeribitRules, event_node: bool, now: Now) -> Self {
        let now = now.instant;
        Self {
            testnet: rules.testnet,
            event_node,
            heartbeat_min: rules.heartbeat_min.max(1),
            test_timeout: rules.test_timeout.min(FOREVER),
            idle_timeout: rules.idle_timeout.min(FOREVER),
            token: Duration::from_secs(rules.token_seconds).min(FOREVER),
            channels: BTreeSet::new(),
            heartbeat: Heartbeat::Off,
            requests: Credits::new(50_000, 500, 10_000, now),
            subscriptions: Credits::new(30_000, 3_000, 10_000, now),
            listings: Credits::new(500_000, 10_000, 10_000, now),
            authenticated_until: None,
            heard: now,
            maintenance: false,
        }
    }

    fn answer(&self, id: Option<&Value>, result: Result<String, Fault>, now: Now) -> String {
        rpc::answer(id, result, self.testnet, now)
    }

    /// Answers a request; the channels among the answer's are new.
    fn perform(
        &mut self,
        request: &Request,
        desk: &mut Desk<Deribit>,
        now: Now,
        begun: &mut Vec<String>,
    ) -> Result<String, Fault> {
        let Desk { venue, feed, .. } = desk;
        if request.method.starts_with("private/") {
            let token = request.parameters.get("access_token").and_then(Value::as_str);
            if !self.is_authenticated(now) && !token.is_some_and(|token| venue.keys.knows(token)) {
                return Err(Fault::unauthorized("invalid_token"));
            }
        }
        match request.method.as_str() {
            "public/test" => {
                self.heartbeat.on_test();
                Ok(VERSION.to_owned())
            }
            "public/hello" => {
                request.text("client_name")?;
                request.text("client_version")?;
                Ok(VERSION.to_owned())
            }
            "public/get_time" => Ok(now.unix_ms().to_string()),
            "public/status" => Ok(r#"{"locked":"false","locked_indices":[]}"#.to_owned()),
            "public/set_heartbeat" => self.set_heartbeat(request, now),
            "public/disable_heartbeat" => {
                self.heartbeat = Heartbeat::Off;
                Ok(OK.to_owned())
            }
            "public/auth" => {
                let result = venue.keys.authenticate(request, now)?;
                self.authenticated_until = Some(now.instant + self.token);
                Ok(result)
            }
            "public/get_instruments" => Ok(venue.instruments(request, feed)),
            "public/ticker" => venue.ticker_of(request.text("instrument_name")?, feed, now),
            "public/get_order_book" => {
                let depth = request.parameters.get("depth").map_or(Ok(5), |_| request.number("depth"))?;
                venue.order_book(request.text("instrument_name")?, depth, feed, now)
            }
            "public/subscribe" | "private/subscribe" => self.subscribe(request, desk, now, begun),
            "public/unsubscribe" | "private/unsubscribe" => {
                let named = request.texts("channels")?;
                let ended: Vec<_> = named.into_iter().filter(|name| self.channels.remove(*name)).collect();
                Ok(json!(ended).to_string())
            }
            "public/unsubscribe_all" | "private/unsubscribe_all" => {
                self.channels.clear();
                Ok(OK.to_owned())
            }
            _ => Err(Fault::NO_METHOD),
        }
    }

    fn is_authenticated(&self, now: Now) -> bool {
        self.authenticated_until.is_some_and(|until| now.instant < until)
    }

    fn set_heartbeat(&mut self, request: &Request, now: Now) -> Result<String, Fault> {
        let seconds = request.number("interval")?;
        if seconds < self.heartbeat_min {
            return Err(Fault::parameter("interval", &format!("value must be >= {}", self.heartbeat_min)));
        }
        self.heartbeat = Heartbeat::every(Duration::from_secs(seconds).min(FOREVER), now.instant);
        Ok(OK.to_owned())
    }

    /// Bad channels are left out without a word; the list comes in another order than it was asked for.
    fn subscribe(
        &mut self,
        request: &Request,
        desk: &Desk<Deribit>,
        now: Now,
        begun: &mut Vec<String>,
    ) -> Result<String, Fault> {
        let named = request.texts("channels")?;
        if named.len() > CHANNELS_MAX {
            return Err(Fault::TOO_LARGE);
        }
        let may_raw = self.event_node || self.is_authenticated(now) || desk.feed.market().is_none();
        let mut accepted = BTreeSet::new();
        for name in named {
            let user = name.starts_with("user.") && request.method == "private/subscribe";
            let channel = Channel::parse(name).filter(|channel| desk.venue.has(name, *channel, &desk.feed));
            if channel.is_some_and(Channel::is_raw) && !may_raw {
                return Err(Fault::RAW);
            }
            if (channel.is_some() || user) && accepted.insert(name) && !self.channels.contains(name) {
                begun.push(name.to_owned());
            }
        }
        self.channels.extend(begun.iter().cloned());
        Ok(json!(accepted.iter().rev().collect::<Vec<_>>()).to_string())
    }

    /// Whether the client has paid for a request.
    fn pay(&mut self, method: &str, now: Now) -> bool {
        match method {
            "public/subscribe" | "private/subscribe" => self.subscriptions.take(now.instant),
            "public/get_instruments" => self.listings.take(now.instant),
            _ => self.requests.take(now.instant),
        }
    }

    /// When it has been idle too long, unless something keeps it.
    fn idle_end(&self) -> Option<Instant> {
        let idle = self.heartbeat.is_off() && self.channels.is_empty();
        idle.then(|| self.heard + self.idle_timeout)
    }
}

impl Session<Deribit> for DeribitSession {
    fn on_text(&mut self, text: &str, desk: &mut Desk<Deribit>, now: Now, replies: &mut Replies) {
        self.heard = now.instant;
        if text.len() > REQUEST_MAX {
            return replies.answer(self.answer(None, Err(Fault::TOO_LARGE), now));
        }
        let request = match Request::parse(text) {
            Ok(request) => request,
            Err((id, fault)) => return replies.answer(self.answer(id.as_ref(), Err(fault), now)),
        };
        let id = request.id.as_ref();
        if self.maintenance {
            return replies.answer(self.answer(id, Err(Fault::MAINTENANCE), now));
        }
        if !self.pay(&request.method, now) {
            desk.venue.overdrawn = true;
            replies.answer(self.answer(id, Err(Fault::TOO_MANY), now));
            return replies.close(CloseCode::Policy, "too_many_requests");
        }
        let mut begun = Vec::new();
        let result = self.perform(&request, desk, now, &mut begun);
        let id = id.filter(|_| result != Err(Fault::TOO_LARGE));
        replies.answer(self.answer(id, result, now));
        for name in begun {
            let first =
                Channel::parse(&name).and_then(|channel| desk.venue.first(&name, channel, &desk.feed, now));
            if let Some(text) = first {
                replies.data(&name, text);
            }
        }
    }

    fn on_time(&mut self, now: Now, replies: &mut Replies) {
        match self.heartbeat.due(now.instant, self.test_timeout) {
            Some(Due::Heartbeat) => replies.notice(rpc::heartbeat("heartbeat")),
            Some(Due::TestRequest) => replies.notice(rpc::heartbeat("test_request")),
            Some(Due::End) => replies.close(HEARTBEAT_CLOSE.into(), "heartbeat close"),
            None => {}
        }
        if self.idle_end().is_some_and(|end| now.instant >= end) {
            replies.cut();
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.heartbeat.next_deadline().into_iter().chain(self.idle_end()).min()
    }

    fn form(&self, stream: &str) -> Option<Form> {
        self.channels.contains(stream).then_some(Form { combined: true, microseconds: false })
    }

    fn has_streams(&self) -> bool {
        !self.channels.is_empty()
    }

    /// Credits count instead.
    fn is_metered(&self) -> bool {
        false
    }

    fn announce_end(&mut self, _: Now, replies: &mut Replies) {
        self.maintenance = true;
        if self.channels.contains("platform_state") {
            replies.notice(notification("platform_state", r#"{"maintenance":true}"#));
        }
    }
}
