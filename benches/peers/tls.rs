//! Draining a full socket under TLS 1.3: what the record layer adds, and how it lies in the path.

use crate::Outcome;
use crate::arm::Arm;
#[cfg(feature = "peers")]
use crate::arms::asynchronous;
use crate::arms::sealed::Sealed;
use crate::arms::{Contender, sdk, synchronous};
use crate::certificates::Identity;
use crate::loopback::{self, Feeder, Job};
use crate::options::Options;
use crate::records::Direction;
use crate::rounds::{self, Contest, Entry};
use crate::sessions;
use crate::table::Table;
use crate::workload::{Content, DEPTH, Shape, TICKER};
use std::io::Write as _;
use std::net::TcpStream;
use std::rc::Rc;
use std::sync::Arc;

/// Shapes, and how many messages are in a record.
const WORKLOADS: [(Shape, usize); 3] = [(TICKER, 1), (TICKER, 20), (DEPTH, 1)];

pub(crate) fn run(options: &Options, report: &mut dyn FnMut(Table)) -> Outcome<()> {
    let identity = Identity::new()?;
    for (shape, batch) in WORKLOADS {
        let workload = match batch {
            1 => format!("{} text, one a record", shape.name),
            _ => format!("{} text, {batch} a record", shape.name),
        };
        if options.wants("tls", &workload) {
            report(contest(options, &identity, &shape, batch, workload)?);
        }
    }
    Ok(())
}

fn contest(
    options: &Options,
    identity: &Identity,
    shape: &Shape,
    batch: usize,
    workload: String,
) -> Outcome<Table> {
    let record: Arc<[u8]> = shape.message(Content::Text).repeat(batch).into();
    let count = options.bytes_queued().min(loopback::room()?) / record.len();
    let (mut readers, mut jobs) = (Vec::new(), Vec::<Job>::new());
    let connector = Connector::new(identity);
    for contender in Contender::roster(Content::Text) {
        let (client, mut server) = loopback::pair()?;
        let (arm, mut to_client) = connector.connect(contender, client, &server)?;
        let record = Arc::clone(&record);
        let mut sealed = Vec::new();
        jobs.push(Box::new(move || {
            sealed.clear();
            for _ in 0..count {
                to_client.seal(&record, &mut sealed);
            }
            server.write_all(&sealed)
        }));
        readers.push((contender, arm));
    }
    let feeder = Feeder::start(jobs);
    let mut entries: Vec<Entry> = Vec::new();
    for (index, (contender, arm)) in readers.into_iter().enumerate() {
        let feeder = Rc::clone(&feeder);
        let fill = Box::new(move || feeder.fill(index));
        entries.push(Entry { name: contender.name(), checks: contender.checks(), fill, arm });
    }
    let expected = shape.tally(count * batch);
    Ok(rounds::run(&Contest { mode: "tls", workload, expected, rounds: options.rounds() }, &mut entries))
}

/// Puts contenders on TLS sessions.
struct Connector<'a> {
    identity: &'a Identity,
    #[cfg(feature = "peers")]
    driver: asynchronous::Driver,
}

impl<'a> Connector<'a> {
    fn new(identity: &'a Identity) -> Self {
        #[cfg(feature = "peers")]
        let driver = asynchronous::Driver::on_runtime();
        Self {
            identity,
            #[cfg(feature = "peers")]
            driver,
        }
    }

    /// The contender on a session of its own, and the server's key for what it will read.
    fn connect(
        &self,
        contender: Contender,
        client: TcpStream,
        server: &TcpStream,
    ) -> Outcome<(Box<dyn Arm>, Direction)> {
        let fixed = || Direction::fixed(1);
        let (arm, keys): (Box<dyn Arm>, _) = match contender {
            Contender::Floor => return Ok((Box::new(Sealed::<_, false>::new(client, fixed())), fixed())),
            Contender::FloorUtf8 => return Ok((Box::new(Sealed::<_, true>::new(client, fixed())), fixed())),
            Contender::Pieces | Contender::PiecesUtf8 => unreachable!("their floors are plain ones"),
            Contender::Direct => {
                let (client, keys) = sessions::tickwire(self.identity, client, server)?;
                (Box::new(sdk::Direct(client)), keys)
            }
            Contender::Joined => {
                let (client, keys) = sessions::tickwire(self.identity, client, server)?;
                (Box::new(sdk::Joined(client)), keys)
            }
            Contender::Tungstenite => {
                let (stream, keys) = sessions::stream(self.identity, client, server)?;
                (Box::new(synchronous::Tungstenite::new(stream)), keys)
            }
            #[cfg(feature = "peers")]
            Contender::Boomnet => {
                let (stream, keys) = sessions::stream(self.identity, client, server)?;
                (Box::new(synchronous::Boomnet::new(stream)), keys)
            }
            #[cfg(feature = "peers")]
            Contender::Asynchronous(peer) => {
                let accepting = sessions::Accepting::begin(self.identity, server)?;
                let connector = tokio_rustls::TlsConnector::from(Arc::clone(&self.identity.client));
                let client = self.driver.within(|| tokio::net::TcpStream::from_std(client))?;
                let name = self.identity.name.clone();
                let stream = self.driver.block_on(connector.connect(name, client))?;
                (asynchronous::arm(peer, stream, &self.driver), accepting.finish()?)
            }
        };
        Ok((arm, keys.0))
    }
}
