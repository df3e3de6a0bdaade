//! Draining a full socket: what a client adds to the system calls of a burst.

use crate::Outcome;
use crate::arms::{self, Contender};
use crate::loopback::{self, Feeder, Job};
use crate::options::Options;
use crate::rounds::{self, Contest, Entry};
use crate::table::Table;
use crate::workload::{Content, TICKER};
use std::io::Write as _;
use std::rc::Rc;
use std::sync::Arc;

pub(crate) fn run(options: &Options, report: &mut dyn FnMut(Table)) -> Outcome<()> {
    let workload = format!("{} text, queued in the socket", TICKER.name);
    if !options.wants("tcp", &workload) {
        return Ok(());
    }
    let message = TICKER.message(Content::Text);
    let count = options.bytes_queued().min(loopback::room()?) / message.len();
    let bytes: Arc<[u8]> = message.repeat(count).into();
    #[cfg(feature = "peers")]
    let driver = arms::asynchronous::Driver::on_runtime();
    let (mut readers, mut jobs) = (Vec::new(), Vec::<Job>::new());
    for contender in Contender::roster(Content::Text) {
        let (client, mut server) = loopback::pair()?;
        let bytes = Arc::clone(&bytes);
        jobs.push(Box::new(move || server.write_all(&bytes)));
        let arm = match contender {
            #[cfg(feature = "peers")]
            Contender::Asynchronous(peer) => {
                let stream = driver.within(|| tokio::net::TcpStream::from_std(client))?;
                arms::asynchronous::arm(peer, stream, &driver)
            }
            contender => arms::over_stream(contender, client, message.len()),
        };
        readers.push((contender, arm));
    }
    let feeder = Feeder::start(jobs);
    let mut entries: Vec<Entry> = Vec::new();
    for (index, (contender, arm)) in readers.into_iter().enumerate() {
        let feeder = Rc::clone(&feeder);
        let fill = Box::new(move || feeder.fill(index));
        entries.push(Entry { name: contender.name(), checks: contender.checks(), fill, arm });
    }
    let contest = Contest { mode: "tcp", workload, expected: TICKER.tally(count), rounds: options.rounds() };
    report(rounds::run(&contest, &mut entries));
    Ok(())
}
