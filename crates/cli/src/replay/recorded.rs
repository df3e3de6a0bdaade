//! Plays a recording of `tickwire record`: the session is told all that it was told then.

use super::open;
use super::player::Player;
use super::progress::Progress;
use crate::exit::{self, DATA, Failure, USAGE};
use crate::lines::{Origin, Printer};
use crate::recording::{Error, Reader, Record};
use crate::venue::{Setup, Venue, session};
use serde_json::Value;
use std::io::{BufReader, Read, Write};
use std::path::Path;
use tickwire::venue::Fetched;

pub(super) fn play(
    path: &Path,
    venue: Option<Venue>,
    printer: &mut Printer<impl Write>,
) -> Result<(), Failure> {
    let told =
        |code: u8, what: &dyn std::fmt::Display| Failure::new(code, format!("{}: {what}", path.display()));
    let file = open(path)?;
    let mut progress = Progress::new(file.metadata().map_or(0, |metadata| metadata.len()));
    let mut reader = Reader::new(BufReader::new(file)).map_err(|error| told(DATA, &error))?;
    let setup = Setup::of_header(reader.header()).map_err(|error| told(DATA, &error))?;
    if let Some(venue) = venue.filter(|venue| *venue != setup.venue) {
        let what = format!("a recording of {}, not of {}", setup.venue.name(), venue.name());
        return Err(told(USAGE, &what));
    }
    let mut player = Player::new(session(&setup)?, printer);
    let ended = follow(&mut reader, &mut player, &mut progress);
    progress.clear();
    match ended? {
        None => Ok(()),
        // Nothing is wrong with what is there.
        Some(Error::Unfinished) => {
            exit::tell(&format!("{}: {}", path.display(), Error::Unfinished));
            Ok(())
        }
        Some(error) => Err(told(DATA, &error)),
    }
}

/// Plays to the end, or to what cannot be read.
fn follow(
    reader: &mut Reader<impl Read>,
    player: &mut Player<'_, impl Write>,
    progress: &mut Progress,
) -> Result<Option<Error>, Failure> {
    let (mut number, mut undrained, mut is_complete) = (0, false, true);
    loop {
        progress.at(reader.position());
        let (moment, record) = match reader.next() {
            Ok(Some(next)) => next,
            Ok(None) => {
                player.drain()?;
                return Ok(None);
            }
            Err(error) => {
                // What the last call brought may have stood behind a line that is lost.
                if is_complete {
                    player.drain()?;
                }
                return Ok(Some(error));
            }
        };
        number += 1;
        if record == Record::Undrained {
            undrained = true;
            continue;
        }
        // Events are taken as late as they were then.
        if std::mem::take(&mut undrained) {
            player.collect();
        } else {
            player.drain()?;
        }
        // What it wanted then is in the file.
        player.wishes.clear();
        player.at(moment.elapsed_ns, moment.unix_ns);
        is_complete = one(player, number, record)?;
    }
}

/// Makes a call again, or tells again what was told. Whether nothing can stand in front of the events that it brings.
fn one(player: &mut Player<'_, impl Write>, number: u64, record: Record<'_>) -> Result<bool, Failure> {
    let origin = Origin { received_ns: Some(player.unix_ns()), line: Some(number) };
    match record {
        Record::Link { line } => player.link(&of_json(line)?)?,
        Record::Open { route } => player.open(route),
        Record::Closed { route, ending } => player.closed(route, ending),
        Record::Deadline => player.deadline(),
        Record::HandOver { route } => player.hand_over(route),
        Record::IsHandedOver { route } => player.is_handed_over(route),
        Record::Subscribe { streams } => player.subscribe(&names(&of_json(streams)?)),
        Record::Unsubscribe { streams } => player.unsubscribe(&names(&of_json(streams)?)),
        message => {
            self::message(player, origin, message);
            return Ok(true);
        }
    }
    Ok(false)
}

fn message(player: &mut Player<'_, impl Write>, origin: Origin, message: Record<'_>) {
    match message {
        Record::Text { route, payload } => player.text(route, payload, origin),
        Record::Binary { route, payload } => player.binary(route, payload, origin),
        Record::Document { id, status, retry_after_s, used_weight, body } => {
            let status = u16::try_from(status).unwrap_or(0);
            player.fetched(origin.line, id, Fetched::Answer { status, retry_after_s, used_weight, body });
        }
        Record::NoDocument { id } => player.fetched(origin.line, id, Fetched::Failed),
        // The others are no messages; the end the reader keeps to itself.
        _ => {}
    }
}

/// A text that this program wrote.
fn of_json(text: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(text).map_err(|error| Failure::new(DATA, format!("a record is not JSON: {error}")))
}

fn names(streams: &Value) -> Vec<&str> {
    streams.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::lines::{Format, of_link};
    use crate::tape::{Tape, Taped};
    use std::time::Duration;
    use tickwire::venue::{Ending, Event, LinkChange, LinkEvent, Now, Route, Session as _};

    /// A session that is recorded, and what it tells.
    struct Live {
        session: Taped,
        tape: Tape,
        printer: Printer<Vec<u8>>,
        now: Now,
    }

    impl Live {
        fn new(path: &Path) -> Self {
            let streams = vec!["trade".to_owned()];
            let setup = Setup::new(Venue::Binance, vec!["BTCUSDT".into()], streams, Vec::new());
            let tape = Tape::create(path, &setup.header()).unwrap();
            let session = Taped::new(session(&setup).unwrap(), Some(tape.clone()));
            let printer = Printer::new(Format::Events, Vec::new());
            Self { session, tape, printer, now: Now { unix_ns: 1 << 60, ..clock::both() } }
        }

        fn pass(&mut self) -> Now {
            self.now.instant += Duration::from_millis(5);
            self.now.unix_ns += 5_000_001;
            self.now
        }

        /// Takes what there is, and the texts that are to be sent.
        fn drain(&mut self, received_ns: Option<u64>) -> Vec<String> {
            while let Some(event) = self.session.poll_event() {
                let taken = self.printer.take(&event, Origin { received_ns, line: None });
                self.printer.print(taken, &self.session).unwrap();
            }
            std::iter::from_fn(|| self.session.poll_command().map(|command| format!("{command:?}"))).collect()
        }

        fn text(&mut self, route: Route, text: &str) {
            let now = self.pass();
            if let Err(error) = self.session.on_message(route, text.as_bytes(), now) {
                let line = Some(self.tape.records());
                let origin = Origin { received_ns: Some(now.unix_ns), line };
                let taken = self.printer.take(&Event::Unreadable(&error), origin);
                self.printer.print(taken, &self.session).unwrap();
            }
            self.drain(Some(now.unix_ns));
        }

        fn link(&mut self, route: Route) {
            let now = self.pass();
            let event = LinkEvent { route, name: "stream", place: 0, change: LinkChange::Retiring };
            let line = of_link(event, now.unix_ns);
            self.session.note_link(now, &line.to_string());
            self.printer.link(&line).unwrap();
        }
    }

    fn trade(symbol: &str, id: u64) -> String {
        let lower = symbol.to_lowercase();
        format!(
            r#"{{"stream":"{lower}@trade","data":{{"e":"trade","E":1700000000001,"s":"{symbol}","t":{id},"p":"1.5","q":"2","T":1700000000000,"m":false,"M":true}}}}"#
        )
    }

    /// All calls there are, in orders that the feed may make them in.
    fn live(path: &Path) -> String {
        let mut live = Live::new(path);
        let [first, second] = [0, 1].map(|leg| Route { endpoint: 0, leg });
        for (leg, route) in [(0, first), (1, second)] {
            let now = live.pass();
            live.session.on_open(route, now);
            assert_eq!(live.drain(None).len(), 1, "it subscribes");
            live.text(route, &format!(r#"{{"result":null,"id":{}}}"#, leg + 1));
        }
        let now = live.pass();
        live.session.subscribe(&["ethusdt@trade"], now).unwrap();
        assert_eq!(live.drain(None).len(), 2, "each connection subscribes");
        live.session.subscribe(&["a\"b"], now).unwrap_err();
        live.text(first, r#"{"result":null,"id":3}"#);
        live.text(second, r#"{"result":null,"id":4}"#);
        live.text(first, &trade("BTCUSDT", 7));
        live.text(second, &trade("BTCUSDT", 7));
        live.text(second, "<html>");
        live.text(second, &trade("ETHUSDT", 9));
        // A line of no call, behind events that were taken.
        live.link(first);
        live.session.hand_over(first);
        assert!(!live.session.is_handed_over(first), "the other was ahead of it");
        let now = live.pass();
        live.session.on_closed(first, Ending::InOrder, now);
        live.session.on_closed(second, Ending::Lost, now);
        live.session.unsubscribe(&["ethusdt@trade", "never@trade"], now);
        assert!(live.session.has_event(), "nobody has to be asked");
        // What is told of connections before the events of the calls are taken, and another call.
        live.link(first);
        live.link(second);
        let now = live.pass();
        live.session.on_open(second, now);
        live.drain(None);
        live.text(second, r#"{"result":null,"id":5}"#);
        live.text(second, &trade("BTCUSDT", 11));
        let now = live.pass();
        live.session.on_deadline(now);
        let (retry_after_s, used_weight, body) = (Some(1), Some(5999), &b"{}"[..]);
        live.session
            .on_fetched(5, Fetched::Answer { status: 429, retry_after_s, used_weight, body }, now)
            .unwrap();
        live.session.on_fetched(6, Fetched::Failed, now).unwrap();
        live.drain(None);
        live.tape.finish().unwrap();
        String::from_utf8(live.printer.out).unwrap()
    }

    #[test]
    fn a_session_that_is_told_all_there_is_tells_the_same_again() {
        let path = std::env::temp_dir().join(format!("tickwire-recorded-{}.tick", std::process::id()));
        let told = live(&path);
        let mut printer = Printer::new(Format::Events, Vec::new());
        let played = play(&path, None, &mut printer);
        std::fs::remove_file(&path).unwrap();
        played.unwrap();
        let replayed = String::from_utf8(printer.out).unwrap();
        for word in ["subscribed", "unsubscribed", "trade", "stream_gap", "error", "link"] {
            assert!(told.contains(&format!("\"{word}\"")), "no {word} in {told}");
        }
        assert_eq!(replayed, told);
        assert!(told.find("retiring").unwrap() < told.find("unsubscribed").unwrap());
    }
}
