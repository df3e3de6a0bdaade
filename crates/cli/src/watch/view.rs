//! The three ways to show it: a table on a terminal, plain lines, JSON lines.

use super::board::{Board, Connection, Row, Summary, Tally, state_name};
use super::table;
use crate::lines;
use crate::refusal::refusal;
use serde_json::{Value, json};
use std::io::{self, BufWriter, IsTerminal as _, StdoutLock, Write};
use std::time::Duration;
use tickwire::venue::{BookChange, Event, Level, Status, StatusKind};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Table,
    Lines,
    Json,
}

pub(crate) struct View {
    style: Style,
    out: BufWriter<StdoutLock<'static>>,
    /// The table has been drawn and is drawn over.
    drawn: bool,
    /// Lines of news that stand under the table.
    news: Vec<String>,
}

/// Lines of news under the table.
const NEWS_MAX: usize = 6;
/// Lines of the table besides rows and news: connections, an empty one, the header, "and more", an empty one, the tally,
/// and the cursor's.
const OTHER_LINES: usize = 7;

impl View {
    pub(crate) fn new(json: bool) -> Self {
        let stdout = io::stdout();
        let style = match (json, stdout.is_terminal()) {
            (true, _) => Style::Json,
            (false, true) => Style::Table,
            (false, false) => Style::Lines,
        };
        Self { style, out: BufWriter::new(stdout.lock()), drawn: false, news: Vec::new() }
    }

    /// How often [`look`](Self::look) wants to be called.
    pub(crate) fn period(&self) -> Duration {
        match self.style {
            Style::Table => Duration::from_millis(200),
            Style::Lines => Duration::from_secs(1),
            Style::Json => Duration::from_millis(100),
        }
    }

    /// Whether each change of a book is shown by itself, which takes the board to be fresh for it.
    pub(crate) fn shows_updates(&self) -> bool {
        self.style == Style::Json
    }

    pub(crate) fn event(&mut self, board: &Board, event: &Event<'_>) -> io::Result<()> {
        match self.style {
            Style::Json => match json_event(board, event) {
                Some(object) => writeln!(self.out, "{object}"),
                None => Ok(()),
            },
            Style::Lines => match news(board, event) {
                Some(line) => writeln!(self.out, "{line}"),
                None => Ok(()),
            },
            Style::Table => {
                if let Some(line) = news(board, event) {
                    self.news.push(line);
                    let surplus = self.news.len().saturating_sub(NEWS_MAX);
                    self.news.drain(..surplus);
                }
                Ok(())
            }
        }
    }

    pub(crate) fn look(&mut self, board: &Board, connections: &[Connection]) -> io::Result<()> {
        match self.style {
            Style::Json => {}
            Style::Lines => {
                for row in &board.rows {
                    writeln!(self.out, "{}", line(row))?;
                }
            }
            Style::Table => self.draw(board, connections)?,
        }
        self.out.flush()
    }

    fn draw(&mut self, board: &Board, connections: &[Connection]) -> io::Result<()> {
        // Home and overwrite; the screen is cleared once, so that nothing flickers. What is too wide is cut, not wrapped.
        self.out.write_all(if self.drawn { b"\x1b[?7l\x1b[H" } else { b"\x1b[?7l\x1b[2J\x1b[H" })?;
        self.drawn = true;
        let (height, width) = table::terminal();
        let lines = height.saturating_sub(OTHER_LINES);
        let shown = board.rows.len().min(lines.max(1));
        for connection in connections {
            write!(self.out, "{} {}   ", connection.name, connection.state)?;
        }
        write!(self.out, "\x1b[K\r\n\x1b[K\r\n\x1b[1m{}\x1b[0m\x1b[K\r\n", table::header(width))?;
        for row in board.rows.iter().take(shown) {
            write!(self.out, "{}\x1b[K\r\n", table::cells(row, width))?;
        }
        let hidden = board.rows.len() - shown;
        if hidden > 0 {
            write!(self.out, "... and {hidden} more\x1b[K\r\n")?;
        }
        write!(self.out, "\x1b[K\r\n{}\x1b[K\r\n", tally_line(&board.total()))?;
        let old_news = self.news.len().saturating_sub(lines.saturating_sub(shown));
        for line in self.news.iter().skip(old_news) {
            write!(self.out, "{line}\x1b[K\r\n")?;
        }
        self.out.write_all(b"\x1b[J\x1b[?7h")
    }

    pub(crate) fn summary(&mut self, board: &Board, summary: &Summary) -> io::Result<()> {
        if self.style == Style::Json {
            writeln!(self.out, "{}", json_summary(board, summary))?;
            return self.out.flush();
        }
        let total = board.total();
        let synced = board.rows.iter().filter(|row| row.is_synced()).count();
        writeln!(
            self.out,
            "{} messages, {} bytes in {:.1} s",
            summary.messages,
            summary.bytes,
            summary.elapsed.as_secs_f64()
        )?;
        writeln!(
            self.out,
            "{} updates, {} quotes, {} trades, {} other",
            total.updates, total.quotes, total.trades, total.other
        )?;
        writeln!(
            self.out,
            "{synced} of {} books synced, {} gaps, {} resyncs",
            board.rows.len(),
            total.gaps,
            total.resyncs
        )?;
        let Tally { checks, agreed, .. } = total;
        writeln!(
            self.out,
            "top of book compared with bookTicker of the same update id: {agreed} of {checks} agree"
        )?;
        if let Some((equal, compared)) = summary.truth {
            writeln!(
                self.out,
                "whole book compared with the local venue's own: {equal} of {compared} are equal"
            )?;
        }
        self.out.flush()
    }
}

fn tally_line(total: &Tally) -> String {
    format!(
        "{} updates  {} quotes  {} trades  {} gaps  {} resyncs  {} of {} comparisons agree",
        total.updates, total.quotes, total.trades, total.gaps, total.resyncs, total.agreed, total.checks
    )
}

fn line(row: &Row) -> String {
    let level = |level: Option<Level>| {
        level.map_or_else(|| "-".to_owned(), |level| format!("{} x {}", level.price, level.quantity))
    };
    let last = row.last.map_or_else(|| "-".to_owned(), |(price, quantity)| format!("{price} x {quantity}"));
    let [updates, quotes, trades] = row.rates;
    format!(
        "{} {} bid {} ask {} last {last} updates/s {updates:.1} quotes/s {quotes:.1} trades/s {trades:.1}",
        row.symbol,
        state_name(row.state),
        level(row.bid),
        level(row.ask)
    )
}

/// What a person wants to hear of by itself.
fn news(board: &Board, event: &Event<'_>) -> Option<String> {
    match event {
        Event::Book(book) => {
            let symbol = board.row(book.instrument).map_or("?", |row| row.symbol.as_str());
            let what = match book.change {
                BookChange::Synced { update_id } => format!("synced at {update_id}"),
                BookChange::Resynced { update_id } => format!("synced again at {update_id}"),
                BookChange::Gap { expected, got } => {
                    format!("gap: expected {expected}, got {got}; syncing again")
                }
                BookChange::StaleSnapshot { snapshot_id, first_id } => {
                    format!("snapshot {snapshot_id} is older than the first update {first_id}; asking again")
                }
                BookChange::Overflow { levels } => {
                    format!("no snapshot came in time, {levels} levels let go")
                }
                BookChange::Trimmed { levels } => format!("{levels} levels beyond the book's bound let go"),
                BookChange::Crossed { update_id } => format!("crossed at {update_id}; syncing again"),
                BookChange::Suspect { update_id } => {
                    format!("suspect at {update_id}: a quote differs; another snapshot is asked for")
                }
                BookChange::Stale { update_id } => format!("stale at {update_id}: its stream is gone"),
                _ => return None,
            };
            Some(format!("{symbol} {what}"))
        }
        Event::Check(check) if !check.agrees => {
            let symbol = board.row(check.instrument).map_or("?", |row| row.symbol.as_str());
            Some(format!(
                "{symbol} DISAGREES with bookTicker at {}: quote {:?}, book {:?}",
                check.update_id, check.quote, check.book
            ))
        }
        Event::Subscribed { streams, pending } => {
            Some(format!("subscribed to {streams} streams, {pending} pending"))
        }
        Event::Missing { .. } => refusal(event).map(|(_, words)| words),
        // A refusal for good ends the run, and is told by its end.
        event if refusal(event).is_some() => None,
        Event::Rejected(rejection) => {
            let row = rejection.instrument.and_then(|instrument| board.row(instrument));
            let symbol = row.map_or("", |row| row.symbol.as_str());
            let message = rejection.message.escape_debug();
            Some(format!("{symbol} refused for now: {message} ({})", rejection.code))
        }
        Event::Unanswered { request, .. } => Some(format!("no answer to {request:?}; asking again")),
        Event::Status(Status { kind: StatusKind::Shutdown, .. }) => {
            Some("the venue announces that it will close the connection".to_owned())
        }
        Event::Status(status) => Some(told(status)),
        _ => None,
    }
}

/// What the venue says about itself.
fn told(Status { kind, text, .. }: &Status<'_>) -> String {
    let (kind, text) = (lines::status(*kind).replace('_', " "), text.escape_debug());
    match (kind.as_str(), text.to_string()) {
        ("other", text) => format!("the venue: {text}"),
        (kind, text) if text.is_empty() => format!("the venue: {kind}"),
        (kind, text) => format!("the venue: {kind}: {text}"),
    }
}

fn json_event(board: &Board, event: &Event<'_>) -> Option<Value> {
    let symbol = |instrument| board.row(instrument).map(|row| row.symbol.as_str());
    match event {
        Event::Trade(trade) => {
            let mut object = json!({"event": "trade", "symbol": symbol(trade.instrument)});
            if let (Value::Object(object), Value::Object(rest)) = (&mut object, lines::trade(trade)) {
                object.extend(rest);
            }
            Some(object)
        }
        Event::Book(book) => {
            let row = board.row(book.instrument)?;
            if let BookChange::Updated { update_id } = book.change {
                return Some(json!({
                    "event": "book", "symbol": row.symbol, "state": state_name(row.state), "update_id": update_id,
                    "bid": lines::level(row.bid), "ask": lines::level(row.ask),
                }));
            }
            Some(json!({"event": "status", "symbol": row.symbol, "detail": news(board, event)?}))
        }
        _ => Some(json!({"event": "status", "detail": news(board, event)?})),
    }
}

fn json_summary(board: &Board, summary: &Summary) -> Value {
    let Tally { updates, quotes, trades, gaps, resyncs, checks, agreed, other } = board.total();
    let synced = board.rows.iter().filter(|row| row.is_synced()).count();
    json!({
        "event": "summary", "seconds": summary.elapsed.as_secs_f64(), "messages": summary.messages, "bytes": summary.bytes,
        "updates": updates, "quotes": quotes, "trades": trades, "other": other, "books": board.rows.len(), "synced": synced,
        "gaps": gaps, "resyncs": resyncs, "compared": checks, "agreed": agreed,
        "own_compared": summary.truth.map(|(_, compared)| compared), "own_equal": summary.truth.map(|(equal, _)| equal),
    })
}
