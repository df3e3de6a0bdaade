//! One direction of a connection: bytes on their way, in their order.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::chance::Chance;
use crate::hazard::Hazard;
use crate::net::Ending;

/// So many first bytes of a chopped lane come almost one by one.
const TINY_BYTES: u64 = 600;
const TINY: usize = 4;
/// Between two pieces of what was sent at once.
const PIECE_GAP: Duration = Duration::from_micros(200);

/// What arrives.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parcel {
    Bytes(Vec<u8>),
    End(Ending),
}

/// An end that comes at a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Bytes before it, from the beginning.
    at: u64,
    pub(super) ending: Ending,
    pub(super) hazard: Hazard,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// The end is on its way, or has arrived.
    Ended,
    /// Whatever is sent vanishes.
    Dead,
}

#[derive(Debug)]
pub(super) struct Lane {
    state: State,
    latency: Duration,
    jitter: Duration,
    /// The largest piece, where bytes come in pieces.
    pieces: Option<usize>,
    moving: VecDeque<(Instant, Parcel)>,
    /// When the last of them arrives.
    latest: Instant,
    stalled_until: Option<Instant>,
    /// Bytes so far.
    carried: u64,
    plan: Option<Plan>,
}

impl Lane {
    pub(super) fn new(latency: Duration, jitter: Duration, now: Instant) -> Self {
        Self {
            state: State::Open,
            latency,
            jitter,
            pieces: None,
            moving: VecDeque::new(),
            latest: now,
            stalled_until: None,
            carried: 0,
            plan: None,
        }
    }

    pub(super) fn latency(&self) -> Duration {
        self.latency
    }

    /// From now on bytes come in pieces of odd sizes up to this.
    pub(super) fn chop(&mut self, most: usize) {
        self.pieces = Some(most);
    }

    /// Nothing arrives before that.
    pub(super) fn stall(&mut self, until: Instant) {
        self.stalled_until = Some(until);
    }

    pub(super) fn is_stalled(&self, now: Instant) -> bool {
        self.stalled_until.is_some_and(|until| now < until)
    }

    /// The end comes after so many more bytes.
    pub(super) fn plan_end(&mut self, after: u64, ending: Ending, hazard: Hazard) {
        self.plan = Some(Plan { at: self.carried + after, ending, hazard });
    }

    /// What is on its way and what will be sent vanishes.
    pub(super) fn die(&mut self) {
        self.state = State::Dead;
        self.moving.clear();
    }

    pub(super) fn is_dead(&self) -> bool {
        self.state == State::Dead
    }

    /// Whether what is sent arrives.
    pub(super) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Whatever is wrong with it is over, but for death.
    pub(super) fn heal(&mut self) {
        (self.pieces, self.stalled_until, self.plan) = (None, None, None);
    }

    /// Sends bytes. Where that reaches a planned end, what is behind it is lost, and the plan is returned.
    pub(super) fn send(&mut self, bytes: &[u8], now: Instant, chance: &mut Chance) -> Option<Plan> {
        if self.state != State::Open {
            return None;
        }
        let left = self.plan.map_or(u64::MAX, |plan| plan.at.saturating_sub(self.carried));
        let sent = bytes.get(..usize::try_from(left).unwrap_or(usize::MAX)).unwrap_or(bytes);
        self.send_pieces(sent, now, chance);
        let plan = self.plan.filter(|plan| self.carried >= plan.at)?;
        self.end(plan.ending, now);
        Some(plan)
    }

    fn send_pieces(&mut self, mut bytes: &[u8], now: Instant, chance: &mut Chance) {
        let jitter = chance.between(Duration::ZERO..=self.jitter);
        self.latest = self.latest.max(now + self.latency + jitter);
        while !bytes.is_empty() {
            let most = match self.pieces {
                None => bytes.len(),
                Some(_) if self.carried < TINY_BYTES => chance.size(TINY),
                Some(most) => chance.size(most),
            };
            let (piece, rest) = bytes.split_at(most.min(bytes.len()));
            self.moving.push_back((self.latest, Parcel::Bytes(piece.to_vec())));
            self.carried += piece.len() as u64;
            bytes = rest;
            if !bytes.is_empty() {
                self.latest += chance.gap(PIECE_GAP);
            }
        }
    }

    /// Sends the end.
    pub(super) fn end(&mut self, ending: Ending, now: Instant) {
        if self.state == State::Open {
            self.state = State::Ended;
            self.latest = self.latest.max(now + self.latency);
            self.moving.push_back((self.latest, Parcel::End(ending)));
        }
    }

    /// The next that has arrived by now.
    pub(super) fn arrive(&mut self, now: Instant) -> Option<Parcel> {
        if self.next_arrival()? > now {
            return None;
        }
        self.moving.pop_front().map(|(_, parcel)| parcel)
    }

    pub(super) fn next_arrival(&self) -> Option<Instant> {
        let (at, _) = self.moving.front()?;
        Some(self.stalled_until.map_or(*at, |until| until.max(*at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const LATENCY: Duration = Duration::from_millis(10);

    fn lane() -> (Lane, Chance, Instant) {
        let now = clock::now().instant;
        (Lane::new(LATENCY, Duration::from_millis(50), now), Chance::new(1, 1), now)
    }

    /// What arrives until the lane is empty, and when.
    fn arrivals(lane: &mut Lane) -> Vec<(Instant, Parcel)> {
        std::iter::from_fn(|| {
            let at = lane.next_arrival()?;
            lane.arrive(at).map(|parcel| (at, parcel))
        })
        .collect()
    }

    fn bytes_of(parcel: Parcel) -> Vec<u8> {
        match parcel {
            Parcel::Bytes(bytes) => bytes,
            Parcel::End(ending) => panic!("{ending:?}"),
        }
    }

    #[test]
    fn jitter_does_not_change_the_order_and_a_stall_delays_all() {
        let (mut lane, mut chance, now) = lane();
        for number in 0..200_u8 {
            let at = now + Duration::from_millis(u64::from(number));
            assert_eq!(lane.send(&[number], at, &mut chance), None);
        }
        let stalled = now + Duration::from_millis(100);
        lane.stall(stalled);
        let arrived = arrivals(&mut lane);
        assert!(arrived.is_sorted_by_key(|(at, _)| *at));
        assert!(arrived.iter().all(|(at, _)| *at >= stalled));
        let bytes: Vec<_> = arrived.into_iter().flat_map(|(_, parcel)| bytes_of(parcel)).collect();
        assert_eq!(bytes, (0..200).collect::<Vec<u8>>());
    }

    #[test]
    fn pieces_are_odd_and_make_the_whole() {
        let (mut lane, mut chance, now) = lane();
        lane.chop(50);
        let bytes: Vec<_> = (0..1_500_u32).map(|number| number.to_le_bytes()[0]).collect();
        lane.send(&bytes, now, &mut chance);
        let arrived = arrivals(&mut lane);
        let pieces: Vec<_> = arrived.into_iter().map(|(_, parcel)| bytes_of(parcel)).collect();
        assert!(pieces.len() > 170 && pieces.iter().all(|piece| (1..=50).contains(&piece.len())));
        assert_eq!(pieces.concat(), bytes);
    }

    #[test]
    fn a_planned_end_comes_at_its_byte_and_the_rest_is_lost() {
        let (mut lane, mut chance, now) = lane();
        assert_eq!(lane.send(b"abc", now, &mut chance), None);
        lane.plan_end(2, Ending::Reset, Hazard::Cut);
        assert_eq!(lane.send(b"d", now, &mut chance), None);
        let plan = lane.send(b"efg", now, &mut chance).expect("it is reached");
        assert_eq!((plan.ending, plan.hazard), (Ending::Reset, Hazard::Cut));
        assert_eq!(lane.send(b"h", now, &mut chance), None);
        let mut arrived: Vec<_> = arrivals(&mut lane).into_iter().map(|(_, parcel)| parcel).collect();
        assert_eq!(arrived.pop(), Some(Parcel::End(Ending::Reset)));
        let bytes: Vec<_> = arrived.into_iter().flat_map(bytes_of).collect();
        assert_eq!(bytes, b"abcde");
    }

    #[test]
    fn what_dies_takes_along_what_is_on_its_way() {
        let (mut lane, mut chance, now) = lane();
        lane.send(b"abc", now, &mut chance);
        lane.die();
        lane.heal();
        lane.send(b"def", now, &mut chance);
        lane.end(Ending::Finished, now);
        assert_eq!(lane.next_arrival(), None);
    }
}
