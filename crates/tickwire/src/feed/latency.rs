//! What a feed knows of the time that its messages took.

use super::Feed;
use crate::stages::Stages;

impl<S> Feed<S> {
    /// How long the messages took in each stage, over all connections since the beginning, copies included.
    pub fn stages(&mut self) -> &Stages {
        self.laps.stages()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builder::Builder;
    use crate::clock::fake;
    use std::io::Write as _;
    use std::net::TcpListener;
    use std::time::{Duration, Instant};
    use tickwire_venue::{
        Attempts, BookView, Command, Ending, Endpoint, Error, Event, Instrument, LegCounts, Now, Route,
        Session,
    };

    /// Reads a message in 7 ns and tells of it in 5, if there is something to tell.
    struct Slow {
        endpoint: [Endpoint; 1],
        untold: bool,
    }

    impl Session for Slow {
        fn endpoints(&self) -> &[Endpoint] {
            &self.endpoint
        }
        fn attempts(&self) -> Attempts {
            Attempts { max: 1, span: Duration::from_secs(1) }
        }
        fn subscribe(&mut self, _: &[&str], _: Now) -> Result<(), Error> {
            Ok(())
        }
        fn unsubscribe(&mut self, _: &[&str], _: Now) {}
        fn on_open(&mut self, _: Route, _: Now) {}
        fn on_closed(&mut self, _: Route, _: Ending, _: Now) {}
        fn is_ready(&self, _: Route) -> bool {
            true
        }
        fn hand_over(&mut self, _: Route) {}
        fn is_handed_over(&mut self, _: Route) -> bool {
            true
        }
        fn leg_counts(&self, _: Route) -> Option<&LegCounts> {
            None
        }
        fn take_lag(&mut self, _: Route) -> Option<Duration> {
            None
        }
        fn on_message(&mut self, _: Route, text: &[u8], _: Now) -> Result<(), Error> {
            fake::pass(7);
            self.untold = text != b"nothing";
            Ok(())
        }
        fn has_event(&self) -> bool {
            self.untold
        }
        fn poll_event(&mut self) -> Option<Event<'_>> {
            std::mem::take(&mut self.untold).then(|| {
                fake::pass(5);
                Event::Other { kind: "told" }
            })
        }
        fn poll_command(&mut self) -> Option<Command<'_>> {
            None
        }
        fn next_deadline(&self) -> Option<Instant> {
            None
        }
        fn on_deadline(&mut self, _: Now) {}
        fn instruments(&self) -> u32 {
            0
        }
        fn symbol(&self, _: Instrument) -> Option<&str> {
            None
        }
        fn instrument(&self, _: &str) -> Option<Instrument> {
            None
        }
        fn book(&self, _: Instrument) -> Option<BookView<'_>> {
            None
        }
    }

    /// A feed whose only connection brings three messages in one write, the second of them without an event.
    fn feed() -> Feed<Slow> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let mut socket = tungstenite::accept(listener.accept().unwrap().0).unwrap();
            socket.get_mut().write_all(b"\x81\x01a\x81\x07nothing\x81\x01b").unwrap();
            // Until the feed is gone.
            let _ = socket.read();
        });
        let session = Slow { endpoint: [Endpoint::new("stream", url)], untold: false };
        Feed::connect(session, &Builder::default()).unwrap()
    }

    #[test]
    fn decoding_and_handing_out_are_stages_of_their_own_and_the_callers_time_is_the_next_ones_wait() {
        fake::start();
        let mut feed = feed();
        let mut told = 0;
        while told < 2 {
            let event = feed.next(None).unwrap().expect("two events").event;
            if event == (Event::Other { kind: "told" }) {
                told += 1;
                fake::pass(40);
            }
        }
        let values = |spans: &crate::Histogram<u64>| {
            spans.iter_recorded().map(|at| (at.value_iterated_to(), at.count_at_value())).collect::<Vec<_>>()
        };
        let stages = feed.stages().in_order().map(|(name, spans)| (name, values(spans)));
        assert_eq!(
            stages,
            [
                // Nobody asked the kernel.
                ("read", vec![]),
                ("decrypted", vec![(0, 3)]),
                ("queued", vec![(0, 1), (7 + 5 + 40, 1), (7 + 5 + 40 + 7, 1)]),
                ("parsed", vec![(0, 3)]),
                ("decoded", vec![(7, 3)]),
                ("delivered", vec![(5, 2)]),
            ]
        );
    }
}
