//! What is asked for, against a venue that remembers what it was asked: in the end it brings what is wanted and no more.

use std::{collections::BTreeSet, time::Duration};

use proptest::{collection::vec, prelude::*};

use super::*;

const LEGS: usize = 3;
const BATCH_MAX: usize = 3;
/// Streams; the venue does not have the last two.
const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "x", "y"];
const SECOND: Duration = Duration::from_secs(1);

fn exists(name: &str) -> bool {
    name < "x"
}

/// What a stream shares a request with.
fn group(name: &str) -> Group {
    name.bytes().map(|byte| byte % 2).sum()
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Add(usize),
    Remove(usize),
    Open(usize),
    Close(usize),
    Ask(usize, bool),
    /// The venue answers one of the requests.
    Answer(usize),
    /// It refuses it, if it has a reason to.
    Refuse(usize),
    /// It is not answered in time, although it may have reached the venue.
    Mute(usize, bool),
    Renew(usize, usize),
    Pass,
}

fn step() -> impl Strategy<Value = Step> {
    let (name, leg, which) = (0..NAMES.len(), 0..LEGS, 0..9_usize);
    prop_oneof![
        3 => name.clone().prop_map(Step::Add),
        2 => name.clone().prop_map(Step::Remove),
        1 => leg.clone().prop_map(Step::Open),
        1 => leg.clone().prop_map(Step::Close),
        6 => (leg.clone(), any::<bool>()).prop_map(|(leg, joins)| Step::Ask(leg, joins)),
        4 => which.clone().prop_map(Step::Answer),
        2 => which.clone().prop_map(Step::Refuse),
        2 => (which, any::<bool>()).prop_map(|(which, arrives)| Step::Mute(which, arrives)),
        1 => (leg, name).prop_map(|(leg, name)| Step::Renew(leg, name)),
        2 => Just(Step::Pass),
    ]
}

/// A request on its way.
#[derive(Debug)]
struct Asked {
    id: u64,
    leg: usize,
    aim: Aim,
    names: Vec<String>,
}

struct Rig {
    subscriptions: Subscriptions,
    now: Instant,
    wanted: BTreeSet<&'static str>,
    /// What the venue brings on each open leg.
    legs: [Option<BTreeSet<String>>; LEGS],
    asked: Vec<Asked>,
    last_id: u64,
}

impl Rig {
    #[expect(clippy::disallowed_methods, reason = "a manual clock needs some instant to count from")]
    fn new() -> Self {
        let subscriptions = Subscriptions::new(u16::try_from(BATCH_MAX).unwrap());
        let (now, wanted) = (Instant::now(), BTreeSet::new());
        Self { subscriptions, now, wanted, legs: [const { None }; LEGS], asked: Vec::new(), last_id: 0 }
    }

    fn play(&mut self, step: Step) {
        match step {
            Step::Add(name) => {
                let is_new = self.wanted.insert(NAMES[name]);
                let place = self.subscriptions.add(NAMES[name], group(NAMES[name]), Some(self.now));
                assert_eq!(place.is_some(), is_new);
            }
            Step::Remove(name) => {
                let was_wanted = self.wanted.remove(NAMES[name]);
                assert_eq!(self.subscriptions.remove(NAMES[name], self.now).is_some(), was_wanted);
            }
            Step::Open(leg) if self.legs[leg].is_none() => {
                self.legs[leg] = Some(BTreeSet::new());
                self.subscriptions.on_open(leg, self.now);
            }
            Step::Close(leg) => {
                self.legs[leg] = None;
                self.asked.retain(|asked| asked.leg != leg);
                self.subscriptions.on_closed(leg);
            }
            Step::Ask(leg, joins) => {
                self.ask(leg, if joins { Aim::Subscribe } else { Aim::Unsubscribe });
            }
            Step::Answer(which) => self.take(which).into_iter().for_each(|asked| self.answer(asked)),
            Step::Refuse(which) => self.take(which).into_iter().for_each(|asked| self.refuse(asked)),
            Step::Mute(which, arrives) => {
                let Some(asked) = self.take(which) else { return };
                if arrives {
                    self.serve(&asked);
                }
                self.subscriptions.on_put_off(asked.leg, asked.id, self.now + SECOND);
            }
            Step::Renew(leg, name) => {
                if let Some(stream) = self.subscriptions.find(NAMES[name]) {
                    self.subscriptions.renew(leg, stream, self.now);
                }
            }
            Step::Pass => self.now += SECOND,
            Step::Open(_) => {}
        }
        self.compare();
    }

    /// Makes the next request, if one is due.
    fn ask(&mut self, leg: usize, aim: Aim) -> bool {
        let is_due = self.subscriptions.due_at(leg, aim).is_some_and(|at| at <= self.now);
        let id = self.last_id + 1;
        let group_of = self.subscriptions.ask(leg, aim, id, self.now);
        assert_eq!(group_of.is_some(), is_due);
        let Some(group_of) = group_of else { return false };
        self.last_id = id;
        let names: Vec<_> = self.subscriptions.of(leg, id).map(|(_, name)| name.to_owned()).collect();
        assert!((1..=BATCH_MAX).contains(&names.len()), "{names:?}");
        for name in &names {
            assert_eq!(group(name), group_of);
            assert!(aim == Aim::Unsubscribe || self.wanted.contains(name.as_str()), "nobody wants {name}");
        }
        self.asked.push(Asked { id, leg, aim, names });
        true
    }

    fn take(&mut self, which: usize) -> Option<Asked> {
        (!self.asked.is_empty()).then(|| self.asked.remove(which % self.asked.len()))
    }

    /// The venue does what it was asked.
    fn serve(&mut self, asked: &Asked) {
        let brings = self.legs[asked.leg].as_mut().unwrap();
        match asked.aim {
            Aim::Subscribe => brings.extend(asked.names.iter().filter(|name| exists(name)).cloned()),
            Aim::Unsubscribe => brings.retain(|name| !asked.names.contains(name)),
        }
    }

    fn answer(&mut self, asked: Asked) {
        self.serve(&asked);
        let came = NAMES
            .map(|name| self.subscriptions.find(name).is_some_and(|at| self.subscriptions.is_covered(at)));
        let is_first = |name: &str| {
            let at = NAMES.iter().position(|of| *of == name).unwrap();
            self.wanted.contains(name) && !came[at]
        };
        let became = self.subscriptions.on_done(asked.leg, asked.id, self.now, exists);
        let names: Vec<_> = became.iter().map(|(at, _)| self.subscriptions.name(*at).to_owned()).collect();
        assert_eq!(names, asked.names);
        for (name, (_, became)) in names.iter().zip(became) {
            let expected = match asked.aim {
                Aim::Subscribe if exists(name) && is_first(name) => Became::First,
                Aim::Subscribe if exists(name) => Became::Live,
                Aim::Subscribe => Became::Missing,
                Aim::Unsubscribe => Became::Left,
            };
            assert_eq!(became, expected, "{name}");
        }
    }

    /// A venue refuses to subscribe what it does not have, and to end what it does not bring, whatever else was asked for.
    fn refuse(&mut self, asked: Asked) {
        let brings = self.legs[asked.leg].as_ref().unwrap();
        let has_reason = match asked.aim {
            Aim::Subscribe => !asked.names.iter().all(|name| exists(name)),
            Aim::Unsubscribe => !asked.names.iter().all(|name| brings.contains(name)),
        };
        if !has_reason {
            return self.answer(asked);
        }
        let refused = self.subscriptions.on_refused(asked.leg, asked.id, self.now);
        let refused = refused.map(|at| self.subscriptions.name(at));
        let alone = (asked.names.len() == 1).then(|| asked.names[0].as_str());
        assert_eq!(refused, alone);
    }

    fn compare(&self) {
        let wanted: BTreeSet<_> = self.subscriptions.all().map(|(_, name)| name).collect();
        assert_eq!(wanted, self.wanted);
        assert_eq!(self.subscriptions.wanted(), wanted.len());
        let open: Vec<_> = self.subscriptions.open_legs().collect();
        assert_eq!(open, (0..LEGS).filter(|leg| self.legs[*leg].is_some()).collect::<Vec<_>>());
        for name in NAMES {
            let Some(at) = self.subscriptions.find(name) else { continue };
            assert_eq!(self.subscriptions.is_wanted(at), self.wanted.contains(name));
            for leg in 0..LEGS {
                let is_brought = self.legs[leg].as_ref().is_some_and(|brings| brings.contains(name));
                assert!(is_brought || !self.subscriptions.is_live(leg, at), "{name} is not brought on {leg}");
            }
        }
    }

    /// Everything is asked, and refused where it can be or else answered, until nothing is left to be done.
    fn settle(&mut self) {
        for round in 0.. {
            assert!(round < 50, "it does not come to an end");
            while let Some(asked) = self.take(0) {
                self.refuse(asked);
            }
            self.now += SECOND;
            let aims = [Aim::Unsubscribe, Aim::Subscribe];
            let legs = (0..LEGS).flat_map(|leg| aims.map(|aim| (leg, aim)));
            let asks: Vec<_> = legs.map(|(leg, aim)| self.ask(leg, aim)).collect();
            if !asks.contains(&true) {
                return;
            }
        }
    }

    /// What is brought is what is wanted.
    fn compare_all(&self) {
        let can_come: BTreeSet<_> = self.wanted.iter().filter(|name| exists(name)).copied().collect();
        for leg in self.subscriptions.open_legs() {
            let brings = self.legs[leg].as_ref().unwrap();
            assert!(
                brings.iter().map(String::as_str).eq(can_come.iter().copied()),
                "{brings:?} {can_come:?}"
            );
            assert!(self.subscriptions.is_settled(leg));
            for name in &self.wanted {
                let at = self.subscriptions.find(name).unwrap();
                assert_eq!(self.subscriptions.is_live(leg, at), exists(name), "{name}");
            }
        }
        assert!(self.subscriptions.leftovers().is_empty());
        let has_leg = self.legs.iter().any(Option::is_some);
        assert_eq!(self.subscriptions.has_leg(), has_leg);
        assert_eq!(self.subscriptions.pending(), if has_leg { 0 } else { self.wanted.len() });
    }
}

#[test]
fn a_stream_that_may_still_end_is_left_before_it_is_subscribed_again() {
    let mut rig = Rig::new();
    let leave = [Step::Remove(0), Step::Ask(0, false), Step::Mute(0, false), Step::Add(0), Step::Pass];
    let begin = [Step::Add(0), Step::Open(0), Step::Ask(0, true), Step::Answer(0)];
    begin.into_iter().chain(leave).for_each(|step| rig.play(step));
    assert!(!rig.ask(0, Aim::Subscribe));
    assert!(rig.ask(0, Aim::Unsubscribe));
    rig.play(Step::Answer(0));
    assert!(rig.ask(0, Aim::Subscribe));
}

proptest! {
    #[test]
    fn in_the_end_a_venue_brings_what_is_wanted_and_nothing_else(steps in vec(step(), 1..80)) {
        let mut rig = Rig::new();
        steps.into_iter().for_each(|step| rig.play(step));
        rig.settle();
        rig.compare_all();
    }
}
