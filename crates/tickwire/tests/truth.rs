//! Books kept by sessions over real sockets, level by level against the local venue's own book at the same update id.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::Duration;
use tickwire::venue::binance::{Binance, Config, Stream};
use tickwire::venue::deribit::{self, Channel, Deribit, Rate};
use tickwire::venue::{BookChange, BookView, Decimal, Event, Level, Session};
use tickwire::{Client, Feed};
use tickwire_sim::{Bursts, Faults, Fragments, Levels, Options, Server, Source, Venue};

/// Books that are compared before a run is enough.
const COMPARED: usize = 60;

fn server(venue: Venue, symbols: &[&str], faults: Faults) -> Server {
    let symbols = symbols.iter().map(|symbol| (*symbol).to_owned()).collect();
    let source = Source::Market { seed: 11, symbols, events_per_second: 80 };
    Server::start(Options { source, faults, tls: false, ..Options::of(venue) }).unwrap()
}

fn spot(server: &Server, symbols: &[&str]) -> Binance {
    binance(server, symbols, Config::spot())
}

fn usd_m(server: &Server, symbols: &[&str]) -> Binance {
    binance(server, symbols, Config::usd_m())
}

fn binance(server: &Server, symbols: &[&str], config: Config) -> Binance {
    let symbols = symbols.iter().map(|symbol| (*symbol).to_owned()).collect();
    let streams = vec![Stream::BookTicker, Stream::Depth { ms: 100 }, Stream::AggTrade];
    let (stream_url, api_url) = (server.stream_url(), server.api_url());
    Binance::new(Config { symbols, streams, stream_url, api_url, ..config }).unwrap()
}

fn deribit(server: &Server, instruments: &[&str]) -> Deribit {
    let instruments = instruments.iter().map(|name| (*name).to_owned()).collect();
    let channels = vec![
        Channel::Book { interval: Rate::Ms100 },
        Channel::Trades { interval: Rate::Ms100 },
        Channel::Quote,
        Channel::IncrementalTicker,
    ];
    let config =
        deribit::Config { url: server.api_url(), instruments, channels, ..deribit::Config::default() };
    Deribit::new(config).unwrap()
}

/// The units in which the venue counts: 0.00000001.
fn units(number: Decimal) -> u64 {
    u64::try_from(number.rescale(8).unwrap().mantissa()).unwrap()
}

fn levels(view: &BookView<'_>) -> Levels {
    let pair = |level: Level| (units(level.price), units(level.quantity));
    Levels { bids: view.book.bids().map(pair).collect(), asks: view.book.asks().map(pair).collect() }
}

/// Follows the books until enough of them were compared and `enough` was told.
fn compare<S: Session>(server: &Server, session: S, mut enough: impl FnMut(BookChange) -> bool) {
    let mut feed = Feed::connect(session, &Client::builder()).unwrap();
    let (mut compared, mut done) = (0, false);
    while compared < COMPARED || !done {
        let arrival = feed.next(Some(Duration::from_secs(20))).unwrap().expect("an event within 20 s");
        let Event::Book(event) = arrival.event else { continue };
        done |= enough(event.change);
        let (BookChange::Updated { update_id }
        | BookChange::Synced { update_id }
        | BookChange::Resynced { update_id }) = event.change
        else {
            continue;
        };
        let view = feed.session().book(event.instrument).unwrap();
        assert_eq!(view.update_id, update_id);
        assert_eq!(view.book.check(), Ok(()));
        let symbol = feed.session().symbol(event.instrument).unwrap();
        let truth = server.book_at(symbol, update_id);
        let Some(truth) = truth else {
            // A snapshot that is too old is from before the venue remembers.
            assert!(
                matches!(event.change, BookChange::Synced { .. }),
                "no {symbol} at {update_id}: {event:?}"
            );
            continue;
        };
        assert_eq!(levels(&view), truth, "{symbol} at {update_id}");
        compared += 1;
    }
}

fn always(_: BookChange) -> bool {
    true
}

fn is_resync(change: BookChange) -> bool {
    matches!(change, BookChange::Resynced { .. })
}

const SPOT: [&str; 2] = ["BTCUSDT", "ETHUSDT"];
const DERIBIT: [&str; 2] = ["BTC-PERPETUAL", "ETH-PERPETUAL"];

#[test]
fn every_venue_on_a_good_day() {
    let server_of = |venue, symbols| server(venue, symbols, Faults::default());
    let venue = server_of(Venue::BinanceSpot, &SPOT);
    compare(&venue, spot(&venue, &SPOT), always);
    let venue = server_of(Venue::BinanceUsdM, &SPOT);
    compare(&venue, usd_m(&venue, &SPOT), always);
    let venue = server_of(Venue::Deribit, &DERIBIT);
    compare(&venue, deribit(&venue, &DERIBIT), always);
}

#[test]
fn every_venue_with_lost_diffs() {
    let faults = || Faults { drop_diff_every: Some(13), ..Faults::default() };
    let venue = server(Venue::BinanceSpot, &SPOT, faults());
    compare(&venue, spot(&venue, &SPOT), is_resync);
    let venue = server(Venue::BinanceUsdM, &SPOT, faults());
    compare(&venue, usd_m(&venue, &SPOT), is_resync);
    let venue = server(Venue::Deribit, &DERIBIT, faults());
    compare(&venue, deribit(&venue, &DERIBIT), is_resync);
}

#[test]
fn every_venue_with_duplicates_fragments_and_bursts() {
    let faults = || Faults {
        duplicate_every: Some(5),
        fragments: Some(Fragments { pieces: 3, pings: true }),
        bursts: Some(Bursts { every: 7, levels: 1000 }),
        ..Faults::default()
    };
    let ignored = |change| matches!(change, BookChange::Ignored { .. });
    let venue = server(Venue::BinanceSpot, &SPOT, faults());
    compare(&venue, spot(&venue, &SPOT), ignored);
    let venue = server(Venue::BinanceUsdM, &SPOT, faults());
    compare(&venue, usd_m(&venue, &SPOT), ignored);
    let venue = server(Venue::Deribit, &DERIBIT, faults());
    compare(&venue, deribit(&venue, &DERIBIT), ignored);
}

#[test]
fn binance_with_snapshots_that_are_too_old() {
    let faults = || Faults { stale_snapshots: 2, ..Faults::default() };
    // One that comes before any diff is taken, and the next diff shows the gap.
    let stale = |change| matches!(change, BookChange::StaleSnapshot { .. } | BookChange::Gap { .. });
    let venue = server(Venue::BinanceSpot, &SPOT, faults());
    compare(&venue, spot(&venue, &SPOT), stale);
    let venue = server(Venue::BinanceUsdM, &SPOT, faults());
    compare(&venue, usd_m(&venue, &SPOT), stale);
}
