//! The files of a recording, read line by line.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;

pub(super) fn with_suffix(prefix: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(prefix);
    name.push(suffix);
    name.into()
}

pub(super) fn read_lines<T>(path: &Path, parse: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, Error> {
    let text = fs::read_to_string(path).map_err(|source| Error::File { path: path.into(), source })?;
    let parsed = text.lines().enumerate().map(|(index, line)| {
        parse(line).map_err(|what| Error::Line { path: path.into(), line: index + 1, what })
    });
    parsed.collect()
}

pub(super) fn same_length(path: &Path, found: usize, expected: usize) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    let what = format!("{found} lines, but the file they belong to has {expected}");
    Err(Error::Line { path: path.into(), line: found.min(expected) + 1, what })
}
