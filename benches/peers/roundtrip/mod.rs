//! One message there and back over a socket, both ends spinning: what a client adds to the latency.

mod callers;
mod echo;

use crate::Outcome;
use crate::arm::Checks;
use crate::certificates::Identity;
use crate::options::Options;
use crate::records::Direction;
use crate::table::{Row, Table};
use crate::{clock, loopback, sessions, workload};
use callers::{Caller, Tungstenite};
use echo::{Bare, Carries, Echo, LEN, Turn};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;
use tickwire::Client;

/// Two threads that spin on a busy machine take turns instead: then fewer blocks have to do.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy)]
enum Arm {
    Floor,
    Tickwire,
    Tungstenite,
    #[cfg(feature = "peers")]
    Boomnet,
}

impl Arm {
    const ALL: &[Self] = &[
        Self::Floor,
        Self::Tickwire,
        Self::Tungstenite,
        #[cfg(feature = "peers")]
        Self::Boomnet,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Tickwire => "tickwire",
            Self::Tungstenite => "tungstenite",
            #[cfg(feature = "peers")]
            Self::Boomnet => "boomnet",
        }
    }

    fn checks(self) -> Checks {
        match self {
            Self::Floor => Checks::Floor,
            #[cfg(feature = "peers")]
            Self::Boomnet => Checks::Few,
            _ => Checks::Protocol,
        }
    }
}

pub(crate) fn run(options: &Options, report: &mut dyn FnMut(Table)) -> Outcome<()> {
    let identity = Identity::new()?;
    for (name, identity) in [("plain", None), ("under TLS 1.3", Some(&identity))] {
        let workload = format!("{LEN} B there and back, {name}");
        if options.wants("roundtrip", &workload) {
            report(contest(options, identity, workload)?);
        }
    }
    Ok(())
}

/// A client and its echo.
fn connect(arm: Arm, identity: Option<&Identity>) -> Outcome<(Box<dyn Caller>, Echo)> {
    let (client, server) = loopback::pair()?;
    let frames = |keys| Echo::new(server.try_clone()?, Carries::Frames, keys);
    Ok(match (arm, identity) {
        (Arm::Floor, None) => (Box::new(Bare::new(client, None)), Echo::new(server, Carries::Payload, None)?),
        (Arm::Floor, Some(_)) => {
            let keys = || Some((Direction::fixed(1), Direction::fixed(2)));
            let swapped = Some((Direction::fixed(2), Direction::fixed(1)));
            (Box::new(Bare::new(client, keys())), Echo::new(server, Carries::Payload, swapped)?)
        }
        (Arm::Tickwire, None) => (Box::new(Client::builder().upgraded(client, b"")?), frames(None)?),
        (Arm::Tickwire, Some(identity)) => {
            let (client, keys) = sessions::tickwire(identity, client, &server)?;
            (Box::new(client), frames(Some(keys))?)
        }
        (Arm::Tungstenite, None) => (Box::new(Tungstenite::new(client)), frames(None)?),
        (Arm::Tungstenite, Some(identity)) => {
            let (stream, keys) = sessions::stream(identity, client, &server)?;
            (Box::new(Tungstenite::new(stream)), frames(Some(keys))?)
        }
        #[cfg(feature = "peers")]
        (Arm::Boomnet, None) => (Box::new(crate::arms::synchronous::Boomnet::new(client)), frames(None)?),
        #[cfg(feature = "peers")]
        (Arm::Boomnet, Some(identity)) => {
            let (stream, keys) = sessions::stream(identity, client, &server)?;
            (Box::new(crate::arms::synchronous::Boomnet::new(stream)), frames(Some(keys))?)
        }
    })
}

/// Blocks of round trips in turn: the floor and its clients see the same weather.
fn contest(options: &Options, identity: Option<&Identity>, workload: String) -> Outcome<Table> {
    let (blocks, trips) = options.blocks();
    eprintln!("roundtrip: {workload}, {blocks} blocks of {trips}");
    let (mut callers, mut echoes) = (Vec::new(), Vec::new());
    for arm in Arm::ALL {
        let (caller, echo) = connect(*arm, identity)?;
        callers.push(caller);
        echoes.push(echo);
    }
    let payload: &'static str = String::from_utf8(workload::payload(LEN))?.leak();
    let turn = Turn(AtomicUsize::new(0));
    let mut times = vec![Vec::with_capacity(blocks * trips); callers.len()];
    let mut medians: Vec<Vec<Duration>> = vec![Vec::new(); callers.len()];
    thread::scope(|scope| -> Outcome<()> {
        let echoing = scope.spawn(|| echo::run(echoes, &turn));
        let mut all = || -> Outcome<()> {
            let start = clock::now();
            for block in 0..=blocks {
                if block > 1 && clock::now() - start > PATIENCE {
                    eprintln!("roundtrip: the machine is busy, only {} blocks", block - 1);
                    break;
                }
                for step in 0..callers.len() {
                    let at = (block + step) % callers.len();
                    turn.0.store(at, Ordering::Release);
                    let mut block_times = run_block(callers[at].as_mut(), payload, trips)?;
                    // The first block warms up.
                    if block > 0 {
                        block_times.sort_unstable();
                        medians[at].push(block_times[trips / 2]);
                        times[at].append(&mut block_times);
                    }
                }
            }
            Ok(())
        };
        let result = all();
        turn.0.store(usize::MAX, Ordering::Release);
        echoing.join().map_err(|_| "the echo panicked")??;
        result
    })?;
    Ok(table(workload, times, &medians))
}

fn run_block(caller: &mut dyn Caller, payload: &'static str, trips: usize) -> Outcome<Vec<Duration>> {
    let mut times = Vec::with_capacity(trips);
    for _ in 0..trips {
        let start = clock::now();
        let len = caller.call(payload)?;
        times.push(clock::now() - start);
        assert_eq!(len, LEN);
    }
    Ok(times)
}

fn table(workload: String, mut times: Vec<Vec<Duration>>, medians: &[Vec<Duration>]) -> Table {
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    for times in &mut times {
        times.sort_unstable();
    }
    let floor = micros(times[0][times[0].len() / 2]);
    let mut rows = Vec::new();
    for ((arm, times), medians) in Arm::ALL.iter().zip(&times).zip(medians) {
        let median = micros(times[times.len() / 2]);
        let best = medians.iter().min().copied().map(micros);
        rows.push(Row {
            arm: arm.name().to_owned(),
            checks: arm.checks(),
            values: vec![
                Some(median),
                Some(median / floor),
                Some(median - floor),
                best,
                Some(micros(times[times.len() * 9 / 10])),
            ],
        });
    }
    let columns = &["p50 us", "x floor", "us over floor", "best block's p50", "p90 us"];
    Table { mode: "roundtrip", workload, columns, rows }
}
