//! Recorded snapshots: which symbol's, when they came, and to whom they are an answer.

use super::times::nanos;
use super::unreadable;
use crate::exit::{DATA, Failure};
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

/// Snapshots of each symbol in the order in which they came, and who waits for one.
#[derive(Debug, Default)]
pub(super) struct Snapshots {
    of: BTreeMap<String, VecDeque<Snapshot>>,
    /// The requests that are not answered, by symbol.
    asked: BTreeMap<String, u64>,
}

#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) received_ns: u64,
    pub(super) body: String,
}

impl Snapshots {
    /// Reads `NAME.rest_depth.jsonl` and `NAME.rest_depth.index.jsonl` beside it.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let read = |path: &Path| fs::read_to_string(path).map_err(|error| unreadable(path, &error));
        let index_path = index_of(path);
        let (bodies, index) = (read(path)?, read(&index_path)?);
        let lines = (bodies.lines().count(), index.lines().count());
        if lines.0 != lines.1 {
            let what = format!("{} lines for {} snapshots", lines.1, lines.0);
            return Err(Failure::new(DATA, format!("{}: {what}", index_path.display())));
        }
        let mut of: BTreeMap<String, VecDeque<Snapshot>> = BTreeMap::new();
        for (number, (body, entry)) in (1..).zip(bodies.lines().zip(index.lines())) {
            let (symbol, received_ns) = entry_of(entry).ok_or_else(|| {
                let what = format!("line {number}: not {{\"recv\":seconds,\"url\":\"...symbol=X...\"}}");
                Failure::new(DATA, format!("{}, {what}", index_path.display()))
            })?;
            of.entry(symbol).or_default().push_back(Snapshot { received_ns, body: body.to_owned() });
        }
        for snapshots in of.values_mut() {
            snapshots.make_contiguous().sort_by_key(|snapshot| snapshot.received_ns);
        }
        Ok(Self { of, asked: BTreeMap::new() })
    }

    /// Whether there is one of this symbol.
    pub(super) fn has(&self, symbol: &str) -> bool {
        self.of.contains_key(symbol)
    }

    /// The session asks for the document at `url`; a later request of the same symbol takes the place of an earlier.
    pub(super) fn ask(&mut self, id: u64, url: &str) {
        if let Some(symbol) = symbol_of(url) {
            self.asked.insert(symbol, id);
        }
    }

    /// When the next answer comes: that of the requests whose snapshot comes first.
    pub(super) fn next_ns(&self) -> Option<u64> {
        self.heads().map(|(received_ns, _)| received_ns).min()
    }

    /// The next answer: the id of its request, and the snapshot.
    pub(super) fn take(&mut self) -> Option<(u64, Snapshot)> {
        let (_, symbol) = self.heads().min()?;
        let symbol = symbol.to_owned();
        let snapshot = self.of.get_mut(&symbol)?.pop_front()?;
        Some((self.asked.remove(&symbol)?, snapshot))
    }

    fn heads(&self) -> impl Iterator<Item = (u64, &str)> {
        self.asked.keys().filter_map(|symbol| {
            let head = self.of.get(symbol)?.front()?;
            Some((head.received_ns, symbol.as_str()))
        })
    }
}

/// `NAME.rest_depth.index.jsonl` of `NAME.rest_depth.jsonl`.
fn index_of(path: &Path) -> PathBuf {
    path.with_extension("index.jsonl")
}

fn entry_of(entry: &str) -> Option<(String, u64)> {
    let entry: Value = serde_json::from_str(entry).ok()?;
    // The shortest text of the number, which is the one that the recorder wrote.
    Some((symbol_of(entry["url"].as_str()?)?, nanos(&entry["recv"].as_number()?.to_string())?))
}

fn symbol_of(url: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let symbol = query.split('&').find_map(|pair| pair.strip_prefix("symbol="))?;
    Some(symbol.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_in_the_order_of_their_receipt_and_only_to_who_asks() {
        let snapshot = |received_ns| Snapshot { received_ns, body: String::new() };
        let of = BTreeMap::from([
            ("A".to_owned(), VecDeque::from([snapshot(5), snapshot(9)])),
            ("B".to_owned(), VecDeque::from([snapshot(3)])),
        ]);
        let mut snapshots = Snapshots { of, asked: BTreeMap::new() };
        assert_eq!(snapshots.next_ns(), None);
        snapshots.ask(1, "https://host/depth?symbol=A&limit=1000");
        snapshots.ask(2, "https://host/depth?limit=1000&symbol=b");
        snapshots.ask(3, "https://host/depth?symbol=C");
        assert_eq!(snapshots.next_ns(), Some(3));
        let mut taken = || snapshots.take().map(|(id, snapshot)| (id, snapshot.received_ns));
        assert_eq!([taken(), taken(), taken()], [Some((2, 3)), Some((1, 5)), None]);
        snapshots.ask(4, "https://host/depth?symbol=A");
        assert_eq!(snapshots.next_ns(), Some(9));
    }

    #[test]
    fn the_index_stands_beside_the_snapshots() {
        assert_eq!(index_of(Path::new("a.b/x.rest_depth.jsonl")), Path::new("a.b/x.rest_depth.index.jsonl"));
        let entry =
            r#"{"recv": 1618677480.613819, "url": "https://h/depth?symbol=BCHUSD_210625&limit=1000"}"#;
        assert_eq!(entry_of(entry), Some(("BCHUSD_210625".to_owned(), 1_618_677_480_613_819_000)));
        assert_eq!(entry_of(r#"{"recv": 1, "url": "https://h/depth?limit=5"}"#), None);
    }
}
