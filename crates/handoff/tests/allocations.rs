//! Nothing is allocated once there are enough buffers.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use tickwire_handoff::{Offer, Overflow, Registry, Stream, Waker, outbox};

#[test]
fn buffers_are_used_again() {
    for overflow in [Overflow::Block, Overflow::DropOldest, Overflow::Conflate] {
        let mut registry = Registry::new(9);
        let (id, mut consumer) = registry.consumer(1 << 16);
        registry.add(&Stream::new("a").overflow(overflow).messages_max(8), id).unwrap();
        let mut pass = |rounds: usize| {
            for round in 0..rounds {
                for key in 0..7 {
                    let message = [0; 700];
                    let len = 100 + (round * 7 + key) % 600;
                    assert_eq!(registry.offer("a", key as u64 % 5, round, [&message[..len]]), Offer::Taken);
                }
                while consumer.next(Some(Duration::ZERO)).unwrap().is_some() {}
            }
        };
        pass(1000);
        let info = allocation_counter::measure(|| pass(1000));
        assert_eq!(info.count_total, 0, "{overflow:?}");
    }
}

#[test]
fn an_outbox_uses_two_buffers() {
    let (mut outbox, writer) = outbox(1 << 16, Waker::new(|| ()));
    let mut pass = || {
        for _ in 0..1000 {
            (0..20).for_each(|len| writer.write((), &[0; 100][..len]).unwrap());
            outbox.drain(|(), _| Ok::<(), ()>(())).unwrap();
        }
    };
    pass();
    assert_eq!(allocation_counter::measure(pass).count_total, 0);
}
