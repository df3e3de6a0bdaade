//! One connection: streams or the WebSocket API, at any venue of Binance.

use std::collections::BTreeMap;

use tungstenite::protocol::frame::coding::CloseCode;

use super::api::Api;
use super::books::Books;
use super::control::{Dialect, Subscriptions, Verdict};
use super::path::Wanted;
use super::rest;
use super::tariff::Account;
use super::text::combined;
use crate::clock::Now;
use crate::publisher::Form;
use crate::venue::{Desk, Replies, Session};

#[derive(Debug)]
pub(crate) enum BinanceSession {
    Streams(Streams),
    /// With the number of snapshots asked for, by symbol.
    Api(Api, BTreeMap<String, usize>),
}

/// A connection to market streams.
#[derive(Debug)]
pub(crate) struct Streams {
    subscriptions: Subscriptions,
    microseconds: bool,
    /// Which of its streams come over the path it took.
    delivers: fn(&str) -> bool,
}

impl BinanceSession {
    pub(super) fn streams(wanted: Wanted, dialect: Dialect, delivers: fn(&str) -> bool) -> Self {
        let subscriptions = Subscriptions::new(dialect, wanted.combined, wanted.streams);
        Self::Streams(Streams { subscriptions, microseconds: wanted.microseconds, delivers })
    }

    /// `rate_limits`: whether answers say what was used so far.
    pub(super) fn api(rate_limits: bool, account: &mut Account, now: Now) -> Self {
        account.connect(now);
        Self::Api(Api::new(rate_limits), BTreeMap::new())
    }
}

impl<V: Books> Session<V> for BinanceSession {
    fn on_text(&mut self, text: &str, desk: &mut Desk<V>, now: Now, replies: &mut Replies) {
        match self {
            Self::Streams(streams) => match streams.subscriptions.answer(text) {
                Verdict::Answer(answer) => replies.answer(answer),
                Verdict::Last(answer) => {
                    replies.answer(answer);
                    replies.close(CloseCode::Policy, "Invalid JSON");
                }
            },
            Self::Api(api, asked) => {
                let Desk { venue, feed, .. } = desk;
                replies.answer(api.answer(text, venue.account(), now, &mut |symbol, limit| {
                    rest::depth::<V>(feed, asked, symbol, limit, now)
                }));
            }
        }
    }

    fn form(&self, stream: &str) -> Option<Form> {
        let Self::Streams(streams) = self else { return None };
        let wanted = streams.subscriptions.contains(stream) && (streams.delivers)(stream);
        let combined = streams.subscriptions.combined();
        wanted.then_some(Form { combined, microseconds: streams.microseconds })
    }

    fn has_streams(&self) -> bool {
        matches!(self, Self::Streams(streams) if !streams.subscriptions.is_empty())
    }

    /// The WebSocket API counts weight instead.
    fn is_metered(&self) -> bool {
        matches!(self, Self::Streams(_))
    }

    fn announce_end(&mut self, now: Now, replies: &mut Replies) {
        if !V::ANNOUNCES_END {
            return;
        }
        let event = format!(r#"{{"e":"serverShutdown","E":{}}}"#, now.unix_ms());
        replies.notice(match self {
            Self::Streams(streams) if streams.subscriptions.combined() => combined("!serverShutdown", &event),
            Self::Streams(_) => event,
            Self::Api(..) => format!(r#"{{"event":{event}}}"#),
        });
    }
}
