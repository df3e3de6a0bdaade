//! Recordings that are whole, cut, damaged, and those that a full disk ends.

use super::block::{self, Damage};
use super::{Error, Moment, Reader, Record, Writer};
use proptest::prelude::*;
use std::io::{self, Write};
use tickwire::venue::{Ending, Route};

/// A record that owns its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kept {
    Open(Route),
    Closed(Route, Ending),
    Text(Route, Vec<u8>),
    Binary(Route, Vec<u8>),
    Document(u64, u64, [Option<u64>; 2], Vec<u8>),
    NoDocument(u64),
    Deadline,
    Subscribe(Vec<u8>),
    Unsubscribe(Vec<u8>),
    Link(Vec<u8>),
    Undrained,
    HandOver(Route),
    IsHandedOver(Route),
}

impl Kept {
    fn of(record: Record<'_>) -> Self {
        match record {
            Record::Open { route } => Self::Open(route),
            Record::Closed { route, ending } => Self::Closed(route, ending),
            Record::Text { route, payload } => Self::Text(route, payload.to_vec()),
            Record::Binary { route, payload } => Self::Binary(route, payload.to_vec()),
            Record::Document { id, status, retry_after_s, used_weight, body } => {
                Self::Document(id, status, [retry_after_s, used_weight], body.to_vec())
            }
            Record::NoDocument { id } => Self::NoDocument(id),
            Record::Deadline => Self::Deadline,
            Record::Subscribe { streams } => Self::Subscribe(streams.to_vec()),
            Record::Unsubscribe { streams } => Self::Unsubscribe(streams.to_vec()),
            Record::Link { line } => Self::Link(line.to_vec()),
            Record::Undrained => Self::Undrained,
            Record::HandOver { route } => Self::HandOver(route),
            Record::IsHandedOver { route } => Self::IsHandedOver(route),
            Record::End => panic!("the end mark is the reader's"),
        }
    }

    fn lend(&self) -> Record<'_> {
        match self {
            Self::Open(route) => Record::Open { route: *route },
            Self::Closed(route, ending) => Record::Closed { route: *route, ending: *ending },
            Self::Text(route, payload) => Record::Text { route: *route, payload },
            Self::Binary(route, payload) => Record::Binary { route: *route, payload },
            Self::Document(id, status, [retry_after_s, used_weight], body) => {
                let (retry_after_s, used_weight) = (*retry_after_s, *used_weight);
                Record::Document { id: *id, status: *status, retry_after_s, used_weight, body }
            }
            Self::NoDocument(id) => Record::NoDocument { id: *id },
            Self::Deadline => Record::Deadline,
            Self::Subscribe(streams) => Record::Subscribe { streams },
            Self::Unsubscribe(streams) => Record::Unsubscribe { streams },
            Self::Link(line) => Record::Link { line },
            Self::Undrained => Record::Undrained,
            Self::HandOver(route) => Record::HandOver { route: *route },
            Self::IsHandedOver(route) => Record::IsHandedOver { route: *route },
        }
    }
}

type Records = Vec<(Moment, Kept)>;

fn write(header: &str, records: &Records) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), header).unwrap();
    for (moment, record) in records {
        writer.push(*moment, &record.lend()).unwrap();
    }
    writer.finish().unwrap()
}

/// The records up to the end or the first error.
fn read(bytes: &[u8]) -> (Records, Result<String, Error>) {
    let mut records = Vec::new();
    let mut reader = match Reader::new(bytes) {
        Ok(reader) => reader,
        Err(error) => return (records, Err(error)),
    };
    loop {
        match reader.next() {
            Ok(Some((moment, record))) => records.push((moment, Kept::of(record))),
            Ok(None) => return (records, Ok(reader.header().to_owned())),
            Err(error) => return (records, Err(error)),
        }
    }
}

/// A few records of each kind, two seconds apart, so that there are several blocks.
fn few() -> Records {
    let route = |endpoint, leg| Route { endpoint, leg };
    let kinds = [
        Kept::Open(route(0, 1)),
        Kept::Open(route(1, 0)),
        Kept::Link(br#"{"event":"link"}"#.to_vec()),
        Kept::Text(route(0, 1), br#"{"result":null,"id":1}"#.to_vec()),
        Kept::Document(7, 429, [Some(3), None], b"{}".to_vec()),
        Kept::Binary(route(1, 0), vec![0, 255, 128]),
        Kept::NoDocument(8),
        Kept::Deadline,
        Kept::Subscribe(br#"["a@trade"]"#.to_vec()),
        Kept::Text(route(0, 7), "\u{1f4c8}".repeat(9).into_bytes()),
        Kept::HandOver(route(1, 0)),
        Kept::IsHandedOver(route(1, 0)),
        Kept::Closed(route(1, 0), Ending::Lost),
        Kept::Undrained,
        Kept::Closed(route(0, 1), Ending::InOrder),
        Kept::Unsubscribe(b"[]".to_vec()),
        Kept::Document(9, 200, [None, Some(6000)], Vec::new()),
    ];
    let moment =
        |at: i64| Moment { elapsed_ns: (at / 2) * 2_000_000_000 - 5, unix_ns: at.cast_unsigned() << 54 };
    (0..).map(moment).zip(kinds).collect()
}

#[test]
fn what_is_written_is_read() {
    let (records, end) = read(&write("{\"a\":1}", &few()));
    assert_eq!(records, few());
    assert_eq!(end.unwrap(), "{\"a\":1}");
}

#[test]
fn what_is_behind_the_end_is_told() {
    let one = write("header", &few());
    let (records, end) = read(&[one.as_slice(), one.as_slice()].concat());
    assert_eq!(records, few());
    assert!(matches!(end, Err(Error::MoreBehind { offset }) if offset == one.len() as u64), "{end:?}");
}

#[test]
fn every_truncation_reads_as_a_prefix_and_says_so() {
    let whole = write("header", &few());
    let mut longest = 0;
    for length in 0..whole.len() {
        let (records, end) = read(&whole[..length]);
        assert_eq!(records, few()[..records.len()], "cut at {length}");
        assert!(records.len() >= longest, "more bytes, fewer records");
        longest = records.len();
        let told = end.unwrap_err();
        let known = matches!(
            told,
            Error::NoRecording | Error::Damaged { damage: Damage::Torn, .. } | Error::Unfinished
        );
        assert!(known, "cut at {length}: {told}");
    }
    assert_eq!(longest, few().len(), "only the end mark was missing at last");
}

#[test]
fn every_flipped_bit_is_detected_and_what_is_before_it_reads() {
    let whole = write("header", &few());
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << bit;
            let (records, end) = read(&damaged);
            assert_eq!(records, few()[..records.len()], "bit {bit} of byte {at}");
            assert!(end.is_err(), "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn a_block_is_written_when_it_is_a_second_old_or_large() {
    let mut writer = Writer::new(Vec::new(), "").unwrap();
    let at = |elapsed_ns| Moment { elapsed_ns, unix_ns: 0 };
    writer.push(at(0), &Record::Deadline).unwrap();
    writer.tick(999_999_999).unwrap();
    let begun = |writer: &Writer<Vec<u8>>| read(writer.written()).0.len();
    assert_eq!(begun(&writer), 0);
    writer.tick(1_000_000_000).unwrap();
    assert_eq!(begun(&writer), 1);
    writer
        .push(at(1_000_000_000), &Record::Text { route: Route::first(0), payload: &[b'x'; 300 << 10] })
        .unwrap();
    assert_eq!(begun(&writer), 2);
}

#[test]
fn another_version_and_another_file_are_told_apart() {
    for (version, words) in [(1, "an older tickwire"), (9, "a newer tickwire")] {
        let mut other = write("", &few());
        other[8] = version;
        let told = read(&other).1.unwrap_err();
        assert!(matches!(told, Error::Version(of) if of == u16::from(version)));
        assert!(told.to_string().contains(words), "{told}");
    }
    assert!(matches!(read(b"{\"stream\":\"a@trade\"}").1, Err(Error::NoRecording)));
}

/// A disk with room for so many bytes.
struct Disk {
    bytes: Vec<u8>,
    room: usize,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.room - self.bytes.len());
        if taken == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.bytes.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_an_error_and_what_fitted_is_readable() {
    let whole = write("header", &few());
    for room in 0..whole.len() {
        let mut disk = Disk { bytes: Vec::new(), room };
        let filled = Writer::new(&mut disk, "header").and_then(|mut writer| {
            few().iter().try_for_each(|(moment, record)| writer.push(*moment, &record.lend()))?;
            writer.finish().map(|_| ())
        });
        assert_eq!(filled.unwrap_err().kind(), io::ErrorKind::StorageFull, "room for {room}");
        let records = read(&disk.bytes).0;
        assert_eq!(records, few()[..records.len()]);
        assert_eq!(records, read(&whole[..room]).0, "nothing that was written is lost");
    }
}

fn any_record() -> impl Strategy<Value = (Moment, Kept)> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..200);
    let route = || (any::<usize>(), any::<usize>()).prop_map(|(endpoint, leg)| Route { endpoint, leg });
    let ending = prop_oneof![Just(Ending::Lost), Just(Ending::InOrder)];
    let kept = prop_oneof![
        route().prop_map(Kept::Open),
        (route(), ending).prop_map(|(route, ending)| Kept::Closed(route, ending)),
        (route(), bytes()).prop_map(|(route, payload)| Kept::Text(route, payload)),
        (route(), bytes()).prop_map(|(route, payload)| Kept::Binary(route, payload)),
        (any::<u64>(), any::<u64>(), any::<[Option<u64>; 2]>(), bytes())
            .prop_map(|(id, status, told, body)| Kept::Document(id, status, told, body)),
        any::<u64>().prop_map(Kept::NoDocument),
        Just(Kept::Deadline),
        bytes().prop_map(Kept::Subscribe),
        bytes().prop_map(Kept::Unsubscribe),
        bytes().prop_map(Kept::Link),
        Just(Kept::Undrained),
        route().prop_map(Kept::HandOver),
        route().prop_map(Kept::IsHandedOver),
    ];
    (any::<i64>(), any::<u64>(), kept)
        .prop_map(|(elapsed_ns, unix_ns, kept)| (Moment { elapsed_ns, unix_ns }, kept))
}

proptest! {
    #[test]
    fn any_records_at_any_times_survive(header: String, records in proptest::collection::vec(any_record(), 0..40)) {
        let (found, end) = read(&write(&header, &records));
        prop_assert_eq!(found, records);
        prop_assert_eq!(end.unwrap(), header);
    }

    #[test]
    fn damage_anywhere_leaves_a_prefix(
        records in proptest::collection::vec(any_record(), 0..20),
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), 1_u8..), 1..4),
        cut in any::<proptest::sample::Index>(),
    ) {
        let mut bytes = write("h", &records);
        for (at, change) in damage {
            let at = at.index(bytes.len());
            bytes[at] ^= change;
        }
        bytes.truncate(cut.index(bytes.len() + 1));
        let (found, _) = read(&bytes);
        prop_assert_eq!(&found[..], &records[..found.len().min(records.len())]);
    }

    #[test]
    fn no_bytes_confuse_the_reader(bytes: Vec<u8>) {
        let _ = read(&bytes);
        let _ = read(&[&b"TICKWIRE\x02\x00"[..], &bytes].concat());
        // Past the checksum, too.
        let mut whole = Writer::new(Vec::new(), "").unwrap().written().to_vec();
        block::write(&mut whole, &bytes, &mut Vec::new()).unwrap();
        let _ = read(&whole);
    }
}
