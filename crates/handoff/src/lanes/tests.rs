//! Lanes against plain lists: what is told, in which order, and that everything else is counted.

use super::*;
use proptest::{collection::vec, prelude::*};

const BYTES_MAX: usize = 40;
const LANES: usize = 3;
const RULES: [(Overflow, usize); LANES] =
    [(Overflow::Block, 4), (Overflow::DropOldest, 3), (Overflow::Conflate, 2)];

#[derive(Debug, Clone, Copy)]
enum Step {
    Put {
        lane: usize,
        key: u64,
        len: usize,
    },
    Take,
    Close(usize),
    Fail(usize),
    /// Another stream in place of one that has ended.
    Open(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let put = (0..LANES, 0..3_u64, 0..30_usize).prop_map(|(lane, key, len)| Step::Put { lane, key, len });
    prop_oneof![
        12 => put,
        8 => Just(Step::Take),
        1 => (0..LANES).prop_map(Step::Close),
        1 => (0..LANES).prop_map(Step::Fail),
        2 => (0..LANES).prop_map(Step::Open),
    ]
}

/// What should wait of a stream.
#[derive(Debug, Default)]
struct Told {
    place: Option<usize>,
    is_open: bool,
    has_failed: bool,
    waiting: Vec<(u64, u64, Vec<u8>)>,
    put: u64,
    told: u64,
    missed: u64,
    next: u64,
    /// How often others had their turn while it had something.
    passed_over: usize,
}

struct Rig {
    lanes: Lanes<u64>,
    told: [Told; LANES],
    buffer: Vec<u8>,
    names: u64,
}

impl Rig {
    fn new() -> Self {
        let mut rig = Self {
            lanes: Lanes::new(BYTES_MAX),
            told: std::array::from_fn(|_| Told::default()),
            buffer: Vec::new(),
            names: 0,
        };
        (0..LANES).for_each(|lane| rig.open(lane));
        rig
    }

    fn open(&mut self, which: usize) {
        if self.told[which].place.is_some() {
            return;
        }
        let (overflow, messages_max) = RULES[which];
        self.names += 1;
        let name = format!("{which} {}", self.names);
        let place = self.lanes.open(&Stream::new(&name).overflow(overflow).messages_max(messages_max));
        assert!(place < LANES, "places are used again");
        assert_eq!(*self.lanes.name(place).unwrap(), *name);
        self.told[which] = Told { place: Some(place), is_open: true, ..Told::default() };
    }

    fn bytes(&self) -> usize {
        self.told.iter().flat_map(|told| &told.waiting).map(|(.., bytes)| bytes.len()).sum()
    }

    fn put(&mut self, which: usize, key: u64, len: usize) {
        let Some(place) = self.told[which].place else { return };
        let mut bytes = vec![u8::try_from(self.told[which].put % 251).unwrap(); len];
        let sent = bytes.clone();
        let put = self.lanes.put(place, key, self.told[which].put, &mut bytes);
        let expected = self.put_naively(which, key, sent.clone());
        assert_eq!(put, expected);
        // What was not taken is still there.
        assert_eq!(bytes, if put == Put::Done { Vec::new() } else { sent });
    }

    fn put_naively(&mut self, which: usize, key: u64, bytes: Vec<u8>) -> Put {
        let (overflow, messages_max) = RULES[which];
        if !self.told[which].is_open {
            return Put::Closed;
        }
        let sequence = self.told[which].put;
        let own: usize = self.told[which].waiting.iter().map(|(.., bytes)| bytes.len()).sum();
        let others = self.bytes() - own;
        while others == 0 || others + bytes.len() <= BYTES_MAX {
            let all = self.bytes();
            let waiting = &mut self.told[which].waiting;
            let same = waiting.iter_mut().find(|(of, ..)| overflow == Overflow::Conflate && *of == key);
            let Some(same) = same else { break };
            let others = all - same.2.len();
            if others == 0 || others + bytes.len() <= BYTES_MAX {
                *same = (key, sequence, bytes);
                self.told[which].put += 1;
                return Put::Done;
            }
            waiting.remove(0);
        }
        loop {
            let all = self.bytes();
            let is_short =
                self.told[which].waiting.len() >= messages_max || (all > 0 && all + bytes.len() > BYTES_MAX);
            let told = &mut self.told[which];
            if !is_short {
                told.waiting.push((key, sequence, bytes));
                told.put += 1;
                return Put::Done;
            }
            if overflow == Overflow::Block {
                return Put::Full;
            }
            let own: usize = told.waiting.iter().map(|(.., bytes)| bytes.len()).sum();
            let others = all - own;
            if others > 0 && others + bytes.len() > BYTES_MAX {
                // None of the others need to go for one that cannot come.
                told.put += 1;
                return Put::Done;
            }
            told.waiting.remove(0);
        }
    }

    fn take(&mut self) -> bool {
        let has_any = self.told.iter().any(Told::has_any);
        assert_eq!(self.lanes.has_any(), has_any);
        let Some(taken) = self.lanes.take(&mut self.buffer) else {
            assert!(!has_any);
            return false;
        };
        let which = self.told.iter().position(|told| told.place == Some(taken.lane)).unwrap();
        for (other, told) in self.told.iter_mut().enumerate() {
            told.passed_over = if other == which || !told.has_any() { 0 } else { told.passed_over + 1 };
            assert!(told.passed_over < LANES, "each has its turn");
        }
        let told = &mut self.told[which];
        told.missed += taken.missed;
        match taken.what {
            What::Message { sequence, meta } => {
                let (_, expected, bytes) = told.waiting.remove(0);
                assert_eq!((sequence, &self.buffer), (expected, &bytes));
                assert_eq!(meta, sequence, "it was said of this message");
                told.told += 1;
                if RULES[which].0 != Overflow::Conflate {
                    assert_eq!(sequence, told.next + taken.missed);
                    told.next = sequence + 1;
                }
            }
            What::Ended(end) => {
                assert_eq!(end == End::Failed, told.has_failed);
                assert!(told.waiting.is_empty() && !told.is_open);
                assert_eq!(told.told + told.missed, told.put, "what was not told is counted");
                told.place = None;
            }
        }
        true
    }

    fn play(&mut self, step: Step) {
        match step {
            Step::Put { lane, key, len } => self.put(lane, key, len),
            Step::Take => _ = self.take(),
            Step::Open(lane) => self.open(lane),
            Step::Close(lane) => self.end(lane, false),
            Step::Fail(lane) => self.end(lane, true),
        }
        let bytes = self.bytes();
        assert_eq!(self.lanes.store.bytes, bytes);
        let lens = self.told.iter().flat_map(|told| &told.waiting).filter(|(.., bytes)| !bytes.is_empty());
        assert!(bytes <= BYTES_MAX || lens.count() == 1, "what is larger than everything waits alone");
        assert!(self.lanes.store.free_bytes <= BYTES_MAX);
        let free: usize = self.lanes.store.free.iter().map(Vec::capacity).sum();
        assert_eq!(self.lanes.store.free_bytes, free);
    }

    fn end(&mut self, which: usize, fails: bool) {
        let told = &mut self.told[which];
        let Some(place) = told.place else { return };
        if fails {
            self.lanes.fail(place);
            if told.is_open {
                told.waiting.clear();
                told.has_failed = true;
            }
        } else {
            self.lanes.close(place);
        }
        told.is_open = false;
    }
}

impl Told {
    fn has_any(&self) -> bool {
        !self.waiting.is_empty() || (self.place.is_some() && !self.is_open)
    }
}

proptest! {
    #[test]
    fn what_is_put_in_is_taken_in_order_or_counted(steps in vec(step(), 1..200)) {
        let mut rig = Rig::new();
        steps.into_iter().for_each(|step| rig.play(step));
        (0..LANES).for_each(|lane| rig.play(Step::Close(lane)));
        while rig.take() {}
        prop_assert!(rig.told.iter().all(|told| told.place.is_none()));
    }
}

#[test]
fn a_buffer_that_held_much_is_not_kept_for_little() {
    for overflow in [Overflow::Block, Overflow::Conflate] {
        let mut lanes = Lanes::new(1 << 30);
        let place = lanes.open(&Stream::new("a").overflow(overflow));
        // The second stands in for the first where only the latest is wanted.
        for _ in 0..2 {
            let mut bytes = Vec::with_capacity(1 << 20);
            bytes.push(1);
            assert_eq!(lanes.put(place, 0, (), &mut bytes), Put::Done);
        }
        let mut buffer = Vec::new();
        lanes.take(&mut buffer).unwrap();
        assert!(buffer.capacity() < 2048, "{overflow:?}: {}", buffer.capacity());
    }
}

#[test]
fn a_message_that_is_larger_than_everything_may_be_waits_alone() {
    let mut lanes = Lanes::new(10);
    let place = lanes.open(&Stream::new("a"));
    let put = |lanes: &mut Lanes<()>, len| lanes.put(place, 0, (), &mut vec![0; len]);
    assert_eq!(
        [put(&mut lanes, 20), put(&mut lanes, 0), put(&mut lanes, 1)],
        [Put::Done, Put::Full, Put::Full]
    );
    let mut buffer = Vec::new();
    assert!(lanes.take(&mut buffer).is_some());
    assert_eq!(buffer.len(), 20);
    assert_eq!([put(&mut lanes, 10), put(&mut lanes, 1)], [Put::Done, Put::Full]);
}
