//! Reading from memory: what the clients themselves cost, without sockets.

use crate::arms::{self, Contender};
use crate::options::Options;
use crate::rounds::{self, Contest, Entry};
use crate::table::Table;
use crate::wire::Wire;
use crate::workload::{Content, DEPTH, FRAGMENTS, HISTORY, SNAPSHOT, Shape, TICKER};
use std::rc::Rc;

/// How the bytes come in.
#[derive(Debug, Clone, Copy)]
enum Reads {
    /// Up to so many a read, whatever they are.
    Of(usize),
    /// One message a read.
    Message,
}

const READS: Reads = Reads::Of(64 << 10);

/// From this size on a client that reads into a smaller buffer than the floor's can be faster than the floor.
const LARGE: usize = 16 << 10;

const WORKLOADS: [(Shape, Reads); 7] = [
    (TICKER, READS),
    (TICKER, Reads::Of(4 << 10)),
    (TICKER, Reads::Message),
    (DEPTH, READS),
    (SNAPSHOT, READS),
    (HISTORY, READS),
    (FRAGMENTS, READS),
];

pub(crate) fn run(options: &Options, report: &mut dyn FnMut(Table)) {
    for (shape, reads) in WORKLOADS {
        for content in [Content::Text, Content::Binary] {
            let how = match reads {
                Reads::Of(bytes) => format!("reads of {} KiB", bytes >> 10),
                Reads::Message => "one message a read".into(),
            };
            let workload = format!("{} {}, {how}", shape.name, content.name());
            if options.wants("memory", &workload) {
                report(contest(options, &shape, content, reads, workload));
            }
        }
    }
}

fn contest(options: &Options, shape: &Shape, content: Content, reads: Reads, workload: String) -> Table {
    let message = shape.message(content);
    let count = (options.bytes_a_round() / message.len()).max(4);
    let bytes: Rc<[u8]> = message.repeat(count).into();
    let step = match reads {
        Reads::Of(bytes) => bytes,
        Reads::Message => message.len(),
    };
    #[cfg(feature = "peers")]
    let driver = arms::asynchronous::Driver::by_hand();
    let enter = |contender: Contender| {
        let (wire, tap) = Wire::new(Rc::clone(&bytes), step);
        let arm = match contender {
            #[cfg(feature = "peers")]
            Contender::Asynchronous(peer) => arms::asynchronous::arm(peer, wire, &driver),
            contender => arms::over_stream(contender, wire, message.len()),
        };
        let fill = Box::new(move || tap.refill());
        Entry { name: contender.name(), checks: contender.checks(), fill, arm }
    };
    let mut roster = Contender::roster(content);
    if shape.len / shape.frames > LARGE {
        roster.extend(Contender::in_pieces(content));
    }
    let mut entries: Vec<Entry> = roster.into_iter().map(enter).collect();
    let contest =
        Contest { mode: "memory", workload, expected: shape.tally(count), rounds: options.rounds() };
    rounds::run(&contest, &mut entries)
}
