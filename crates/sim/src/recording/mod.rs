//! Recorded messages and snapshots, handed out byte for byte.

mod files;
mod line;
mod playback;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use files::{read_lines, same_length, with_suffix};
pub(crate) use line::Line;
pub(crate) use playback::Playback;

use crate::error::Error;

/// Messages in the order of their arrival, with the snapshots that were fetched meanwhile.
#[derive(Debug)]
pub struct Recording {
    lines: Vec<Line>,
    streams: BTreeSet<String>,
    snapshots: BTreeMap<String, Vec<String>>,
}

impl Recording {
    /// Reads `PREFIX.ws.jsonl` (one message a line: those of a combined stream of Binance, or all that Deribit
    /// sent, of which the subscriptions' data are kept) and, where they exist,
    /// `PREFIX.ws.recv.txt` (Unix seconds of each line; without it everything happened at once),
    /// `PREFIX.rest_depth.jsonl` (snapshots, one a line) and `PREFIX.rest_depth.index.jsonl` (an object
    /// with the `url` of each, which names the symbol).
    ///
    /// # Errors
    /// [`Error::File`] when a file cannot be read, [`Error::Line`] when a line is not what it should be or
    /// two files that belong together differ in length.
    pub fn open(prefix: &Path) -> Result<Self, Error> {
        let messages = with_suffix(prefix, ".ws.jsonl");
        let times = with_suffix(prefix, ".ws.recv.txt");
        let mut lines = read_lines(&messages, line::parse)?;
        if times.exists() {
            let seconds = read_lines(&times, line::seconds)?;
            same_length(&times, seconds.len(), lines.len())?;
            let first = seconds.first().copied().unwrap_or(0.0);
            for (line, second) in lines.iter_mut().zip(seconds) {
                if let Some(line) = line {
                    line.at = Duration::try_from_secs_f64(second - first).unwrap_or_default();
                }
            }
        }
        let lines: Vec<_> = lines.into_iter().flatten().collect();
        let streams = lines.iter().map(|line| line.stream.clone()).collect();
        Ok(Self { lines, streams, snapshots: read_snapshots(prefix)? })
    }

    /// The symbols with messages or snapshots as the venue spells them, in alphabetical order.
    #[must_use]
    pub fn symbols(&self) -> Vec<String> {
        let mut symbols: BTreeSet<String> =
            self.streams.iter().filter_map(|name| line::symbol(name)).collect();
        symbols.extend(self.snapshots.keys().cloned());
        symbols.into_iter().collect()
    }

    /// Those of the [`symbols`](Self::symbols) whose book diffs were recorded: only they have a book to follow.
    #[must_use]
    pub fn book_symbols(&self) -> Vec<String> {
        let followed: BTreeSet<_> = self
            .streams
            .iter()
            .filter(|name| line::is_book(name))
            .filter_map(|name| line::symbol(name))
            .collect();
        followed.into_iter().collect()
    }

    /// Number of messages of data.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is no message.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub(crate) fn lines(&self) -> &[Line] {
        &self.lines
    }

    pub(crate) fn has_stream(&self, stream: &str) -> bool {
        self.streams.contains(stream)
    }

    /// The snapshot that answers the `request`th request, counted from 0; the last one answers all later.
    pub(crate) fn snapshot(&self, symbol: &str, request: usize) -> Option<&str> {
        let snapshots = self.snapshots.get(symbol)?;
        snapshots.get(request).or_else(|| snapshots.last()).map(String::as_str)
    }
}

fn read_snapshots(prefix: &Path) -> Result<BTreeMap<String, Vec<String>>, Error> {
    let bodies = with_suffix(prefix, ".rest_depth.jsonl");
    let index = with_suffix(prefix, ".rest_depth.index.jsonl");
    let mut snapshots: BTreeMap<String, Vec<String>> = BTreeMap::new();
    if !bodies.exists() && !index.exists() {
        return Ok(snapshots);
    }
    let texts = read_lines(&bodies, line::snapshot_text)?;
    let symbols = read_lines(&index, line::snapshot_symbol)?;
    same_length(&index, symbols.len(), texts.len())?;
    for (symbol, text) in symbols.into_iter().zip(texts) {
        snapshots.entry(symbol).or_default().push(text);
    }
    Ok(snapshots)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_broken_line_is_named_by_file_and_number() {
        let folder = std::env::temp_dir().join(format!("tickwire-sim-broken-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for the test");
        let prefix = folder.join("r");
        fs::write(with_suffix(&prefix, ".ws.jsonl"), "{\"stream\":\"a@trade\",\"data\":1}\n{}\n")
            .expect("written");
        let told = Recording::open(&prefix).expect_err("line 2 has no stream").to_string();
        fs::remove_dir_all(&folder).expect("removed");
        assert!(told.ends_with("r.ws.jsonl, line 2: no member `stream`"), "{told}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let told =
            Recording::open(Path::new("/nonexistent/r")).expect_err("there is no such file").to_string();
        assert!(told.starts_with("cannot read /nonexistent/r.ws.jsonl: "), "{told}");
    }
}
