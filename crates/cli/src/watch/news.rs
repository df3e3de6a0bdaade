//! What a person wants to hear of by itself, a line each.

use super::board::Board;
use crate::clock::words;
use crate::lines;
use crate::links::Labels;
use crate::refusal::refusal;
use std::time::Duration;
use tickwire::venue::{BookChange, BookEvent, Event, Gap, Instrument, Status, StatusKind};

/// The line of an event, if it is news.
pub(crate) fn news(board: &Board, labels: &Labels, event: &Event<'_>) -> Option<String> {
    let symbol = |instrument| symbol(board, instrument);
    match event {
        Event::Book(book) => of_book(board, book),
        Event::Link(link) => labels.news(link),
        Event::Check(check) if !check.agrees => Some(format!(
            "{} DISAGREES with bookTicker at {}: quote {:?}, book {:?}",
            symbol(check.instrument),
            check.update_id,
            check.quote,
            check.book
        )),
        Event::Gap(Gap { stream, instrument, after, through }) => {
            let of = instrument.map_or_else(String::new, |instrument| format!(" of {}", symbol(instrument)));
            Some(format!("{}{of} may lack {}", stream.escape_debug(), hole(*after, *through)))
        }
        Event::Silent { stream, since } => {
            let (stream, seconds) = (stream.escape_debug(), since.as_secs());
            Some(format!("{stream} has brought nothing for {seconds} s; subscribing anew"))
        }
        Event::Subscribed { pending: 0, .. } => Some("every stream is confirmed".to_owned()),
        Event::Unsubscribed { stream } => Some(format!("{} is followed no more", stream.escape_debug())),
        Event::Missing { .. } => refusal(event).map(|(_, words)| words),
        // A refusal for good ends the run, and is told by its end.
        event if refusal(event).is_some() => None,
        Event::Rejected(rejection) => {
            let symbol = rejection.instrument.map_or_else(String::new, |of| format!("{} ", symbol(of)));
            let message = rejection.message.escape_debug();
            Some(format!("{symbol}refused for now: {message} ({})", rejection.code))
        }
        Event::Unanswered { request, .. } => Some(format!("no answer to {request:?}; asking again")),
        Event::Unreadable(error) => Some(format!("left out: {error}")),
        Event::Status(status) => Some(of_status(status)),
        _ => None,
    }
}

/// What lies between two places of a stream, by its ids or by its times where it has no ids.
fn hole(after: u64, through: u64) -> String {
    /// In nanoseconds since 1970: what is beyond this is a time of the last years, for no venue has counted so far.
    const TIME_MIN: u64 = 1_000_000_000_000_000_000;
    match through.checked_sub(after) {
        Some(span) if after >= TIME_MIN => words(Duration::from_nanos(span)),
        Some(count) => format!("{count} of its ids, beyond {after}"),
        None => format!("what came before it began anew, beyond {after}"),
    }
}

fn symbol(board: &Board, instrument: Instrument) -> &str {
    board.row(instrument).map_or("?", |row| row.symbol.as_str())
}

fn of_book(board: &Board, book: &BookEvent) -> Option<String> {
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
    Some(format!("{} {what}", symbol(board, book.instrument)))
}

/// What the venue says about itself.
fn of_status(Status { kind, text, .. }: &Status<'_>) -> String {
    if *kind == StatusKind::Shutdown {
        return "the venue announces that it will close the connection".to_owned();
    }
    let (kind, text) = (lines::status(*kind).replace('_', " "), text.escape_debug());
    match (kind.as_str(), text.to_string()) {
        ("other", text) => format!("the venue: {text}"),
        (kind, text) if text.is_empty() => format!("the venue: {kind}"),
        (kind, text) => format!("the venue: {kind}: {text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hole_is_told_by_ids_or_by_time() {
        assert_eq!(hole(7, 10), "3 of its ids, beyond 7");
        assert_eq!(hole(1_795_279_383_370_000_000, 1_795_279_383_398_999_999), "29.0 ms");
        assert_eq!(hole(10, 3), "what came before it began anew, beyond 10");
    }
}
