//! One reader, several consumers and writers, each on a thread of its own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tickwire_handoff::{
    Consumer, Delivery, End, Gone, Offer, Overflow, Registry, RegistryError, Stream, Waker, WriteError,
    outbox,
};

const CONSUMERS: usize = 4;
const STREAMS: usize = 40;
const MESSAGES: u64 = 2_000;

fn name(stream: usize) -> String {
    format!("stream {stream}")
}

/// What wakes the reader, and what it waits for then.
fn bell() -> (Waker, mpsc::Receiver<()>) {
    let (ring, bell) = mpsc::sync_channel(1);
    // One that rings already is enough.
    (Waker::new(move || _ = ring.try_send(())), bell)
}

/// Takes everything; how many messages came and how many were missed of each stream, if all were in order and whole.
fn take_all(mut consumer: Consumer<u64>) -> Vec<(String, u64, u64)> {
    let mut all: Vec<(String, u64, u64)> = Vec::new();
    loop {
        let delivery = match consumer.next(None) {
            Ok(Some(delivery)) => delivery,
            Ok(None) => panic!("the time cannot be up"),
            Err(Gone) => return all,
        };
        let (Delivery::Message(tickwire_handoff::Message { stream, .. }) | Delivery::Ended { stream, .. }) =
            delivery;
        let at = all.iter().position(|(name, ..)| name == stream);
        let at = at.unwrap_or_else(|| {
            all.push((stream.to_owned(), 0, 0));
            all.len() - 1
        });
        let (_, came, missed_before) = &mut all[at];
        match delivery {
            Delivery::Message(message) => {
                assert_eq!(message.sequence, *came + *missed_before + message.missed, "{stream}");
                assert_eq!(
                    (message.meta, message.bytes),
                    (message.sequence, text(message.sequence).as_bytes())
                );
                *came += 1;
                *missed_before += message.missed;
            }
            Delivery::Ended { end, missed, .. } => {
                assert_eq!(end, End::Closed);
                *missed_before += missed;
            }
        }
    }
}

fn text(number: u64) -> String {
    format!("message {number}")
}

/// Each stream gets all messages, in turn, each in two pieces.
fn hand_over(registry: &mut Registry<u64>) {
    for number in 0..MESSAGES {
        let text = text(number);
        let (first, second) = text.as_bytes().split_at(3);
        for stream in 0..STREAMS {
            assert_eq!(registry.offer(&name(stream), 0, number, [first, second]), Offer::Taken);
        }
    }
    (0..STREAMS).for_each(|stream| registry.close(&name(stream)).unwrap());
}

fn run(overflow: Overflow) -> Vec<(String, u64, u64)> {
    let mut registry = Registry::new(STREAMS);
    let mut threads = Vec::new();
    for first in 0..CONSUMERS {
        let (id, consumer) = registry.consumer(4096);
        for stream in (first..STREAMS).step_by(CONSUMERS) {
            registry.add(&Stream::new(&name(stream)).overflow(overflow).messages_max(7), id).unwrap();
        }
        threads.push(thread::spawn(move || take_all(consumer)));
    }
    hand_over(&mut registry);
    drop(registry);
    threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
}

#[test]
fn a_reader_that_holds_back_loses_nothing() {
    let all = run(Overflow::Block);
    assert_eq!(all.len(), STREAMS);
    assert!(all.iter().all(|(_, came, missed)| (*came, *missed) == (MESSAGES, 0)), "{all:?}");
}

#[test]
fn a_reader_that_does_not_wait_is_woken_when_there_is_room() {
    let (wake, bell) = bell();
    let mut registry = Registry::waking(9, wake);
    let (id, mut consumer) = registry.consumer(100);
    registry.add(&Stream::new("a").messages_max(1), id).unwrap();
    let mut offer = |number| registry.try_offer("a", 0, number, [text(number).as_bytes()]);
    assert_eq!([offer(0), offer(1)], [Offer::Taken, Offer::Full]);
    assert!(bell.try_recv().is_err(), "there is no room");
    assert!(matches!(consumer.next(None), Ok(Some(Delivery::Message(_)))));
    assert!(bell.try_recv().is_ok());
    assert_eq!([offer(1), offer(2)], [Offer::Taken, Offer::Full]);
    let Ok(Some(Delivery::Message(message))) = consumer.next(None) else { panic!("a message") };
    assert_eq!((message.sequence, message.missed, message.bytes), (1, 0, &b"message 1"[..]));
}

#[test]
fn what_is_dropped_is_counted() {
    let all = run(Overflow::DropOldest);
    assert_eq!(all.len(), STREAMS);
    assert!(all.iter().all(|(_, came, missed)| came + missed == MESSAGES), "{all:?}");
}

#[test]
fn a_consumer_that_goes_takes_its_streams_along() {
    let mut registry = Registry::new(9);
    let (first, gone) = registry.consumer(100);
    let (second, mut stays) = registry.consumer(100);
    registry.add(&Stream::new("a"), first).unwrap();
    registry.add(&Stream::new("b"), first).unwrap();
    registry.add(&Stream::new("c"), second).unwrap();
    drop(gone);
    let offers = ["a", "b", "a", "c"].map(|name| registry.offer(name, 0, (), [&b"x"[..]]));
    assert_eq!(offers, [Offer::Gone, Offer::Unknown, Offer::Unknown, Offer::Taken]);
    assert_eq!(
        (registry.unknown().messages, registry.unknown().names.as_slice()),
        (3, &["a".to_owned(), "b".to_owned()][..])
    );
    assert!(matches!(stays.next(Some(Duration::ZERO)), Ok(Some(Delivery::Message(_)))));
    assert_eq!(stays.next(Some(Duration::ZERO)), Ok(None));
    drop(registry);
    assert_eq!(stays.next(None), Err(Gone));
}

#[test]
fn ids_are_not_used_again_and_streams_of_who_is_gone_can_be_anothers() {
    let mut registry = Registry::<()>::new(2);
    let (gone_id, gone) = registry.consumer(100);
    registry.add(&Stream::new("a"), gone_id).unwrap();
    drop(gone);
    let (id, _consumer) = registry.consumer(100);
    assert_eq!(registry.add(&Stream::new("b"), gone_id), Err(RegistryError::NoConsumer));
    registry.add(&Stream::new("a"), id).unwrap();
    assert_eq!(registry.add(&Stream::new("a"), id), Err(RegistryError::Twice));
    registry.add(&Stream::new("b"), id).unwrap();
    assert_eq!(registry.add(&Stream::new("c"), id), Err(RegistryError::Streams(2)));
}

#[test]
fn a_stream_begins_again_only_when_its_end_was_told() {
    let mut registry = Registry::new(2);
    let (id, mut consumer) = registry.consumer(100);
    registry.add(&Stream::new("a"), id).unwrap();
    assert_eq!(registry.offer("a", 0, 7, [&b"x"[..]]), Offer::Taken);
    registry.close("a").unwrap();
    assert_eq!(registry.add(&Stream::new("a"), id), Err(RegistryError::Twice));
    // Ends that nobody asks for are bounded, too.
    registry.add(&Stream::new("b"), id).unwrap();
    registry.close("b").unwrap();
    assert_eq!(registry.add(&Stream::new("c"), id), Err(RegistryError::Streams(2)));
    while consumer.next(Some(Duration::ZERO)).unwrap().is_some() {}
    registry.add(&Stream::new("a"), id).unwrap();
}

#[test]
fn the_latest_is_taken_at_the_last_moment() {
    let mut registry = Registry::new(3);
    let (id, mut consumer) = registry.consumer(1000);
    for name in ["a", "b", "c"] {
        registry.add(&Stream::new(name).overflow(Overflow::Conflate), id).unwrap();
        assert_eq!(registry.offer(name, 0, 1, [&b"old"[..]]), Offer::Taken);
    }
    let taken = |consumer: &mut Consumer<u64>| match consumer.next(None) {
        Ok(Some(Delivery::Message(message))) => (message.stream.to_owned(), message.meta, message.missed),
        other => panic!("{other:?}"),
    };
    assert_eq!(taken(&mut consumer), ("a".into(), 1, 0));
    for name in ["a", "b", "c"] {
        assert_eq!(registry.offer(name, 0, 2, [&b"new"[..]]), Offer::Taken);
    }
    assert_eq!(
        [(); 3].map(|()| taken(&mut consumer)),
        [("b".into(), 2, 1), ("c".into(), 2, 1), ("a".into(), 2, 0)]
    );
}

#[test]
fn a_stream_that_fails_is_told_at_once_and_its_name_can_be_used_again() {
    let mut registry = Registry::new(9);
    let (id, mut consumer) = registry.consumer(100);
    registry.add(&Stream::new("a"), id).unwrap();
    for number in 0..3 {
        assert_eq!(registry.offer("a", 0, number, [&b"x"[..]]), Offer::Taken);
    }
    registry.fail("a").unwrap();
    assert!(registry.fail("a").is_err() && registry.close("a").is_err());
    let ended = Delivery::Ended { stream: "a", end: End::Failed, missed: 3 };
    assert_eq!(consumer.next(Some(Duration::ZERO)), Ok(Some(ended)));
    registry.add(&Stream::new("b"), id).unwrap();
    assert_eq!(registry.offer("b", 0, 7, [&b"y"[..]]), Offer::Taken);
    let Ok(Some(Delivery::Message(message))) = consumer.next(None) else { panic!("a message") };
    assert_eq!((message.stream, message.sequence, message.meta, message.bytes), ("b", 0, 7, &b"y"[..]));
}

#[test]
fn writers_on_several_threads_are_bounded_and_their_messages_whole() {
    let (wake, bell) = bell();
    let (mut outbox, writer) = outbox(1000, wake);
    assert_eq!(writer.write(0, &[0; 985]), Err(WriteError::TooLong));
    let threads: Vec<_> = (1..=4_u8)
        .map(|own| {
            let writer = writer.clone();
            thread::spawn(move || {
                let mut full = 0_u64;
                for len in 0..200_usize {
                    while writer.write(own, &vec![own; len]) == Err(WriteError::Full) {
                        full += 1;
                        thread::yield_now();
                    }
                }
                full
            })
        })
        .collect();
    let mut lens = [0_usize; 5];
    let mut refuses = false;
    while lens[1..].iter().any(|len| *len < 200) {
        // A connection that is full takes it the next time.
        refuses = !refuses;
        let drained = outbox.drain(|own, message| {
            let len = &mut lens[usize::from(own)];
            if refuses && *len % 3 == 0 {
                return Err(());
            }
            assert_eq!(message, vec![own; *len], "whole, and in the order of its writer");
            *len += 1;
            Ok(())
        });
        if drained.is_ok() && lens[1..].iter().any(|len| *len < 200) {
            bell.recv().unwrap();
        }
    }
    threads.into_iter().for_each(|thread| _ = thread.join().unwrap());
    drop(outbox);
    assert_eq!(writer.write(0, b""), Err(WriteError::Gone));
}
