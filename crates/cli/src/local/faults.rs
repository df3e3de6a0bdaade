//! What can go wrong at a local venue, by name.

use std::time::Duration;
use tickwire_sim::{Bursts, Fragments, Options, Refusals};

/// A fault as the command line names it.
#[derive(Debug, Clone, Copy)]
struct Kind {
    name: &'static str,
    /// What its value is, if it has one, and what it is when it is left out.
    value: &'static str,
    usual: &'static str,
    words: &'static str,
    set: fn(&mut Options, &str) -> Option<()>,
}

const KINDS: [Kind; 13] = [
    Kind {
        name: "stale-snapshots",
        value: "N",
        usual: "1",
        words: "so many first snapshots of each symbol are too old",
        set: |options, value| {
            options.faults.stale_snapshots = value.parse().ok()?;
            Some(())
        },
    },
    Kind {
        name: "mid-interval-snapshots",
        value: "",
        usual: "",
        words: "snapshots from inside the interval of a diff: books may be wrong, and differences are no failure",
        set: |options, _| {
            options.faults.snapshots_inside_intervals = true;
            Some(())
        },
    },
    Kind {
        name: "refuse-snapshots",
        value: "N",
        usual: "2",
        words: "so many first requests for snapshots are refused, to be asked again a second later",
        set: |options, value| {
            let (requests, retry_after) = (value.parse().ok()?, Duration::from_secs(1));
            options.binance.refusals = Some(Refusals { requests, banned: false, retry_after });
            Some(())
        },
    },
    Kind {
        name: "drop-diff",
        value: "N",
        usual: "20",
        words: "every Nth diff of a book is lost",
        set: |options, value| {
            options.faults.drop_diff_every = Some(value.parse().ok()?);
            Some(())
        },
    },
    Kind {
        name: "duplicate",
        value: "N",
        usual: "5",
        words: "every Nth message is sent twice",
        set: |options, value| {
            options.faults.duplicate_every = Some(value.parse().ok()?);
            Some(())
        },
    },
    Kind {
        name: "bursts",
        value: "LEVELS",
        usual: "2000",
        words: "each second so many levels of every book come or go at once",
        set: |options, value| {
            options.faults.bursts = Some(Bursts { every: 10, levels: value.parse().ok()? });
            Some(())
        },
    },
    Kind {
        name: "fragments",
        value: "N",
        usual: "3",
        words: "messages come in N frames with pings between them",
        set: |options, value| {
            options.faults.fragments = Some(Fragments { pieces: value.parse().ok()?, pings: true });
            Some(())
        },
    },
    Kind {
        name: "mute",
        value: "STREAM",
        usual: "btcusdt@depth@100ms",
        words: "this stream is confirmed and says nothing",
        set: |options, value| {
            options.faults.muted.push(value.to_owned());
            Some(())
        },
    },
    Kind {
        name: "silent-after",
        value: "SECONDS",
        usual: "3",
        words: "a connection of this age gets no more data",
        set: |options, value| {
            options.faults.silent_after = Some(seconds(value)?);
            Some(())
        },
    },
    Kind {
        name: "answer-delay",
        value: "SECONDS",
        usual: "1",
        words: "answers come so much later than the data",
        set: |options, value| {
            options.faults.answer_delay = seconds(value)?;
            Some(())
        },
    },
    Kind {
        name: "answers-out-of-order",
        value: "",
        usual: "",
        words: "every second answer comes behind the next one",
        set: |options, _| {
            options.faults.answers_out_of_order = true;
            Some(())
        },
    },
    Kind {
        name: "shutdown-after",
        value: "SECONDS",
        usual: "3",
        words: "a connection of this age is told of a shutdown and closed",
        set: |options, value| {
            options.faults.shutdown_after = Some(seconds(value)?);
            Some(())
        },
    },
    Kind {
        name: "cut-after",
        value: "SECONDS",
        usual: "3",
        words: "a connection of this age is cut without a word",
        set: |options, value| {
            options.faults.cut_after = Some(seconds(value)?);
            Some(())
        },
    },
];

fn seconds(value: &str) -> Option<Duration> {
    crate::clock::seconds(value).ok()
}

/// A fault and how much of it.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    kind: Kind,
    value: String,
}

impl Fault {
    /// Reads `NAME` or `NAME=VALUE`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
        let kind = KINDS.iter().find(|kind| kind.name == name).copied();
        let kind = kind.ok_or_else(|| {
            format!("there is no such fault; there are {}", KINDS.map(|kind| kind.name).join(", "))
        })?;
        if kind.value.is_empty() && value.is_some() {
            return Err("this fault has no value".to_owned());
        }
        let value = value.unwrap_or(kind.usual).to_owned();
        match (kind.set)(&mut Options::default(), &value) {
            Some(()) => Ok(Self { kind, value }),
            None => Err(format!("{value:?} is not a value of it: {}", kind.value)),
        }
    }

    pub(crate) fn apply(&self, options: &mut Options) {
        // Its value was tried when it was read.
        let _ = (self.kind.set)(options, &self.value);
    }
}

/// The faults, for the help.
pub(crate) fn help() -> String {
    let line = |kind: &Kind| {
        let name = match kind.value {
            "" => kind.name.to_owned(),
            value => format!("{}[={value}]", kind.name),
        };
        let usual = if kind.usual.is_empty() { String::new() } else { format!(" [{}]", kind.usual) };
        format!("\n  {name:<26} {}{usual}", kind.words)
    };
    format!("Faults of a local venue:{}", KINDS.iter().map(line).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(texts: &[&str]) -> Options {
        let mut options = Options::default();
        texts.iter().for_each(|text| Fault::parse(text).unwrap().apply(&mut options));
        options
    }

    #[test]
    fn each_fault_can_be_named_and_has_a_usual_value() {
        for kind in KINDS {
            let before = format!("{:?}", Options::default());
            assert_ne!(format!("{:?}", options(&[kind.name])), before, "{}", kind.name);
        }
    }

    #[test]
    fn values_are_taken() {
        let options = options(&["drop-diff=7", "cut-after=0.5", "mute=a@trade", "mute=b@trade"]);
        assert_eq!(options.faults.drop_diff_every, Some(7));
        assert_eq!(options.faults.cut_after, Some(Duration::from_millis(500)));
        assert_eq!(options.faults.muted, ["a@trade", "b@trade"]);
    }

    #[test]
    fn what_is_no_fault_is_refused() {
        for text in ["", "nonsense", "drop-diff=x", "drop-diff=", "answers-out-of-order=1", "cut-after=-1"] {
            assert!(Fault::parse(text).is_err(), "{text}");
        }
    }
}
