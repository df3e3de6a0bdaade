//! What the messages of channels mean for the events and the books of a session.

use std::time::Instant;

use super::{
    channel::{self, Topic, candle_seconds},
    keeper::Keeper,
    subscriptions::Subscriptions,
    tickers::{Kept, standing},
    wire::{self, BookUpdate, GroupedBook, Message, TickerChange},
};
use crate::{
    decimal::Decimal,
    event::{
        Candle, CandleOf, Delta, Event, Funding, Index, Instrument, InstrumentState, Interval, Mark, Quote,
        Snapshot, Status, StatusKind, Trade,
    },
    level::Side,
    queue::Queue,
    symbols::{Symbols, at},
};

/// What is odd about a well-formed message.
pub(super) type Odd = &'static str;

#[derive(Debug)]
pub(super) struct Market {
    pub(super) symbols: Symbols,
    pub(super) queue: Queue,
    /// By instrument, as far as there are any.
    keepers: Vec<Option<Keeper>>,
    /// Incremental tickers, by instrument.
    tickers: Vec<Option<Kept>>,
}

impl Market {
    /// With a book for each channel that feeds one.
    pub(super) fn new(instruments: &[String], channels: &[Box<str>], levels_max: usize) -> Self {
        let mut symbols = Symbols::default();
        for name in instruments {
            symbols.intern(name);
        }
        let mut keepers = Vec::new();
        for (place, name) in channels.iter().enumerate().filter(|(_, name)| Topic::of(name) == Topic::Book) {
            if let Some(instrument) = channel::subject(name).and_then(|name| symbols.intern(name)) {
                *slot(&mut keepers, instrument) = Some(Keeper::new(instrument, place, levels_max));
            }
        }
        Self { symbols, queue: Queue::default(), keepers, tickers: Vec::new() }
    }

    pub(super) fn keeper(&self, instrument: Instrument) -> Option<&Keeper> {
        self.keepers.get(at(instrument))?.as_ref()
    }

    pub(super) fn keepers(&self) -> impl Iterator<Item = &Keeper> {
        self.keepers.iter().flatten()
    }

    pub(super) fn keepers_mut(&mut self) -> impl Iterator<Item = &mut Keeper> {
        self.keepers.iter_mut().flatten()
    }

    /// The book that a channel feeds.
    pub(super) fn fed_by(&mut self, channel: usize) -> Option<&mut Keeper> {
        self.keepers_mut().find(|keeper| keeper.channel == channel)
    }

    pub(super) fn on_closed(&mut self) {
        self.tickers.clear();
        for keeper in self.keepers.iter_mut().flatten() {
            keeper.on_closed(&mut self.queue);
        }
    }

    /// Gives up on snapshots that are overdue, and tells.
    pub(super) fn expire(&mut self, now: Instant, subscriptions: &mut Subscriptions) {
        for (instrument, keeper) in (0..).map(Instrument).zip(&mut self.keepers) {
            let Some(keeper) = keeper else { continue };
            if let Some(anew_at) = keeper.on_deadline(now) {
                subscriptions.leave(keeper.channel, anew_at);
                let request = crate::event::Request::Snapshot;
                self.queue.push(Event::Unanswered { request, instrument: Some(instrument) });
            }
        }
    }

    /// A message of `channel`. Says whether channels are to be subscribed anew.
    pub(super) fn on_message(
        &mut self,
        channel: &str,
        message: Message<'_>,
        now: Instant,
        subscriptions: &mut Subscriptions,
    ) -> Result<bool, Odd> {
        match message {
            Message::Book(update) => return self.on_book(&update, now, subscriptions),
            Message::GroupedBook(book) => self.on_grouped(&book)?,
            Message::Trade(trade) => self.on_trade(&trade)?,
            Message::Quote(quote) => self.on_quote(&quote)?,
            Message::Ticker(ticker) => {
                let instrument = self.named(ticker.instrument, channel)?;
                self.tell_ticker(instrument, &Kept::of(&ticker));
            }
            Message::IncrementalTicker(ticker) => {
                let instrument = self.named(ticker.instrument, channel)?;
                let kept = slot(&mut self.tickers, instrument).insert(Kept::of(&ticker));
                let kept = *kept;
                self.tell_ticker(instrument, &kept);
            }
            Message::TickerChange(change) => self.on_ticker_change(channel, &change)?,
            Message::Perpetual(told) => self.on_perpetual(channel, told)?,
            Message::Candle(candle) => self.on_candle(channel, candle)?,
            Message::PriceIndex(index) => self.tell_index(index.index, index.price, index.time_ns)?,
            // The name of the index is that of the price; the channel tells them apart.
            Message::VolatilityIndex(index) => self.tell_index(channel, index.volatility, index.time_ns)?,
            Message::OptionMark(mark) => self.on_option_mark(channel, &mark)?,
            other => self.on_rare(channel, other)?,
        }
        Ok(false)
    }

    fn on_rare(&mut self, channel: &str, message: Message<'_>) -> Result<(), Odd> {
        match message {
            Message::InstrumentState(told) => {
                self.tell_state(told.instrument, told.state, Some(told.time_ns))?;
            }
            Message::InstrumentCreation(told) => {
                let state = told.state.unwrap_or("created");
                self.tell_state(told.instrument, state, told.creation_time_ns)?;
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

    fn on_book(
        &mut self,
        update: &BookUpdate<'_>,
        now: Instant,
        subscriptions: &mut Subscriptions,
    ) -> Result<bool, Odd> {
        let instrument = self.symbols.find(update.instrument);
        let Some((instrument, Some(keeper))) = instrument
            .and_then(|instrument| Some((instrument, self.keepers.get_mut(at(instrument))?.as_mut())))
        else {
            return Err("the book of an instrument that is not followed");
        };
        let BookUpdate { time_ns, change_id, previous_id, .. } = *update;
        self.queue.push_with_levels(match previous_id {
            None => Event::Snapshot(Snapshot {
                instrument,
                update_id: change_id,
                bids: &[],
                asks: &[],
                partial: false,
                venue_time_ns: Some(time_ns),
            }),
            Some(_) => Event::Delta(Delta {
                instrument,
                first_id: change_id,
                last_id: change_id,
                previous_id,
                bids: &[],
                asks: &[],
                venue_time_ns: time_ns,
            }),
        });
        let Some(anew_at) = keeper.on_update(update, now, &mut self.queue) else { return Ok(false) };
        subscriptions.leave(keeper.channel, anew_at);
        Ok(true)
    }

    fn on_grouped(&mut self, book: &GroupedBook<'_>) -> Result<(), Odd> {
        let instrument = self.find(book.instrument)?;
        self.queue.push_with_levels(Event::Snapshot(Snapshot {
            instrument,
            update_id: book.change_id,
            bids: &[],
            asks: &[],
            partial: true,
            venue_time_ns: Some(book.time_ns),
        }));
        Ok(())
    }

    fn on_trade(&mut self, trade: &wire::Trade<'_>) -> Result<(), Odd> {
        let instrument = self.find(trade.instrument)?;
        let taker = match trade.direction {
            "buy" => Side::Bid,
            "sell" => Side::Ask,
            _ => return Err("a trade of an unknown direction"),
        };
        self.queue.push(Event::Trade(Trade {
            instrument,
            id: trade.sequence,
            price: trade.price,
            quantity: trade.amount,
            taker,
            fills: None,
            venue_time_ns: trade.time_ns,
            event_time_ns: trade.time_ns,
        }));
        Ok(())
    }

    fn on_quote(&mut self, quote: &wire::Quote<'_>) -> Result<(), Odd> {
        let instrument = self.find(quote.instrument)?;
        self.queue.push(Event::Quote(Quote {
            instrument,
            update_id: None,
            bid: standing(quote.bid_price, quote.bid_amount),
            ask: standing(quote.ask_price, quote.ask_amount),
            venue_time_ns: Some(quote.time_ns),
        }));
        Ok(())
    }

    fn on_ticker_change(&mut self, channel: &str, change: &TickerChange<'_>) -> Result<(), Odd> {
        let instrument = self.named(change.instrument, channel)?;
        let kept = self.tickers.get_mut(at(instrument)).and_then(Option::as_mut);
        let kept = kept.ok_or("a change of a ticker that was not told whole")?;
        kept.merge(change);
        let kept = *kept;
        self.tell_ticker(instrument, &kept);
        Ok(())
    }

    fn tell_ticker(&mut self, instrument: Instrument, kept: &Kept) {
        self.queue.push(Event::Ticker(kept.ticker(instrument)));
        if let Some(mark) = kept.mark(instrument) {
            self.queue.push(Event::Mark(mark));
        }
    }

    fn on_perpetual(&mut self, channel: &str, told: wire::Perpetual) -> Result<(), Odd> {
        let instrument = self.named(None, channel)?;
        let Some(rate) = told.interest else {
            self.tell_other(channel);
            return Ok(());
        };
        let funding = Funding { instrument, rate, index: told.index_price, venue_time_ns: told.time_ns };
        self.queue.push(Event::Funding(funding));
        Ok(())
    }

    fn on_candle(&mut self, channel: &str, candle: wire::Candle) -> Result<(), Odd> {
        let instrument = self.named(None, channel)?;
        let seconds = candle_seconds(channel).ok_or("candles of an unknown length")?;
        self.queue.push(Event::Candle(Candle {
            instrument,
            of: CandleOf::Trades,
            interval: Interval::Seconds(seconds),
            open_time_ns: candle.open_time_ns,
            close_time_ns: None,
            open: candle.open,
            high: candle.high,
            low: candle.low,
            close: candle.close,
            volume: candle.volume,
            turnover: candle.cost,
            trades: None,
            closed: None,
            venue_time_ns: None,
        }));
        Ok(())
    }

    fn on_option_mark(&mut self, channel: &str, mark: &wire::OptionMark<'_>) -> Result<(), Odd> {
        let Some(venue_time_ns) = mark.time_ns else {
            self.tell_other(channel);
            return Ok(());
        };
        let instrument = self.find(mark.instrument)?;
        self.queue.push(Event::Mark(Mark {
            instrument,
            price: mark.price,
            index: None,
            funding_rate: None,
            next_funding_ns: None,
            implied_volatility: mark.volatility,
            venue_time_ns,
        }));
        Ok(())
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

    fn tell_index(&mut self, name: &str, price: Decimal, venue_time_ns: u64) -> Result<(), Odd> {
        let instrument = self.find(name)?;
        self.queue.push(Event::Index(Index { instrument, price, venue_time_ns }));
        Ok(())
    }

    fn tell_state(&mut self, name: &str, state: &str, venue_time_ns: Option<u64>) -> Result<(), Odd> {
        let instrument = self.find(name)?;
        let open = matches!(state, "open" | "started");
        let event = InstrumentState { instrument, state: "", open, venue_time_ns };
        self.queue.push_with_words(Event::State(event), state);
        Ok(())
    }

    pub(super) fn tell_status(&mut self, kind: StatusKind, text: &str, venue_time_ns: Option<u64>) {
        self.queue.push_with_words(Event::Status(Status { kind, text: "", venue_time_ns }), text);
    }

    pub(super) fn tell_other(&mut self, kind: &str) {
        self.queue.push_with_words(Event::Other { kind: "" }, kind);
    }

    /// The instrument that a message names, or else its channel.
    fn named(&mut self, name: Option<&str>, channel: &str) -> Result<Instrument, Odd> {
        let name = name.or_else(|| channel::subject(channel)).ok_or("data that name no instrument")?;
        self.find(name)
    }

    fn find(&mut self, name: &str) -> Result<Instrument, Odd> {
        self.symbols.intern(name).ok_or("more instruments than can be")
    }
}

/// The place of an instrument in a list, which grows as far as needed: it is bounded as names are.
fn slot<T>(list: &mut Vec<Option<T>>, instrument: Instrument) -> &mut Option<T> {
    let at = at(instrument);
    if list.len() <= at {
        list.resize_with(at + 1, || None);
    }
    #[expect(clippy::indexing_slicing, reason = "it was made long enough just now")]
    &mut list[at]
}
