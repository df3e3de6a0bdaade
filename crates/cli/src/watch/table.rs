//! The table: a row for each instrument, as many columns as the terminal is wide.

use super::board::{Row, Tally};
use crate::lines::state;
use tickwire::venue::Decimal;

/// Height and width to assume where they cannot be found out.
const USUAL: (usize, usize) = (24, 80);

/// A column: its title, its width, and what stands in it.
type Column = (&'static str, usize, fn(&Row) -> String);

const COLUMNS: [Column; 10] = [
    ("symbol", 12, |row| row.symbol.clone()),
    ("book", 7, |row| state(row.state).to_owned()),
    ("bid", 13, |row| number(row.bid.map(|level| level.price), price_scale(row))),
    ("ask", 13, |row| number(row.ask.map(|level| level.price), price_scale(row))),
    ("last", 13, |row| number(row.last.map(|(price, _)| price), price_scale(row))),
    ("upd/s", 7, |row| format!("{:.1}", row.rates[0])),
    ("bid size", 13, |row| number(row.bid.map(|level| level.quantity), size_scale(row))),
    ("ask size", 13, |row| number(row.ask.map(|level| level.quantity), size_scale(row))),
    ("quote/s", 7, |row| format!("{:.1}", row.rates[1])),
    ("trade/s", 7, |row| format!("{:.1}", row.rates[2])),
];

/// Height and width of the terminal.
pub(crate) fn terminal() -> (usize, usize) {
    terminal_size::terminal_size()
        .map_or(USUAL, |(width, height)| (usize::from(height.0), usize::from(width.0)))
}

/// Parts beside one another as far as they fit, on as many lines as it takes.
pub(crate) fn packed(parts: &[String], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 3 + part.chars().count() <= width => {
                line.push_str("   ");
                line.push_str(part);
            }
            _ => lines.push(part.clone()),
        }
    }
    lines
}

pub(crate) fn header(width: usize) -> String {
    line(width, |(title, ..)| (*title).to_owned())
}

pub(crate) fn cells(row: &Row, width: usize) -> String {
    line(width, |(.., cell)| cell(row))
}

/// The columns that fit, whole ones only: half a number would be a wrong one.
fn line(width: usize, cell: impl Fn(&Column) -> String) -> String {
    let mut line = String::new();
    for column in &COLUMNS {
        let text = cell(column);
        let text = if line.is_empty() {
            format!("{text:<width$}", width = column.1)
        } else {
            format!(" {text:>width$}", width = column.1)
        };
        if !line.is_empty() && line.chars().count() + text.chars().count() > width {
            break;
        }
        line.push_str(&text);
    }
    line
}

/// The line below the rows.
pub(crate) fn tally(total: &Tally) -> String {
    let Tally { updates, quotes, trades, gaps, resyncs, checks, agreed, .. } = total;
    let told = format!(
        "{updates} updates  {quotes} quotes  {trades} trades  {gaps} gaps of books  {resyncs} resyncs"
    );
    // Not every venue has what books can be compared with.
    if *checks > 0 { format!("{told}  {agreed} of {checks} comparisons agree") } else { told }
}

fn number(number: Option<Decimal>, scale: u8) -> String {
    number.map_or_else(|| "-".to_owned(), |number| number.rescale(scale).unwrap_or(number).to_string())
}

/// The digits behind the point that the prices of a row need to stand under one another.
fn price_scale(row: &Row) -> u8 {
    let levels = [row.bid, row.ask].into_iter().flatten().map(|level| level.price);
    levels.chain(row.last.map(|(price, _)| price)).map(needed_scale).max().unwrap_or(0)
}

fn size_scale(row: &Row) -> u8 {
    [row.bid, row.ask].into_iter().flatten().map(|level| needed_scale(level.quantity)).max().unwrap_or(0)
}

/// The smallest scale that keeps the number exact.
fn needed_scale(number: Decimal) -> u8 {
    (0..=number.scale()).find(|scale| number.rescale(*scale).is_some()).unwrap_or_else(|| number.scale())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stand_beside_one_another_as_far_as_they_fit() {
        let parts = ["stream/0 ready", "stream/1 ready", "api ready"].map(str::to_owned);
        assert_eq!(packed(&parts, 80), ["stream/0 ready   stream/1 ready   api ready"]);
        assert_eq!(packed(&parts, 31), ["stream/0 ready   stream/1 ready", "api ready"]);
        assert_eq!(packed(&parts, 5), parts);
        assert!(packed(&[], 80).is_empty());
    }
}
