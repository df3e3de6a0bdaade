//! What a feed makes of what comes while nobody asks for it.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::server::endpoint;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tickwire::venue::{
    Attempts, BookView, Command, Ending, Endpoint, Error, Event, Instrument, LegCounts, Now, Route, Session,
};
use tickwire::{Client, Feed};

/// A session that counts what comes.
struct Words {
    endpoints: Vec<Endpoint>,
    received: usize,
    deadline: Option<Instant>,
    /// How many messages there were at the first deadline.
    judged_after: Option<usize>,
    /// Since when at the earliest there was something to read, and for how long when the last message came.
    readable_since: Option<Instant>,
    readable_for: Option<Duration>,
}

impl Words {
    fn new(endpoint: Endpoint) -> Self {
        let endpoints = vec![endpoint];
        Self {
            endpoints,
            received: 0,
            deadline: None,
            judged_after: None,
            readable_since: None,
            readable_for: None,
        }
    }
}

impl Session for Words {
    fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }
    fn attempts(&self) -> Attempts {
        Attempts { max: 10, span: Duration::from_secs(1) }
    }
    fn subscribe(&mut self, _: &[&str], now: Now) -> Result<(), Error> {
        self.deadline = Some(now.instant);
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
    fn on_readable(&mut self, _: Route, since: Instant) {
        self.readable_since = Some(since);
    }
    fn on_message(&mut self, _: Route, _: &[u8], now: Now) -> Result<(), Error> {
        self.readable_for = self.readable_since.map(|since| now.instant.duration_since(since));
        self.received += 1;
        Ok(())
    }
    fn has_event(&self) -> bool {
        false
    }
    fn poll_event(&mut self) -> Option<Event<'_>> {
        None
    }
    fn poll_command(&mut self) -> Option<Command<'_>> {
        None
    }
    fn next_deadline(&self) -> Option<Instant> {
        self.deadline
    }
    fn on_deadline(&mut self, _: Now) {
        self.deadline = None;
        self.judged_after.get_or_insert(self.received);
    }
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

/// A feed that has told of the first word of a venue, once the second one is there and nobody has read it; and for how long
/// nobody did.
#[expect(clippy::disallowed_methods, reason = "what a consumer does between two calls takes time")]
fn unread() -> (Feed<Words>, Duration, JoinHandle<()>) {
    let (go, wait) = std::sync::mpsc::channel();
    let (speaker, words) = endpoint("speaker", move |mut socket| {
        while wait.recv().is_ok() {
            socket.send(tungstenite::Message::text("word")).unwrap();
        }
    });
    let mut feed = Feed::connect(Words::new(speaker), &Client::builder()).unwrap();
    go.send(()).unwrap();
    while feed.session().received == 0 {
        feed.next(Some(Duration::from_millis(10))).unwrap();
    }
    while feed.next(Some(Duration::ZERO)).unwrap().is_some() {}
    // It has a deadline now.
    feed.subscribe(&[]).unwrap();
    let began = Instant::now();
    let mut poll = mio::Poll::new().unwrap();
    poll.registry().register(&mut feed, mio::Token(0), mio::Interest::READABLE).unwrap();
    go.send(()).unwrap();
    let mut events = mio::Events::with_capacity(1);
    while events.is_empty() {
        poll.poll(&mut events, None).unwrap();
    }
    (feed, began.elapsed(), words)
}

#[test]
fn what_came_while_nobody_asked_is_read_before_anything_is_called_silent() {
    let (mut feed, _, words) = unread();
    while feed.session().judged_after.is_none() {
        feed.next(Some(Duration::ZERO)).unwrap();
    }
    assert_eq!(feed.session().judged_after, Some(2));
    drop(feed);
    words.join().unwrap();
}

#[test]
fn the_time_in_which_nobody_asked_is_not_that_of_a_leg() {
    let (mut feed, unread_for, words) = unread();
    while feed.session().received == 1 {
        feed.next(Some(Duration::from_millis(10))).unwrap();
    }
    let span = feed.session().readable_for.unwrap();
    assert!(span >= unread_for, "it may have come {span:?} ago, nobody asked for {unread_for:?}");
    drop(feed);
    words.join().unwrap();
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a poll of one's own needs to know how long to wait")]
fn what_brings_no_event_is_read_without_another_wait() {
    let (go, wait) = std::sync::mpsc::channel();
    let (sent, is_sent) = std::sync::mpsc::channel();
    let (speaker, words) = endpoint("speaker", move |mut socket| {
        while let Ok(count) = wait.recv() {
            (0..count).for_each(|_| socket.send(tungstenite::Message::text("word")).unwrap());
            sent.send(()).unwrap();
        }
    });
    let mut feed = Feed::connect(Words::new(speaker), &Client::builder()).unwrap();
    go.send(1).unwrap();
    while feed.session().received == 0 {
        feed.next(Some(Duration::from_millis(10))).unwrap();
    }
    is_sent.recv().unwrap();
    let has_more = |feed: &mut Feed<Words>| {
        while feed.next(Some(Duration::ZERO)).unwrap().is_some() {}
        feed.next_deadline().is_some_and(|deadline| deadline <= Instant::now())
    };
    while has_more(&mut feed) {}
    go.send(3).unwrap();
    is_sent.recv().unwrap();
    while has_more(&mut feed) {}
    assert_eq!(feed.session().received, 4);
    drop(feed);
    drop(go);
    words.join().unwrap();
}

#[test]
fn a_feed_whose_connection_never_pauses_is_woken() {
    const WORDS: usize = 300_000;
    let (speaker, words) = endpoint("speaker", |mut socket| {
        // The end of the words would be an event, if nobody were woken before.
        for _ in 0..WORDS {
            if socket.write(tungstenite::Message::text("word")).is_err() {
                return;
            }
        }
    });
    let mut feed = Feed::connect(Words::new(speaker), &Client::builder()).unwrap();
    let waker = feed.waker().unwrap();
    while feed.session().received == 0 {
        feed.next(Some(Duration::from_millis(10))).unwrap();
    }
    while feed.next(Some(Duration::ZERO)).unwrap().is_some() {}
    waker.wake();
    assert!(feed.next(None).unwrap().is_none());
    assert!(feed.session().received < WORDS && !feed.is_closed());
    drop(feed);
    words.join().unwrap();
}
