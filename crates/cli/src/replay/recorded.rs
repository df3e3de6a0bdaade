//! Plays a recording of `tickwire record`: the session is told all that it was told then.

use super::player::Player;
use super::progress::Progress;
use super::{Out, open};
use crate::exit::{self, DATA, Failure, USAGE};
use crate::recording::{Error, Reader, Record};
use crate::venue::{Setup, Venue, session};
use std::io::{BufReader, Read};
use std::path::Path;

pub(super) fn play(path: &Path, venue: Option<Venue>, printer: &mut Out) -> Result<(), Failure> {
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
    let ended = follow(&mut reader, &mut player, &mut progress)?;
    progress.clear();
    match ended {
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
    player: &mut Player<'_>,
    progress: &mut Progress,
) -> Result<Option<Error>, Failure> {
    let mut number = 0;
    loop {
        progress.at(reader.position());
        match reader.next() {
            Ok(Some((moment, record))) => {
                number += 1;
                // What it wanted then is in the file.
                player.wishes.clear();
                player.at(moment.elapsed_ns, moment.unix_ns);
                one(player, number, record)?;
            }
            Ok(None) => return Ok(None),
            Err(error) => return Ok(Some(error)),
        }
    }
}

fn one(player: &mut Player<'_>, number: u64, record: Record<'_>) -> Result<(), Failure> {
    match record {
        Record::Open { route } => player.open(route),
        Record::Closed { route } => player.closed(route),
        Record::Text { route, payload } => player.text(number, route, payload, Some(player.unix_ns())),
        Record::Binary { route, payload } => player.binary(number, route, payload),
        Record::Document { id, status, retry_after_s, body } => {
            player.document(Some(number), id, status, retry_after_s, body)
        }
        Record::NoDocument { id } => player.no_document(number, id),
        Record::Deadline => player.deadline(),
        // The reader keeps it to itself.
        Record::End => Ok(()),
    }
}
