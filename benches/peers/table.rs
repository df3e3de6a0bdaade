//! Results: as a table for people, as JSON lines for programs.

use crate::arm::Checks;
use serde_json::{Map, Value, json};
use std::fmt::{self, Display, Formatter};

/// One arm's values, one a column.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) arm: String,
    pub(crate) checks: Checks,
    pub(crate) values: Vec<Option<f64>>,
}

/// What was measured with one workload. The first column is the one that counts.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) mode: &'static str,
    pub(crate) workload: String,
    pub(crate) columns: &'static [&'static str],
    pub(crate) rows: Vec<Row>,
}

impl Table {
    /// A line a row.
    pub(crate) fn json(&self) -> impl Iterator<Item = String> + '_ {
        self.rows.iter().map(|row| {
            let mut line = Map::new();
            line.insert("mode".into(), json!(self.mode));
            line.insert("workload".into(), json!(self.workload));
            line.insert("arm".into(), json!(row.arm));
            line.insert("checks".into(), json!(format!("{:?}", row.checks)));
            for (column, value) in self.columns.iter().zip(&row.values) {
                line.insert((*column).into(), json!(value));
            }
            Value::Object(line).to_string()
        })
    }
}

/// Three figures that count: more would be noise.
fn figure(value: Option<f64>) -> String {
    match value {
        None => "-".into(),
        Some(0.0) => "0".into(),
        Some(value) if value >= 100.0 => format!("{value:.0}"),
        Some(value) if value >= 10.0 => format!("{value:.1}"),
        Some(value) if value.abs() < 0.01 => format!("{value:.5}"),
        Some(value) => format!("{value:.2}"),
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let title = format!("{}: {}", self.mode, self.workload);
        let names: Vec<String> =
            self.rows.iter().map(|row| format!("  {}{}", row.arm, row.checks.mark())).collect();
        let first = names.iter().map(String::len).chain([title.len()]).max().unwrap_or(0);
        write!(f, "{title:<first$}")?;
        for column in self.columns {
            write!(f, "  {column:>10}")?;
        }
        writeln!(f)?;
        for (name, row) in names.iter().zip(&self.rows) {
            write!(f, "{name:<first$}")?;
            for (column, value) in self.columns.iter().zip(&row.values) {
                let width = column.len().max(10);
                write!(f, "  {:>width$}", figure(*value))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
