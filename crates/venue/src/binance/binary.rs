//! What SBE messages mean: the same as their JSON twins.

use super::{
    market::{Market, Odd, Of, Origin},
    sbe::Message,
    stream::Kind,
    wire::DepthUpdate,
};
use crate::{
    event::{Event, Quote, Trade},
    level::{Level, Side},
    order::Mark,
};

/// Both sides of a binary message, in memory that is kept.
#[derive(Debug, Default)]
pub(super) struct Sides {
    bids: Vec<Level>,
    asks: Vec<Level>,
}

impl Sides {
    pub(super) fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
    }

    pub(super) fn get(&self) -> (&[Level], &[Level]) {
        (&self.bids, &self.asks)
    }

    fn fill(&mut self, bids: impl Iterator<Item = Level>, asks: impl Iterator<Item = Level>) {
        self.clear();
        self.bids.extend(bids);
        self.asks.extend(asks);
    }
}

impl Market {
    pub(super) fn on_sbe(
        &mut self,
        origin: &mut Origin<'_>,
        message: Message<'_>,
        sides: &mut Sides,
    ) -> Result<(), Odd> {
        match message {
            Message::Trades(trades) => {
                let of = Of::Kind(Some(Kind::Trade));
                let (stream, instrument) = self.place(origin, of, trades.symbol)?;
                for trade in trades.trades {
                    if self.admit(origin, stream, instrument, Mark::counted(trade.id)) {
                        self.queue.push(Event::Trade(Trade {
                            instrument,
                            id: trade.id,
                            price: trade.price,
                            quantity: trade.quantity,
                            taker: if trade.buyer_is_maker { Side::Ask } else { Side::Bid },
                            fills: None,
                            venue_time_ns: trades.trade_time_ns,
                            event_time_ns: trades.event_time_ns,
                        }));
                    }
                }
            }
            Message::BestBidAsk(best) => {
                let of = Of::Kind(Some(Kind::BookTicker));
                let (stream, instrument) = self.place(origin, of, best.symbol)?;
                let (update_id, venue_time_ns) = (Some(best.update_id), Some(best.event_time_ns));
                // A side without levels is quoted as quantity zero.
                let side = |level: Option<Level>| level.filter(|level| !level.quantity.is_zero());
                let (bid, ask) = (side(best.bid), side(best.ask));
                self.on_quote(origin, stream, Quote { instrument, update_id, bid, ask, venue_time_ns });
            }
            Message::DepthSnapshot(picture) => {
                let of = Of::Kind(Some(Kind::Partial));
                let (stream, instrument) = self.place(origin, of, picture.symbol)?;
                sides.fill(picture.bids, picture.asks);
                self.on_picture(origin, stream, instrument, picture.update_id, Some(picture.event_time_ns));
            }
            Message::DepthDiff(diff) => {
                let of = Of::Kind(Some(Kind::Diff));
                let (stream, instrument) = self.place(origin, of, diff.symbol)?;
                sides.fill(diff.bids, diff.asks);
                let (bids, asks) = sides.get();
                let update = DepthUpdate {
                    event_time_ns: diff.event_time_ns,
                    transaction_time_ns: None,
                    symbol: diff.symbol,
                    pair: None,
                    first_id: diff.first_id,
                    last_id: diff.last_id,
                    previous_id: None,
                    bids,
                    asks,
                };
                self.on_diff(origin, stream, instrument, update, diff.event_time_ns);
            }
            Message::Other { template_id } => {
                self.on_other(origin, &format!("template {template_id}"))?;
            }
        }
        Ok(())
    }
}
