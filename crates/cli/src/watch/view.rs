//! The three ways to show it: a table on a terminal, plain lines, JSON lines.

use super::board::{Board, Row};
use super::latency::Latency;
use super::legs::Legs;
use super::news::news;
use super::summary::Summary;
use super::table;
use crate::clock;
use crate::lines::{Format, Origin, Printer, Taken, state};
use std::io::{self, BufWriter, IsTerminal as _, StdoutLock, Write};
use std::time::{Duration, Instant};
use tickwire::venue::{Event, Level, Session};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Table,
    Lines,
    Json,
}

pub(crate) struct View {
    style: Style,
    /// Of JSON lines; the other styles write past it.
    printer: Printer<BufWriter<StdoutLock<'static>>>,
    /// When the connections are told next.
    legs_at: Instant,
    /// The table has been drawn and is drawn over.
    drawn: bool,
    /// Lines of news that stand under the table.
    news: Vec<String>,
}

/// What is to be shown of an event.
pub(crate) enum Shown {
    Json(Taken),
    News(Option<String>),
}

/// Lines of news under the table.
const NEWS_MAX: usize = 6;
/// Lines of the table besides connections, rows and news: an empty one, the header, "and more", an empty one, the tally, and
/// the cursor's.
const OTHER_LINES: usize = 6;

impl View {
    pub(crate) fn new(json: bool) -> Self {
        let stdout = io::stdout();
        let style = match (json, stdout.is_terminal()) {
            (true, _) => Style::Json,
            (false, true) => Style::Table,
            (false, false) => Style::Lines,
        };
        let printer = Printer::new(Format::BooksAndTrades, BufWriter::new(stdout.lock()));
        Self { style, printer, legs_at: clock::now(), drawn: false, news: Vec::new() }
    }

    /// How often [`look`](Self::look) wants to be called.
    pub(crate) fn period(&self) -> Duration {
        match self.style {
            Style::Table => Duration::from_millis(200),
            Style::Lines => Duration::from_secs(1),
            Style::Json => Duration::from_millis(100),
        }
    }

    /// Keeps what is to be shown of an event, which borrows the session that a line needs.
    pub(crate) fn take(
        &mut self,
        board: &Board,
        legs: &Legs,
        event: &Event<'_>,
        received_ns: Option<u64>,
    ) -> Shown {
        match self.style {
            Style::Json => Shown::Json(self.printer.take(event, Origin { received_ns, line: None })),
            Style::Table | Style::Lines => Shown::News(news(board, &legs.labels, event)),
        }
    }

    pub(crate) fn show(&mut self, shown: Shown, session: &impl Session) -> io::Result<()> {
        match shown {
            Shown::Json(taken) => self.printer.print(taken, session)?,
            Shown::News(None) => {}
            Shown::News(Some(line)) if self.style == Style::Lines => {
                writeln!(self.printer.out, "{line}")?;
                // Who reads along sees when it happened.
                self.printer.flush()?;
            }
            Shown::News(Some(line)) => {
                self.news.push(line);
                let surplus = self.news.len().saturating_sub(NEWS_MAX);
                self.news.drain(..surplus);
            }
        }
        Ok(())
    }

    pub(crate) fn look(
        &mut self,
        board: &Board,
        legs: &Legs,
        latency: Option<&Latency>,
        now: Instant,
    ) -> io::Result<()> {
        let tells_legs = now >= self.legs_at;
        match self.style {
            Style::Json if tells_legs => {
                self.legs_at = now + Duration::from_secs(1);
                writeln!(self.printer.out, "{}", legs.json(clock::both().unix_ns))?;
            }
            Style::Json => {}
            Style::Lines => {
                if tells_legs && (legs.has_several() || latency.is_some()) {
                    self.legs_at = now + Duration::from_secs(5);
                    if legs.has_several() {
                        writeln!(self.printer.out, "{}", legs.told().join("   "))?;
                    }
                    if let Some(latency) = latency {
                        writeln!(self.printer.out, "{}", latency.told())?;
                    }
                }
                for row in &board.rows {
                    writeln!(self.printer.out, "{}", line(row))?;
                }
            }
            Style::Table => self.draw(board, legs, latency)?,
        }
        self.printer.flush()
    }

    fn draw(&mut self, board: &Board, legs: &Legs, latency: Option<&Latency>) -> io::Result<()> {
        let out = &mut self.printer.out;
        // Home and overwrite; the screen is cleared once, so that nothing flickers. What is too wide is cut, not wrapped.
        out.write_all(if self.drawn { b"\x1b[?7l\x1b[H" } else { b"\x1b[?7l\x1b[2J\x1b[H" })?;
        self.drawn = true;
        let (height, width) = table::terminal();
        let mut connections = table::packed(&legs.told(), width);
        connections.extend(latency.map(Latency::told));
        let lines = height.saturating_sub(OTHER_LINES + connections.len());
        let shown = board.rows.len().min(lines.max(1));
        for line in &connections {
            write!(out, "{line}\x1b[K\r\n")?;
        }
        write!(out, "\x1b[K\r\n\x1b[1m{}\x1b[0m\x1b[K\r\n", table::header(width))?;
        for row in board.rows.iter().take(shown) {
            write!(out, "{}\x1b[K\r\n", table::cells(row, width))?;
        }
        let hidden = board.rows.len() - shown;
        if hidden > 0 {
            write!(out, "... and {hidden} more\x1b[K\r\n")?;
        }
        write!(out, "\x1b[K\r\n{}\x1b[K\r\n", table::tally(&board.total()))?;
        let old_news = self.news.len().saturating_sub(lines.saturating_sub(shown));
        for line in self.news.iter().skip(old_news) {
            write!(out, "{line}\x1b[K\r\n")?;
        }
        out.write_all(b"\x1b[J\x1b[?7h")
    }

    pub(crate) fn summary(
        &mut self,
        board: &Board,
        legs: &Legs,
        latency: Option<&Latency>,
        summary: &Summary<'_>,
    ) -> io::Result<()> {
        let out = &mut self.printer.out;
        match (self.style, latency) {
            (_, None) => {}
            (Style::Json, Some(latency)) => writeln!(out, "{}", latency.json())?,
            (Style::Table | Style::Lines, Some(latency)) => latency.write(out)?,
        }
        match self.style {
            Style::Json => writeln!(out, "{}", summary.json(board, legs))?,
            Style::Table | Style::Lines => summary.write(out, board, legs)?,
        }
        self.printer.flush()
    }
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
        state(row.state),
        level(row.bid),
        level(row.ask)
    )
}
