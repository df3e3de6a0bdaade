//! Every order of what a reader, a consumer and writers can do at once:
//!
//! ```sh
//! RUSTFLAGS='--cfg loom' cargo test --release --target-dir target/loom -p tickwire-handoff --test orders
//! ```
//!
//! A thread that waits for what has happened already would wait for ever, and the model says so.
#![cfg(loom)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;
use tickwire_handoff::{Consumer, Delivery, Gone, Offer, Overflow, Registry, Stream, Waker, outbox};

/// What the thread of a reader waits for.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Bell {
    fn wake(bell: &Arc<Self>) -> Waker {
        let bell = Arc::clone(bell);
        Waker::new(move || {
            *bell.rung.lock().unwrap() = true;
            bell.changed.notify_one();
        })
    }

    fn wait(&self) {
        let mut rung = self.rung.lock().unwrap();
        while !*rung {
            rung = self.changed.wait(rung).unwrap();
        }
        *rung = false;
    }
}

fn rig(stream: &Stream) -> (Registry<()>, Consumer<()>) {
    let mut registry = Registry::new(8);
    let (id, consumer) = registry.consumer(1024);
    registry.add(stream, id).unwrap();
    (registry, consumer)
}

fn offer(registry: &mut Registry<()>, byte: u8) -> Offer {
    registry.offer("a", 0, (), [&[byte][..]])
}

/// All that comes until the reader is gone, and how many messages were missed.
fn all(consumer: &mut Consumer<()>) -> (Vec<u8>, u64) {
    let (mut bytes, mut all_missed) = (Vec::new(), 0);
    loop {
        match consumer.next(None) {
            Ok(Some(Delivery::Message(message))) => {
                bytes.extend_from_slice(message.bytes);
                all_missed += message.missed;
            }
            Ok(Some(Delivery::Ended { missed, .. })) => all_missed += missed,
            Ok(None) => panic!("there is no time to be up"),
            Err(Gone) => return (bytes, all_missed),
        }
    }
}

#[test]
fn a_consumer_that_waits_is_told_everything() {
    loom::model(|| {
        let (mut registry, mut consumer) = rig(&Stream::new("a"));
        let reader = thread::spawn(move || {
            assert_eq!([1, 2].map(|byte| offer(&mut registry, byte)), [Offer::Taken; 2]);
        });
        assert_eq!(all(&mut consumer), (vec![1, 2], 0));
        reader.join().unwrap();
    });
}

#[test]
fn a_reader_that_waits_for_room_is_woken() {
    loom::model(|| {
        let (mut registry, mut consumer) = rig(&Stream::new("a").messages_max(1));
        let reader = thread::spawn(move || {
            assert_eq!([1, 2, 3].map(|byte| offer(&mut registry, byte)), [Offer::Taken; 3]);
            registry.close("a").unwrap();
        });
        assert_eq!(all(&mut consumer), (vec![1, 2, 3], 0));
        reader.join().unwrap();
    });
}

#[test]
fn a_reader_that_waits_for_other_things_too_is_woken_for_room() {
    loom::model(|| {
        let bell = Arc::new(Bell::default());
        let mut registry = Registry::waking(8, Bell::wake(&bell));
        let (id, mut consumer) = registry.consumer(1024);
        registry.add(&Stream::new("a").messages_max(1), id).unwrap();
        let reader = thread::spawn(move || {
            for byte in [1, 2] {
                while registry.try_offer("a", 0, (), [&[byte][..]]) == Offer::Full {
                    bell.wait();
                }
            }
        });
        assert_eq!(all(&mut consumer), (vec![1, 2], 0));
        reader.join().unwrap();
    });
}

#[test]
fn a_reader_that_waits_for_a_consumer_that_goes_is_woken() {
    loom::model(|| {
        let (mut registry, consumer) = rig(&Stream::new("a").messages_max(1));
        let gone = thread::spawn(move || drop(consumer));
        let offers = [1, 2].map(|byte| offer(&mut registry, byte));
        assert!(offers.contains(&Offer::Gone) || offers.contains(&Offer::Unknown), "{offers:?}");
        gone.join().unwrap();
    });
}

#[test]
fn what_is_dropped_is_counted_whenever_the_consumer_looks() {
    loom::model(|| {
        let stream = Stream::new("a").messages_max(1).overflow(Overflow::DropOldest);
        let (mut registry, mut consumer) = rig(&stream);
        let reader = thread::spawn(move || {
            assert_eq!([1, 2, 3].map(|byte| offer(&mut registry, byte)), [Offer::Taken; 3]);
            registry.close("a").unwrap();
        });
        let (bytes, missed) = all(&mut consumer);
        assert_eq!((bytes.last(), bytes.len() as u64 + missed), (Some(&3), 3));
        assert!(bytes.is_sorted());
        reader.join().unwrap();
    });
}

#[test]
fn what_writers_put_in_is_sent_whole_and_the_sender_is_woken_for_it() {
    loom::model(|| {
        let bell = Arc::new(Bell::default());
        let (mut outbox, writer) = outbox(1024, Bell::wake(&bell));
        let writers = [1, 2].map(|byte| {
            let writer = writer.clone();
            thread::spawn(move || writer.write((), &[byte, byte]).unwrap())
        });
        let mut sent: Vec<Vec<u8>> = Vec::new();
        while sent.len() < 2 {
            bell.wait();
            outbox.drain(|(), message| Ok::<(), ()>(sent.push(message.to_vec()))).unwrap();
        }
        sent.sort_unstable();
        assert_eq!(sent, [[1, 1], [2, 2]]);
        writers.into_iter().for_each(|writer| writer.join().unwrap());
    });
}
