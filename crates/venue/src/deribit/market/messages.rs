//! What the messages of channels mean for the events and the books of a session.

use std::time::Instant;

use super::{Incremental, Market, slot, tell_gap};
use crate::{
    deribit::{
        channel,
        tickers::Kept,
        translate,
        wire::{self, Message, TickerChange},
    },
    event::{Event, Instrument, InstrumentState, StatusKind},
    order::{Mark, StreamGap, Verdict},
    streams::Streams,
    symbols::at,
};

/// What is odd about a well-formed message.
pub(in crate::deribit) type Odd = &'static str;

/// Where the messages of a text came from.
#[derive(Debug)]
pub(in crate::deribit) struct Origin<'a> {
    pub(super) leg: usize,
    pub(super) now: Instant,
    text: &'a [u8],
    /// The place of their channel, once that was looked for.
    stream: Option<Option<usize>>,
    /// Whether the text as a whole is news, once that was asked.
    is_news: Option<bool>,
}

impl<'a> Origin<'a> {
    /// A text of a connection that is open.
    pub(in crate::deribit) fn new(leg: usize, text: &'a [u8], now: Instant) -> Self {
        Self { leg, now, text, stream: None, is_news: None }
    }

    /// The place of the channel of the text, if it is followed.
    #[inline]
    pub(super) fn stream(&mut self, streams: &Streams, channel: &str) -> Option<usize> {
        *self.stream.get_or_insert_with(|| streams.subscriptions.find(channel))
    }
}

impl Market {
    #[inline]
    pub(in crate::deribit) fn on_message(
        &mut self,
        origin: &mut Origin<'_>,
        channel: &str,
        message: Message<'_>,
    ) -> Result<(), Odd> {
        match message {
            Message::Book(update) => self.on_book(origin, channel, &update),
            Message::GroupedBook(book) => {
                let (stream, instrument) = self.place(origin, channel, Some(book.instrument))?;
                if self.admit(origin, stream, instrument, Mark::State(book.change_id)) {
                    self.queue.push_with_levels(translate::picture(instrument, &book));
                }
                Ok(())
            }
            Message::Trade(trade) => {
                let (stream, instrument) = self.place(origin, channel, Some(trade.instrument))?;
                if self.admit(origin, stream, instrument, Mark::counted(trade.sequence)) {
                    let event = translate::trade(instrument, &trade);
                    self.queue.push(event.ok_or("a trade of an unknown direction")?);
                }
                Ok(())
            }
            Message::Quote(quote) => {
                let (stream, instrument) = self.place(origin, channel, Some(quote.instrument))?;
                if self.admit(origin, stream, instrument, Mark::State(quote.time_ns)) {
                    self.queue.push(translate::quote(instrument, &quote));
                }
                Ok(())
            }
            Message::Ticker(ticker) => {
                let (stream, instrument) = self.place(origin, channel, ticker.instrument)?;
                if self.admit(origin, stream, instrument, Mark::State(ticker.time_ns)) {
                    self.tell_ticker(instrument, &Kept::of(&ticker));
                }
                Ok(())
            }
            Message::IncrementalTicker(ticker) => self.on_whole_ticker(origin, channel, &ticker),
            Message::TickerChange(change) => self.on_ticker_change(origin, channel, &change),
            other => self.on_other(origin, channel, other),
        }
    }

    #[inline(never)]
    fn on_other(&mut self, origin: &mut Origin<'_>, channel: &str, message: Message<'_>) -> Result<(), Odd> {
        match message {
            Message::Perpetual(told) => {
                let (stream, instrument) = self.place(origin, channel, None)?;
                if self.admit(origin, stream, instrument, Mark::State(told.time_ns)) {
                    match translate::funding(instrument, &told) {
                        Some(event) => self.queue.push(event),
                        None => self.tell_other(channel),
                    }
                }
            }
            Message::PriceIndex(index) => {
                let (stream, instrument) = self.place(origin, channel, Some(index.index))?;
                if self.admit(origin, stream, instrument, Mark::State(index.time_ns)) {
                    self.queue.push(translate::index(instrument, index.price, index.time_ns));
                }
            }
            // The name of the index is that of the price; the channel tells them apart.
            Message::VolatilityIndex(index) => {
                let (stream, instrument) = self.place(origin, channel, Some(channel))?;
                if self.admit(origin, stream, instrument, Mark::State(index.time_ns)) {
                    self.queue.push(translate::index(instrument, index.volatility, index.time_ns));
                }
            }
            Message::OptionMark(mark) if mark.time_ns.is_some() => {
                let time_ns = mark.time_ns.unwrap_or(0);
                let (stream, instrument) = self.place(origin, channel, Some(mark.instrument))?;
                if self.admit(origin, stream, instrument, Mark::State(time_ns)) {
                    self.queue.push(translate::option_mark(instrument, &mark, time_ns));
                }
            }
            Message::InstrumentState(told) => {
                let (stream, instrument) = self.place(origin, channel, Some(told.instrument))?;
                if self.admit(origin, stream, instrument, Mark::State(told.time_ns)) {
                    self.tell_state(instrument, told.state, Some(told.time_ns));
                }
            }
            unordered if self.is_news(origin) => return self.on_unordered(channel, unordered),
            _ => {}
        }
        Ok(())
    }

    /// What names no order.
    fn on_unordered(&mut self, channel: &str, message: Message<'_>) -> Result<(), Odd> {
        match message {
            Message::Candle(candle) => {
                let name = channel::subject(channel).ok_or("data that name no instrument")?;
                let event = translate::candle(self.find(name)?, channel, &candle);
                self.queue.push(event.ok_or("candles of an unknown length")?);
            }
            Message::InstrumentCreation(told) => {
                let instrument = self.find(told.instrument)?;
                self.tell_state(instrument, told.state.unwrap_or("created"), told.creation_time_ns);
            }
            Message::PlatformState(told) => self.on_platform(told),
            Message::PublicMethodsState(told) => {
                let text = if told.allowed {
                    "public requests need no login"
                } else {
                    "public requests need a login"
                };
                self.tell_status(StatusKind::Other, text, None);
            }
            Message::Announcement(told) => {
                self.tell_status(StatusKind::Announcement, told.title.unwrap_or(""), told.time_ns);
            }
            Message::Account { kind, time_ns } => {
                self.queue.push_with_words(Event::Account { kind: "", venue_time_ns: time_ns }, kind);
            }
            Message::Other { kind } => self.tell_other(kind),
            _ => self.tell_other(channel),
        }
        Ok(())
    }

    /// The stream of a message and whom it tells of: the instrument that it names, or else its channel.
    #[inline]
    fn place(
        &mut self,
        origin: &mut Origin<'_>,
        channel: &str,
        name: Option<&str>,
    ) -> Result<(Option<usize>, Instrument), Odd> {
        let stream = origin.stream(&self.streams, channel);
        let subject = stream.and_then(|stream| self.streams.subject(stream));
        let is_it = |subject| name.is_none_or(|name| self.symbols.name(subject) == Some(name));
        match subject {
            Some(subject) if is_it(subject) => Ok((stream, subject)),
            Some(_) => Err("an instrument that is not that of its channel"),
            None => {
                let name =
                    name.or_else(|| channel::subject(channel)).ok_or("data that name no instrument")?;
                Ok((stream, self.find(name)?))
            }
        }
    }

    /// Whether a message is news: no other connection has brought it, and nothing before it is still to come. Tells what
    /// is missing before it.
    #[inline]
    fn admit(
        &mut self,
        origin: &mut Origin<'_>,
        stream: Option<usize>,
        instrument: Instrument,
        mark: Mark,
    ) -> bool {
        matches!(self.verdict(origin, stream, instrument, mark), Verdict::Next | Verdict::Gap(_))
    }

    /// The same in detail.
    #[inline]
    fn verdict(
        &mut self,
        origin: &mut Origin<'_>,
        stream: Option<usize>,
        instrument: Instrument,
        mark: Mark,
    ) -> Verdict {
        let Some(stream) = stream else {
            return if self.is_news(origin) { Verdict::Next } else { Verdict::Copy };
        };
        let Self { streams, queue, restless, .. } = self;
        let verdict = streams.judge((stream, instrument), origin.leg, mark, origin.now);
        match verdict {
            Verdict::Next | Verdict::Copy | Verdict::Repeat => {}
            Verdict::Ahead => *restless = true,
            Verdict::Gap(hole) => {
                let instrument = streams.is_shared(stream, instrument).then_some(instrument);
                tell_gap(queue, streams, StreamGap { stream, instrument, hole });
            }
        }
        verdict
    }

    /// Whether a text that has no place in an order is news.
    #[cold]
    fn is_news(&mut self, origin: &mut Origin<'_>) -> bool {
        *origin.is_news.get_or_insert_with(|| self.streams.is_news(origin.leg, origin.text))
    }

    /// A ticker that is told whole needs nothing before it: where it is beyond what the other connections have brought, it
    /// stands for all that they still bring of before it.
    fn on_whole_ticker(
        &mut self,
        origin: &mut Origin<'_>,
        channel: &str,
        whole: &wire::Ticker<'_>,
    ) -> Result<(), Odd> {
        let (stream, instrument) = self.place(origin, channel, whole.instrument)?;
        let is_news = match (self.verdict(origin, stream, instrument, Mark::Time(whole.time_ns)), stream) {
            (Verdict::Next | Verdict::Gap(_), _) => true,
            (Verdict::Ahead, Some(stream)) if !self.streams.is_shared(stream, instrument) => {
                self.streams.order.restart(stream, origin.leg, whole.time_ns, origin.now);
                true
            }
            (Verdict::Ahead | Verdict::Copy | Verdict::Repeat, _) => false,
        };
        let kept = Kept::of(whole);
        match slot(&mut self.tickers, instrument) {
            // What is kept is what was told, and goes on from there.
            Some(ticker) if !is_news => ticker.is_whole = true,
            ticker => *ticker = Some(Incremental { kept, is_whole: true }),
        }
        if is_news {
            self.tell_ticker(instrument, &kept);
        }
        Ok(())
    }

    fn on_ticker_change(
        &mut self,
        origin: &mut Origin<'_>,
        channel: &str,
        change: &TickerChange<'_>,
    ) -> Result<(), Odd> {
        let (stream, instrument) = self.place(origin, channel, change.instrument)?;
        let is_whole = |ticker: &&Incremental| ticker.is_whole;
        let ticker = self.tickers.get(at(instrument)).and_then(Option::as_ref).filter(is_whole);
        ticker.ok_or("a change of a ticker that was not told whole")?;
        if self.admit(origin, stream, instrument, Mark::Time(change.time_ns))
            && let Some(ticker) = slot(&mut self.tickers, instrument)
        {
            ticker.kept.merge(change);
            let kept = ticker.kept;
            self.tell_ticker(instrument, &kept);
        }
        Ok(())
    }

    fn tell_ticker(&mut self, instrument: Instrument, kept: &Kept) {
        self.queue.push(Event::Ticker(kept.ticker(instrument)));
        if let Some(mark) = kept.mark(instrument) {
            self.queue.push(Event::Mark(mark));
        }
    }

    fn on_platform(&mut self, told: wire::PlatformState<'_>) {
        if let Some(locked) = told.locked {
            let kind = if locked { StatusKind::Locked } else { StatusKind::Unlocked };
            self.tell_status(kind, told.index.unwrap_or(""), None);
        }
        match told.maintenance {
            Some(true) => self.tell_status(StatusKind::Maintenance, "", None),
            Some(false) => self.tell_status(StatusKind::Other, "maintenance is over", None),
            None if told.locked.is_none() => self.tell_other(channel::PLATFORM_STATE),
            None => {}
        }
    }

    fn tell_state(&mut self, instrument: Instrument, state: &str, venue_time_ns: Option<u64>) {
        let open = matches!(state, "open" | "started");
        let event = InstrumentState { instrument, state: "", open, venue_time_ns };
        self.queue.push_with_words(Event::State(event), state);
    }

    fn find(&mut self, name: &str) -> Result<Instrument, Odd> {
        self.symbols.intern(name).ok_or("more instruments than can be")
    }
}
