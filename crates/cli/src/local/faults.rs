//! What can go wrong at a local venue, by name.

use crate::exit::{Failure, USAGE};
use std::time::Duration;
use tickwire_sim::{Bursts, Fragments, Options, Refusals, Venue};

/// A fault as the command line names it.
#[derive(Debug, Clone, Copy)]
struct Kind {
    name: &'static str,
    /// What its value is, if it has one, and what it is when it is left out.
    value: &'static str,
    usual: &'static str,
    words: &'static str,
    /// Only Binance's books begin with a snapshot that is asked for.
    of_binance: bool,
    set: fn(&mut Options, &str) -> Option<()>,
}

/// The fault that concerns one stream.
const MUTE: &str = "mute";

const KINDS: [Kind; 13] = [
    Kind {
        name: "stale-snapshots",
        value: "N",
        usual: "1",
        words: "so many first snapshots of each symbol are too old",
        of_binance: true,
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
        of_binance: true,
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
        of_binance: true,
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
        of_binance: false,
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
        of_binance: false,
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
        of_binance: false,
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
        of_binance: false,
        set: |options, value| {
            options.faults.fragments = Some(Fragments { pieces: value.parse().ok()?, pings: true });
            Some(())
        },
    },
    Kind {
        name: MUTE,
        value: "STREAM",
        usual: "",
        words: "this stream is confirmed and says nothing",
        of_binance: false,
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
        of_binance: false,
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
        of_binance: false,
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
        of_binance: false,
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
        of_binance: false,
        set: |options, value| {
            options.faults.shutdown_after = Some(seconds(value)?);
            Some(())
        },
    },
    Kind {
        name: "cut-after",
        value: "SECONDS",
        usual: "3",
        words: "a connection of this age is cut without a word; of --legs those of one age go together",
        of_binance: false,
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
        if !kind.value.is_empty() && kind.usual.is_empty() && value.is_none() {
            return Err(format!("this fault needs a value: {}", kind.value));
        }
        let value = value.unwrap_or(kind.usual).to_owned();
        match (kind.set)(&mut Options::default(), &value) {
            Some(()) => Ok(Self { kind, value }),
            None => Err(format!("{value:?} is not a value of it: {}", kind.value)),
        }
    }

    /// # Errors
    /// A fault that the venue of the options cannot have.
    pub(crate) fn apply(&self, options: &mut Options) -> Result<(), Failure> {
        let Kind { name, of_binance, set, .. } = self.kind;
        if of_binance && options.venue == Venue::Deribit {
            let why = "the venue's snapshots come with the stream";
            return Err(Failure::new(USAGE, format!("--fault {name}: {why}")));
        }
        // Its value was tried when it was read.
        let _ = set(options, &self.value);
        Ok(())
    }
}

/// The streams that are muted.
pub(crate) fn muted(faults: &[Fault]) -> impl Iterator<Item = &str> {
    faults.iter().filter(|fault| fault.kind.name == MUTE).map(|fault| fault.value.as_str())
}

/// The faults, for the help.
pub(crate) fn help() -> String {
    let line = |kind: &Kind| {
        let name = match (kind.value, kind.usual) {
            ("", _) => kind.name.to_owned(),
            (value, "") => format!("{}={value}", kind.name),
            (value, _) => format!("{}[={value}]", kind.name),
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
        texts.iter().for_each(|text| Fault::parse(text).unwrap().apply(&mut options).unwrap());
        options
    }

    #[test]
    fn each_fault_can_be_named_and_most_have_a_usual_value() {
        for kind in KINDS {
            let before = format!("{:?}", Options::default());
            let name = if kind.name == MUTE { "mute=a@trade" } else { kind.name };
            assert_ne!(format!("{:?}", options(&[name])), before, "{name}");
        }
    }

    #[test]
    fn the_help_says_which_faults_must_have_a_value() {
        let help = help();
        for told in ["\n  mute=STREAM  ", "\n  drop-diff[=N]  ", "\n  answers-out-of-order  "] {
            assert!(help.contains(told), "{told} in {help}");
        }
    }

    #[test]
    fn a_fault_that_a_venue_cannot_have_is_refused() {
        let fault = Fault::parse("stale-snapshots").unwrap();
        assert!(fault.apply(&mut Options::of(Venue::Deribit)).is_err());
        assert!(fault.apply(&mut Options::of(Venue::BinanceUsdM)).is_ok());
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
        for text in
            ["", "mute", "nonsense", "drop-diff=x", "drop-diff=", "answers-out-of-order=1", "cut-after=-1"]
        {
            assert!(Fault::parse(text).is_err(), "{text}");
        }
    }
}
