//! Recorded combined-stream messages and snapshots, handed out byte for byte.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::Error;

/// One recorded message.
#[derive(Debug)]
pub(crate) struct Line {
    /// Since the first message of the recording.
    pub(crate) at: Duration,
    pub(crate) stream: String,
    /// The whole message, `{"stream":…,"data":…}`.
    pub(crate) text: String,
    data: Range<usize>,
}

impl Line {
    /// What a raw connection gets: the value of `data`, as it stands in the text.
    pub(crate) fn data(&self) -> &str {
        self.text.get(self.data.clone()).unwrap_or_default()
    }
}

/// Messages in the order of their arrival, with the snapshots that were fetched meanwhile.
#[derive(Debug)]
pub struct Recording {
    lines: Vec<Line>,
    snapshots: BTreeMap<String, Vec<String>>,
}

impl Recording {
    /// Reads `PREFIX.ws.jsonl` (combined-stream messages, one a line) and, where they exist,
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
        let mut lines = read_lines(&messages, message)?;
        if times.exists() {
            let seconds = read_lines(&times, seconds)?;
            same_length(&times, seconds.len(), lines.len())?;
            let first = seconds.first().copied().unwrap_or(0.0);
            for (line, second) in lines.iter_mut().zip(seconds) {
                line.at = Duration::try_from_secs_f64(second - first).unwrap_or_default();
            }
        }
        Ok(Self { lines, snapshots: read_snapshots(prefix)? })
    }

    /// The symbols with messages or snapshots, upper case, in alphabetical order.
    #[must_use]
    pub fn symbols(&self) -> Vec<String> {
        let named = self.lines.iter().filter_map(|line| line.stream.split_once('@'));
        let mut symbols: BTreeSet<String> = named.map(|(symbol, _)| symbol.to_uppercase()).collect();
        symbols.remove("");
        symbols.extend(self.snapshots.keys().cloned());
        symbols.into_iter().collect()
    }

    /// Those of the [`symbols`](Self::symbols) whose book diffs were recorded: only they have a book to follow.
    #[must_use]
    pub fn book_symbols(&self) -> Vec<String> {
        let followed = |symbol: &str, stream: &str| matches!(stream.split_once('@'), Some((name, "depth" | "depth@100ms")) if name.eq_ignore_ascii_case(symbol));
        let mut symbols = self.symbols();
        symbols.retain(|symbol| self.lines.iter().any(|line| followed(symbol, &line.stream)));
        symbols
    }

    /// Number of messages.
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
    let texts = read_lines(&bodies, snapshot_text)?;
    let symbols = read_lines(&index, snapshot_symbol)?;
    same_length(&index, symbols.len(), texts.len())?;
    for (symbol, text) in symbols.into_iter().zip(texts) {
        snapshots.entry(symbol).or_default().push(text);
    }
    Ok(snapshots)
}

fn with_suffix(prefix: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(prefix);
    name.push(suffix);
    name.into()
}

fn read_lines<T>(path: &Path, parse: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, Error> {
    let text = fs::read_to_string(path).map_err(|source| Error::File { path: path.into(), source })?;
    let parsed = text.lines().enumerate().map(|(index, line)| {
        parse(line).map_err(|what| Error::Line { path: path.into(), line: index + 1, what })
    });
    parsed.collect()
}

fn same_length(path: &Path, found: usize, expected: usize) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    let what = format!("{found} lines, but the file they belong to has {expected}");
    Err(Error::Line { path: path.into(), line: found.min(expected) + 1, what })
}

fn message(text: &str) -> Result<Line, String> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let member = |name: &str| members.get(name).ok_or_else(|| format!("no member `{name}`"));
    let stream = serde_json::from_str(member("stream")?.get()).map_err(|e| format!("`stream`: {e}"))?;
    let data = member("data")?.get();
    // An equal text earlier in the line would serve as well, so the first occurrence is good enough.
    let start = text.find(data).unwrap_or_default();
    Ok(Line { at: Duration::ZERO, stream, text: text.to_owned(), data: start..start + data.len() })
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.trim().parse().map_err(|e| format!("not a time in seconds: {e}"))?;
    if seconds.is_finite() { Ok(seconds) } else { Err("not a finite time".to_owned()) }
}

fn snapshot_text(text: &str) -> Result<String, String> {
    let value: Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
    if value.get("lastUpdateId").is_some_and(Value::is_u64) {
        Ok(text.to_owned())
    } else {
        Err("a snapshot without `lastUpdateId`".to_owned())
    }
}

fn snapshot_symbol(text: &str) -> Result<String, String> {
    let value: Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let url = value.get("url").and_then(Value::as_str).ok_or("no `url`")?;
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let symbol = query.split('&').find_map(|pair| pair.strip_prefix("symbol="));
    symbol.map(str::to_uppercase).ok_or_else(|| "the url has no `symbol`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_keeps_its_text_and_knows_where_its_data_is() {
        let text = r#"{"stream":"abc@depth","data": {"u": 1.0, "b":[ ]} }"#;
        let line = message(text).expect("a combined message");
        assert_eq!((line.text.as_str(), line.stream.as_str()), (text, "abc@depth"));
        assert_eq!(line.data(), r#"{"u": 1.0, "b":[ ]}"#);
    }

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
