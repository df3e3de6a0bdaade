//! Tickers, whole and as changes.

use crate::{
    decimal::Decimal,
    json::{Field, Source, Wrong, maybe_rounded as figure, record, time},
};

/// A field of a change: `None` when it does not change, `Some(None)` when there is no value any more.
pub type Told<T> = Option<Option<T>>;

/// Defines a record of what is, and that of what changes. A field is
/// `"key" name: type | type in a change = reader | reader in a change`.
macro_rules! twice {
    (
        $(#[$meta:meta])* $whole:ident $(<$life:lifetime>)?
        $(#[$change_meta:meta])* | $change:ident $(<$change_life:lifetime>)?
        {
            $(
                $(#[$doc:meta])*
                $key:literal $field:ident : $ty:ty | $change_ty:ty = $how:path | $change_how:path
            ),+ $(,)?
        }
        $( order { $($ordered:ident)+ } )*
    ) => {
        record! {
            $(#[$meta])*
            pub struct $whole $(<$life>)? { $( $(#[$doc])* $key $field: $ty = $how, )+ }
            $( order { $($ordered)+ } )*
        }
        record! {
            $(#[$change_meta])*
            pub struct $change $(<$change_life>)? { $( $(#[$doc])* $key $field: $change_ty = $change_how, )+ }
            $( order { $($ordered)+ } )*
        }
    };
}

twice! {
    /// Statistics, prices and, of options, volatilities and greeks (`ticker.…`).
    Ticker<'a>
    /// What changes of a [`Ticker`] (`incremental_ticker.…`).
    | TickerChange<'a> {
        /// The price of the underlying: options.
        "underlying_price" underlying_price: Option<Decimal> | Told<Decimal> = figure | told_figure,
        /// What the underlying is, such as `SYN.BTC-25DEC26` or `index_price`: options.
        "underlying_index" underlying: Option<&'a str> | Told<&'a str> = plain | told,
        /// When it stood.
        "timestamp" time_ns: u64 | u64 = time | time,
        /// `snapshot` or `change`: only of incremental tickers.
        "type" kind: Option<&'a str> | Option<&'a str> = plain | plain,
        /// The last day.
        "stats" stats: Option<Stats> | Told<StatsChange> = plain | told,
        /// The state of the instrument, such as `open`.
        "state" state: Option<&'a str> | Told<&'a str> = plain | told,
        /// The price of the last settlement.
        "settlement_price" settlement_price: Option<Decimal> | Told<Decimal> = plain | told,
        /// Open interest, in the unit of amounts.
        "open_interest" open_interest: Option<Decimal> | Told<Decimal> = figure | told_figure,
        /// The lowest price that an order may have.
        "min_price" min_price: Option<Decimal> | Told<Decimal> = plain | told,
        /// The highest price that an order may have.
        "max_price" max_price: Option<Decimal> | Told<Decimal> = plain | told,
        /// The mark price.
        "mark_price" mark_price: Option<Decimal> | Told<Decimal> = figure | told_figure,
        /// Its implied volatility in percent: options.
        "mark_iv" mark_volatility: Option<Decimal> | Told<Decimal> = figure | told_figure,
        /// The price of the last trade; null where there was none.
        "last_price" last_price: Option<Decimal> | Told<Decimal> = plain | told,
        /// Interest since the last settlement: perpetuals.
        "interest_value" interest_value: Option<Decimal> | Told<Decimal> = figure | told_figure,
        /// The interest rate of the model: options.
        "interest_rate" interest_rate: Option<Decimal> | Told<Decimal> = figure | told_figure,
        /// The instrument.
        "instrument_name" instrument: Option<&'a str> | Option<&'a str> = plain | plain,
        /// The price of the index.
        "index_price" index_price: Option<Decimal> | Told<Decimal> = figure | told_figure,
        /// The best bid that the legs imply: combos.
        "implied_bid" implied_bid: Option<Decimal> | Told<Decimal> = figure | told_figure,
        /// The best ask that the legs imply: combos.
        "implied_ask" implied_ask: Option<Decimal> | Told<Decimal> = figure | told_figure,
        /// How the price depends on what: options.
        "greeks" greeks: Option<Greeks> | Told<GreeksChange> = plain | told,
        /// The funding of the last eight hours, as a fraction: perpetuals.
        "funding_8h" funding_8h: Option<Decimal> | Told<Decimal> = figure | told_figure,
        /// The estimated price of delivery.
        "estimated_delivery_price" estimated_delivery_price: Option<Decimal> | Told<Decimal> = figure | told_figure,
        /// The price of delivery: futures after it.
        "delivery_price" delivery_price: Option<Decimal> | Told<Decimal> = figure | told_figure,
        /// The current funding rate, as a fraction: perpetuals.
        "current_funding" current_funding: Option<Decimal> | Told<Decimal> = figure | told_figure,
        /// The state of a combo, such as `active`.
        "combo_state" combo_state: Option<&'a str> | Told<&'a str> = plain | told,
        /// The implied volatility of the best bid in percent: options.
        "bid_iv" bid_volatility: Option<Decimal> | Told<Decimal> = figure | told_figure,
        /// The best bid; zero or null when nobody bids.
        "best_bid_price" bid_price: Option<Decimal> | Told<Decimal> = plain | told,
        /// Its quantity.
        "best_bid_amount" bid_amount: Option<Decimal> | Told<Decimal> = plain | told,
        /// The best ask; zero or null when nobody asks.
        "best_ask_price" ask_price: Option<Decimal> | Told<Decimal> = plain | told,
        /// Its quantity.
        "best_ask_amount" ask_amount: Option<Decimal> | Told<Decimal> = plain | told,
        /// The implied volatility of the best ask in percent: options.
        "ask_iv" ask_volatility: Option<Decimal> | Told<Decimal> = figure | told_figure,
    }
    order {
        underlying_price underlying time_ns kind stats state settlement_price open_interest min_price max_price
        mark_price mark_volatility last_price interest_value interest_rate instrument index_price implied_bid
        implied_ask greeks funding_8h estimated_delivery_price delivery_price current_funding combo_state
        bid_volatility bid_price bid_amount ask_price ask_amount ask_volatility
    }
    order {
        estimated_delivery_price bid_amount ask_amount bid_volatility ask_volatility underlying underlying_price
        mark_volatility bid_price ask_price interest_rate open_interest max_price min_price last_price instrument
        mark_price index_price greeks stats state time_ns
    }
}

twice! {
    /// The last day of a [`Ticker`].
    Stats
    /// What changes of [`Stats`].
    | StatsChange {
        /// Traded, in the quote currency.
        "volume_usd" volume_usd: Option<Decimal> | Told<Decimal> = figure | told_figure,
        /// Traded, in the quote currency: linear instruments.
        "volume_notional" volume_notional: Option<Decimal> | Told<Decimal> = figure | told_figure,
        /// Traded, in the base currency.
        "volume" volume: Option<Decimal> | Told<Decimal> = figure | told_figure,
        /// The change of the price in percent.
        "price_change" price_change: Option<Decimal> | Told<Decimal> = figure | told_figure,
        /// The lowest price.
        "low" low: Option<Decimal> | Told<Decimal> = plain | told,
        /// The highest price.
        "high" high: Option<Decimal> | Told<Decimal> = plain | told,
    }
    order { volume_usd volume_notional volume price_change low high }
    order { volume_notional volume_usd volume price_change low high }
}

twice! {
    /// How the price of an option depends on what.
    Greeks
    /// What changes of [`Greeks`].
    | GreeksChange {
        /// On the volatility.
        "vega" vega: Option<Decimal> | Told<Decimal> = figure | told_figure,
        /// On time.
        "theta" theta: Option<Decimal> | Told<Decimal> = figure | told_figure,
        /// On the interest rate.
        "rho" rho: Option<Decimal> | Told<Decimal> = figure | told_figure,
        /// Of delta, on the underlying.
        "gamma" gamma: Option<Decimal> | Told<Decimal> = figure | told_figure,
        /// On the underlying.
        "delta" delta: Option<Decimal> | Told<Decimal> = figure | told_figure,
    }
    order { vega theta rho gamma delta }
    order { rho theta vega gamma delta }
}

#[inline(always)]
fn plain<'a, 's, T: Field<'a>, S: Source<'a, 's>>(source: &mut S) -> Result<Option<T>, Wrong> {
    Field::read(source)
}

#[inline(always)]
fn told<'a, 's, T: Field<'a>, S: Source<'a, 's>>(source: &mut S) -> Result<Told<T>, Wrong> {
    Field::read(source).map(Some)
}

#[inline(always)]
fn told_figure<'a, 's, S: Source<'a, 's>>(source: &mut S) -> Result<Told<Decimal>, Wrong> {
    figure(source).map(Some)
}
