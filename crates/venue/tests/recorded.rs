//! Recorded streams: every book must come up, follow without a gap, and agree with the quotes.

mod common;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use common::{Rig, STREAM};
use serde_json::Value;
use tickwire_venue::binance::{Config, Snapshots, Stream};
use tickwire_venue::{BookChange, BookState, Event, Interval, Session};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// Before the first message of the stream.
    First,
    /// When the recorded answer came.
    AsRecorded,
    /// After the last message.
    Last,
}

struct Recording {
    messages: Vec<(f64, String)>,
    /// (receive time, symbol, answer)
    snapshots: Vec<(f64, String, String)>,
}

#[derive(Debug, Default)]
struct Counts {
    messages: usize,
    synced: usize,
    updated: usize,
    ignored: usize,
    checks: usize,
    disagreements: Vec<String>,
    others: BTreeMap<String, usize>,
    unwanted: Vec<BookChange>,
}

#[test]
fn spot_2021_04_books_agree_with_quotes() {
    replay("spot_20210417", Config::spot());
}

#[test]
fn spot_2021_10_books_agree_with_quotes() {
    replay("spot_20211011", Config::spot());
}

#[test]
fn us_2021_04_books_agree_with_quotes() {
    replay("us_202104", Config::spot());
}

#[test]
fn tr_2023_04_books_agree_with_quotes() {
    // Recorded with candles of one more symbol.
    replay("tr_20230410", Config { markets: vec!["elfbusd@kline_1m".into()], ..Config::spot() });
}

#[test]
fn usd_m_2021_07_books_agree_with_quotes() {
    replay("usdm_20210722", Config { divided: false, ..Config::usd_m() });
}

/// Two snapshots of this recording (of BTCUSD_PERP and BTCUSD_210924) show a quantity of a moment that no diff
/// mentions: one quote and four differ from those books, and the first of each makes its book suspect.
#[test]
fn coin_m_2021_04_books_agree_with_quotes_but_for_two_suspects() {
    let Some(recording) = Recording::read("coinm_202104") else { return };
    let counts = run(&recording, Answer::AsRecorded, &Config::coin_m());
    println!("{counts:?}");
    assert_eq!(counts.synced, recording.snapshots.len());
    assert!(counts.checks >= 322);
    assert_eq!(counts.disagreements.len(), 5, "{:#?}", counts.disagreements);
    let suspects =
        counts.unwanted.iter().filter(|change| matches!(change, BookChange::Suspect { .. })).count();
    assert_eq!((suspects, counts.unwanted.len()), (2, 2), "{:?}", counts.unwanted);
}

fn replay(name: &str, config: Config) {
    let Some(recording) = Recording::read(name) else {
        return;
    };
    for answer in [Answer::First, Answer::AsRecorded, Answer::Last] {
        let counts = run(&recording, answer, &config);
        println!("{name}, snapshots {answer:?}: {counts:?}");
        assert_eq!(counts.synced, recording.snapshots.len());
        assert!(counts.unwanted.is_empty(), "{:?}", counts.unwanted);
        assert!(counts.disagreements.is_empty(), "{:#?}", counts.disagreements);
        assert!(counts.checks > 0);
        assert!(counts.ignored == 0 || answer != Answer::Last, "no diff is old when all were collected");
    }
}

fn run(recording: &Recording, answer: Answer, config: &Config) -> Counts {
    let symbols: Vec<&str> = recording.snapshots.iter().map(|(_, symbol, _)| symbol.as_str()).collect();
    let kline = Stream::Kline(Interval::Seconds(60));
    let mut rig = Rig::confirmed(Config {
        symbols: symbols.iter().map(ToString::to_string).collect(),
        streams: vec![Stream::AggTrade, Stream::BookTicker, Stream::Depth { ms: 100 }, kline],
        ..config.clone()
    });
    let mut ids = BTreeMap::new();
    let mut counts = Counts::default();
    let mut waiting: Vec<_> = recording.snapshots.iter().collect();
    let mut reply = |rig: &mut Rig, counts: &mut Counts, due: &dyn Fn(f64) -> bool| {
        loop {
            while let Some((id, symbol)) = rig.asked() {
                ids.insert(symbol, id);
            }
            while let Some((id, url)) = rig.fetches.pop_front() {
                ids.insert(symbol_of(&url), id);
            }
            let next = waiting.iter().position(|(time, symbol, _)| due(*time) && ids.contains_key(symbol));
            let Some(next) = next else { break };
            let (_, symbol, text) = waiting.remove(next);
            counts.take(&match config.snapshots {
                Snapshots::Rest => rig.fetched(ids[symbol], 200, text),
                Snapshots::Api => {
                    let text = format!(r#"{{"id":{},"status":200,"result":{text}}}"#, ids[symbol]);
                    rig.feed(common::API, &text).unwrap()
                }
            });
        }
    };
    if answer == Answer::First {
        reply(&mut rig, &mut counts, &|_| true);
    }
    for (time, text) in &recording.messages {
        if answer == Answer::AsRecorded {
            reply(&mut rig, &mut counts, &|due| due <= *time);
        }
        counts.messages += 1;
        let told = rig.feed(STREAM, text).unwrap();
        counts.take(&told);
        for event in &told {
            if let Event::Book(event) = event {
                assert_eq!(rig.session.book(event.instrument).unwrap().book.check(), Ok(()), "{event:?}");
            }
        }
    }
    reply(&mut rig, &mut counts, &|_| true);
    for symbol in symbols {
        let view = rig.session.book(rig.session.instrument(symbol).unwrap()).unwrap();
        assert_eq!(view.state, BookState::Live, "{symbol}");
        assert_eq!(view.book.check(), Ok(()), "{symbol}");
    }
    let ways = rig.session.ways();
    assert_eq!(ways.library, 0, "{ways:?}");
    counts
}

/// The symbol that a request for a snapshot names.
fn symbol_of(url: &str) -> String {
    let (_, query) = url.split_once("symbol=").unwrap();
    query.split('&').next().unwrap().to_owned()
}

impl Counts {
    fn take(&mut self, told: &[Event<'_>]) {
        for event in told {
            match event {
                Event::Book(book) => match book.change {
                    BookChange::Synced { .. } => self.synced += 1,
                    BookChange::Updated { .. } => self.updated += 1,
                    BookChange::Ignored { .. } => self.ignored += 1,
                    other => self.unwanted.push(other),
                },
                Event::Check(check) => {
                    self.checks += 1;
                    if !check.agrees {
                        self.disagreements.push(format!("{check:?}"));
                    }
                }
                Event::Other { kind } => *self.others.entry((*kind).to_owned()).or_default() += 1,
                Event::Delta(_) | Event::Quote(_) | Event::Trade(_) | Event::Candle(_) => {}
                other => panic!("not in a recording: {other:?}"),
            }
        }
    }
}

impl Recording {
    fn read(name: &str) -> Option<Self> {
        let prefix = folder().join("binance").join(format!("{name}_cryptofeed"));
        let file = |suffix: &str| PathBuf::from(format!("{}.{suffix}", prefix.display()));
        if !file("ws.jsonl").exists() {
            eprintln!("skipped: no recording {} (TICKWIRE_SAMPLES names its folder)", prefix.display());
            return None;
        }
        let times = lines(&file("ws.recv.txt")).into_iter().map(|line| line.parse().unwrap());
        let snapshots =
            lines(&file("rest_depth.index.jsonl")).into_iter().zip(lines(&file("rest_depth.jsonl")));
        let snapshot = |(index, text): (String, String)| {
            let index: Value = serde_json::from_str(&index).unwrap();
            let symbol = symbol_of(index["url"].as_str().unwrap());
            (index["recv"].as_f64().unwrap(), symbol, text)
        };
        Some(Self {
            messages: times.zip(lines(&file("ws.jsonl"))).collect(),
            snapshots: snapshots.map(snapshot).collect(),
        })
    }
}

fn folder() -> PathBuf {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/samples");
    std::env::var_os("TICKWIRE_SAMPLES").map_or_else(|| beside.into(), PathBuf::from)
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}
