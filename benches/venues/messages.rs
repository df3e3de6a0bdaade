//! The messages that are decoded: recorded ones where there are some, else made up in the same shape.

use std::fs;
use std::path::Path;

use crate::typed::Kind;

/// Texts of each kind.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    book_tickers: Vec<Vec<u8>>,
    agg_trades: Vec<Vec<u8>>,
    depths: Vec<Vec<u8>>,
    changes: Vec<Vec<u8>>,
}

impl Messages {
    /// Those of a folder of recordings with a folder for each venue; kinds that it lacks are made up.
    pub(crate) fn of_folder(folder: &Path) -> Self {
        let mut messages = Self::default();
        for line in lines(&folder.join("binance"), ".ws.jsonl") {
            if line.contains("@bookTicker\"") {
                messages.book_tickers.push(line.into_bytes());
            } else if line.contains("@aggTrade\"") {
                messages.agg_trades.push(line.into_bytes());
            } else if line.contains("@depth@100ms\"") && (900..1500).contains(&line.len()) {
                messages.depths.push(line.into_bytes());
            }
        }
        for line in lines(&folder.join("deribit"), ".jsonl") {
            if line.starts_with("{\"jsonrpc\"") && line.contains("\"prev_change_id\"") {
                messages.changes.push(line.into_bytes());
            }
        }
        messages.or_made_up()
    }

    pub(crate) fn of(&self, kind: Kind) -> &[Vec<u8>] {
        match kind {
            Kind::BookTicker => &self.book_tickers,
            Kind::AggTrade => &self.agg_trades,
            Kind::Depth => &self.depths,
            Kind::Change => &self.changes,
        }
    }

    fn or_made_up(mut self) -> Self {
        let fill = |texts: &mut Vec<Vec<u8>>, make: fn(u64) -> String| {
            if texts.is_empty() {
                texts.extend((0..100).map(|at| make(at).into_bytes()));
            }
        };
        fill(&mut self.book_tickers, book_ticker);
        fill(&mut self.agg_trades, agg_trade);
        fill(&mut self.depths, depth);
        fill(&mut self.changes, change);
        self
    }
}

/// The lines of the files in a folder whose names end with `ending`; none if it is not there.
fn lines(folder: &Path, ending: &str) -> Vec<String> {
    let Ok(files) = fs::read_dir(folder) else { return Vec::new() };
    let paths = files.filter_map(|file| Some(file.ok()?.path()));
    let streams = paths.filter(|path| path.to_string_lossy().ends_with(ending));
    let text = |path| fs::read_to_string(path).unwrap_or_default();
    streams.flat_map(|path| text(path).lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

fn book_ticker(at: u64) -> String {
    format!(
        r#"{{"stream":"tickusdt@bookTicker","data":{{"u":{},"s":"TICKUSDT","b":"{}.35190000","B":"31.21000000","a":"{}.36520000","A":"40.66000000"}}}}"#,
        10_000_000_000 + at,
        2500 + at,
        2500 + at
    )
}

fn agg_trade(at: u64) -> String {
    format!(
        r#"{{"stream":"tickusdt@aggTrade","data":{{"e":"aggTrade","E":{time},"s":"TICKUSDT","a":{},"p":"0.{:08}","q":"120.00000000","f":{},"l":{},"T":{time},"m":{},"M":true}}}}"#,
        700_000 + at,
        12_345_678 + at,
        900_000 + at,
        900_001 + at,
        at.is_multiple_of(2),
        time = 1_700_000_000_000 + at,
    )
}

fn depth(at: u64) -> String {
    let side = |base: u64| {
        let row = |step: u64| {
            format!(r#"["{}.{:08}","{}.{:08}"]"#, base + step, step * 1_000, at % 7, step * 700_001)
        };
        (0..16).map(row).collect::<Vec<_>>().join(",")
    };
    format!(
        r#"{{"stream":"tickusdt@depth@100ms","data":{{"e":"depthUpdate","E":{},"s":"TICKUSDT","U":{},"u":{},"b":[{}],"a":[{}]}}}}"#,
        1_700_000_000_000 + at,
        100 * at,
        100 * at + 99,
        side(2400),
        side(2500)
    )
}

fn change(at: u64) -> String {
    let side = |base: u64| {
        let row = |step: u64| match step % 3 {
            0 => format!(r#"["new",{}.5,{}0.0]"#, base + step, 1 + at % 9),
            1 => format!(r#"["change",{}.0,1.0002e6]"#, base + step),
            _ => format!(r#"["delete",{}.5,0.0]"#, base + step),
        };
        (0..12).map(row).collect::<Vec<_>>().join(",")
    };
    format!(
        r#"{{"jsonrpc":"2.0","method":"subscription","params":{{"channel":"book.TICK-PERPETUAL.raw","data":{{"type":"change","timestamp":{},"prev_change_id":{},"instrument_name":"TICK-PERPETUAL","change_id":{},"bids":[{}],"asks":[{}]}}}}}}"#,
        1_700_000_000_000 + at,
        4_000_000_000 + at,
        4_000_000_001 + at,
        side(41_000),
        side(42_000)
    )
}
