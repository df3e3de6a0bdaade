//! The suite's verdicts: read, counted, compared and written.

use crate::Outcome;
use crate::plan::{CaseId, Expected};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// The verdicts on one run, in the suite's own words.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) name: String,
    pub(crate) took: Duration,
    pub(crate) verdicts: BTreeMap<CaseId, Verdict>,
}

#[derive(Debug)]
pub(crate) struct Verdict {
    behavior: String,
    behavior_close: String,
    milliseconds: u64,
}

/// Adds the verdicts of one process of the suite.
pub(crate) fn read(index: &Path, agent: &str, verdicts: &mut BTreeMap<CaseId, Verdict>) -> Outcome<()> {
    let text = fs::read_to_string(index)
        .map_err(|error| format!("the suite has written no {}: {error}", index.display()))?;
    let file: Value = serde_json::from_str(&text)?;
    let cases = file[agent].as_object().ok_or("the suite's report knows nothing of this run")?;
    for (id, case) in cases {
        let word = |name: &str| case[name].as_str().unwrap_or("no verdict").to_owned();
        let verdict = Verdict {
            behavior: word("behavior"),
            behavior_close: word("behaviorClose"),
            milliseconds: case["duration"].as_u64().unwrap_or_default(),
        };
        if verdicts.insert(id.parse()?, verdict).is_some() {
            return Err(format!("case {id} was run twice").into());
        }
    }
    Ok(())
}

impl Report {
    /// What differs from the expectation, in either direction.
    pub(crate) fn differences(&self, expected: &BTreeMap<CaseId, Expected>) -> Vec<String> {
        let ids: BTreeSet<_> = self.verdicts.keys().chain(expected.keys()).collect();
        let mut differences = Vec::new();
        for id in ids {
            let (verdict, expected) = match (self.verdicts.get(id), expected.get(id)) {
                (Some(verdict), Some(expected)) => (verdict, expected),
                (None, _) => {
                    differences.push(format!("{id}: no verdict"));
                    continue;
                }
                (_, None) => {
                    differences.push(format!("{id}: not asked for"));
                    continue;
                }
            };
            let pairs = [
                ("behaviour", &verdict.behavior, &expected.behavior),
                ("close behaviour", &verdict.behavior_close, &expected.behavior_close),
            ];
            for (what, is, should) in pairs.into_iter().filter(|(_, is, should)| is != should) {
                differences.push(format!("{id}: {what} {is}, expected {should}"));
            }
        }
        differences
    }

    /// Counts by section, one line each.
    pub(crate) fn table(&self) -> String {
        let mut table = format!("{}: {} cases in {:.1?}\n", self.name, self.verdicts.len(), self.took);
        table.push_str(concat!(
            "section cases |   OK NON-STRICT INFORMATIONAL UNIMPLEMENTED FAILED",
            " | close: OK INFORMATIONAL other | seconds\n"
        ));
        let sections: BTreeSet<_> = self.verdicts.keys().map(CaseId::section).collect();
        for section in sections {
            let of = self.verdicts.iter().filter(|(id, _)| id.section() == section);
            line(&mut table, &section.to_string(), of.map(|(_, verdict)| verdict).collect());
        }
        line(&mut table, "all", self.verdicts.values().collect());
        table
    }

    pub(crate) fn json(&self, differences: &[String]) -> Value {
        let cases: serde_json::Map<_, _> = self
            .verdicts
            .iter()
            .map(|(id, Verdict { behavior, behavior_close, milliseconds })| {
                let case = json!({
                    "behavior": behavior, "behaviorClose": behavior_close, "milliseconds": milliseconds
                });
                (id.to_string(), case)
            })
            .collect();
        json!({
            "run": self.name,
            "seconds": self.took.as_secs_f64(),
            "differences": differences,
            "cases": cases,
        })
    }
}

fn line(table: &mut String, section: &str, verdicts: Vec<&Verdict>) {
    let count = |name: &str| verdicts.iter().filter(|verdict| verdict.behavior == name).count();
    let close = |name: &str| verdicts.iter().filter(|verdict| verdict.behavior_close == name).count();
    let [ok, lax, told, absent] = ["OK", "NON-STRICT", "INFORMATIONAL", "UNIMPLEMENTED"].map(count);
    let [close_ok, close_told] = ["OK", "INFORMATIONAL"].map(close);
    let cases = verdicts.len();
    let failed = cases - ok - lax - told - absent;
    let close_other = cases - close_ok - close_told;
    let milliseconds: u64 = verdicts.iter().map(|verdict| verdict.milliseconds).sum();
    let seconds = Duration::from_millis(milliseconds).as_secs_f64();
    // Writing to a string cannot fail.
    let _ = writeln!(
        table,
        "{section:>7} {cases:>5} | {ok:>4} {lax:>10} {told:>13} {absent:>13} {failed:>6} | \
         {close_ok:>9} {close_told:>13} {close_other:>5} | {seconds:>7.1}",
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(verdicts: &[(&str, &str, &str)]) -> Report {
        let verdicts = verdicts.iter().map(|(id, behavior, close)| {
            let (behavior, behavior_close) = ((*behavior).to_owned(), (*close).to_owned());
            (id.parse().unwrap(), Verdict { behavior, behavior_close, milliseconds: 1 })
        });
        Report { name: "test".to_owned(), took: Duration::ZERO, verdicts: verdicts.collect() }
    }

    fn expected(cases: &[(&str, &str, &str)]) -> BTreeMap<CaseId, Expected> {
        let cases = cases.iter().map(|(id, behavior, close)| {
            let (behavior, behavior_close) = ((*behavior).to_owned(), (*close).to_owned());
            (id.parse().unwrap(), Expected { behavior, behavior_close })
        });
        cases.collect()
    }

    #[test]
    fn every_difference_is_told_in_either_direction() {
        let is = [
            ("1.1.1", "OK", "OK"),
            ("1.1.2", "OK", "UNCLEAN"),
            ("7.1.6", "OK", "OK"),
            ("9.1.1", "FAILED", "OK"),
        ];
        let should = [
            ("1.1.1", "OK", "OK"),
            ("1.1.2", "OK", "OK"),
            ("7.1.6", "INFORMATIONAL", "OK"),
            ("10.1.1", "OK", "OK"),
        ];
        let differences = report(&is).differences(&expected(&should));
        let told = [
            "1.1.2: close behaviour UNCLEAN, expected OK",
            "7.1.6: behaviour OK, expected INFORMATIONAL",
            "9.1.1: not asked for",
            "10.1.1: no verdict",
        ];
        assert_eq!(differences, told);
        assert!(report(&should).differences(&expected(&should)).is_empty());
    }

    #[test]
    fn a_verdict_that_has_no_column_counts_as_failed() {
        let table = report(&[("1.1.1", "OK", "OK"), ("1.1.2", "CRASHED", "WRONG CODE")]).table();
        let all: Vec<_> = table.lines().last().unwrap().split_whitespace().collect();
        assert_eq!(all[..12], ["all", "2", "|", "1", "0", "0", "0", "1", "|", "1", "0", "1"]);
    }
}
