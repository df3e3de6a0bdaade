//! Draining a full socket under TLS 1.3: what the record layer adds, and how it lies in the path.

use crate::Outcome;
use crate::arm::Arm;
use crate::arms::sealed::Sealed;
use crate::arms::{self, Contender, sdk, synchronous};
use crate::certificates::{HOST, Identity};
use crate::loopback::{self, Feeder, Job};
use crate::options::Options;
use crate::records::{self, Direction};
use crate::rounds::{self, Contest, Entry};
use crate::table::Table;
use crate::workload::{Content, DEPTH, Shape, TICKER};
use std::io::Write as _;
use std::net::TcpStream;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use tickwire::rustls::{ClientConnection, ServerConnection, StreamOwned};
use tickwire::{Client, Tls};

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
    let count = options.bytes_queued() / record.len();
    let (mut readers, mut jobs) = (Vec::new(), Vec::<Job>::new());
    let mut connector = Connector::new(identity.clone());
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
struct Connector {
    identity: Identity,
    #[cfg(feature = "peers")]
    driver: arms::asynchronous::Driver,
}

type Accepting = thread::JoinHandle<Outcome<(Direction, Direction)>>;

impl Connector {
    fn new(identity: Identity) -> Self {
        #[cfg(feature = "peers")]
        let driver = arms::asynchronous::Driver::on_runtime();
        Self {
            identity,
            #[cfg(feature = "peers")]
            driver,
        }
    }

    /// The contender on a session of its own, and the server's key for what it will read.
    fn connect(
        &mut self,
        contender: Contender,
        client: TcpStream,
        server: &TcpStream,
    ) -> Outcome<(Box<dyn Arm>, Direction)> {
        match contender {
            Contender::Floor => {
                let arm = Sealed::<_, false>::new(client, Direction::fixed(1));
                return Ok((Box::new(arm), Direction::fixed(1)));
            }
            Contender::FloorUtf8 => {
                let arm = Sealed::<_, true>::new(client, Direction::fixed(1));
                return Ok((Box::new(arm), Direction::fixed(1)));
            }
            _ => {}
        }
        let mut stream = server.try_clone()?;
        let session = ServerConnection::new(Arc::clone(&self.identity.server))?;
        let accepting: Accepting = thread::spawn(move || records::accept(session, &mut stream));
        let mut arm: Box<dyn Arm> = match contender {
            Contender::Direct => Box::new(sdk::Direct(self.tickwire(client)?)),
            Contender::Joined => Box::new(sdk::Joined(self.tickwire(client)?)),
            #[cfg(feature = "peers")]
            Contender::Asynchronous(peer) => {
                let connector = tokio_rustls::TlsConnector::from(Arc::clone(&self.identity.client));
                let client = self.driver.within(|| tokio::net::TcpStream::from_std(client))?;
                let name = self.identity.name.clone();
                let stream = self.driver.block_on(connector.connect(name, client))?;
                arms::asynchronous::arm(peer, stream, &self.driver)
            }
            #[cfg(feature = "peers")]
            Contender::Boomnet => Box::new(synchronous::Boomnet::new(self.stream(client)?)),
            _ => Box::new(synchronous::Tungstenite::new(self.stream(client)?)),
        };
        // tickwire does its handshake while it is read, the others have done theirs.
        while matches!(contender, Contender::Direct | Contender::Joined) && !accepting.is_finished() {
            arm.drain(1);
            thread::yield_now();
        }
        let (to_client, _) = accepting.join().map_err(|_| "the server's handshake panicked")??;
        Ok((arm, to_client))
    }

    fn tickwire(&self, client: TcpStream) -> Outcome<Client<Tls<TcpStream>>> {
        let tls = Tls::new(client, Arc::clone(&self.identity.client), HOST)?;
        Ok(Client::builder().upgraded_through(tls, b"")?)
    }

    /// rustls as its users have it: buffered, over a stream that becomes nonblocking after the handshake.
    fn stream(&self, mut client: TcpStream) -> Outcome<StreamOwned<ClientConnection, TcpStream>> {
        let name = self.identity.name.clone();
        let mut session = ClientConnection::new(Arc::clone(&self.identity.client), name)?;
        client.set_nonblocking(false)?;
        while session.is_handshaking() {
            session.complete_io(&mut client)?;
        }
        client.set_nonblocking(true)?;
        Ok(StreamOwned::new(session, client))
    }
}
