//! Which cases are run, in which shares, and what is expected of each.

use crate::Outcome;
use clap::ValueEnum;
use serde_json::Value;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The number of a case: section, group, case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CaseId(Vec<u32>);

impl CaseId {
    pub(crate) fn section(&self) -> u32 {
        self.0.first().copied().unwrap_or_default()
    }

    fn last(&self) -> u32 {
        self.0.last().copied().unwrap_or_default()
    }

    /// Sections 12 and 13 are compression; what they cost grows with the last number.
    fn is_compression(&self) -> bool {
        self.section() > 10
    }
}

impl FromStr for CaseId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split('.').map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<_> = self.0.iter().map(u32::to_string).collect();
        f.write_str(&parts.join("."))
    }
}

/// How many of the cases are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// All but the long ones of compression.
    Quick,
    /// All.
    Full,
}

impl Profile {
    pub(crate) fn has(self, id: &CaseId) -> bool {
        self == Self::Full || !id.is_compression() || matches!(id.last(), 1..=6 | 11)
    }
}

/// What the suite should say about a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) behavior: String,
    pub(crate) behavior_close: String,
}

/// The expectation of every case of the suite, from the text of `expected.json`.
pub(crate) fn expectation(text: &str) -> Outcome<BTreeMap<CaseId, Expected>> {
    let file: Value = serde_json::from_str(text)?;
    let groups = file["cases"].as_object().ok_or("the expectation lists no cases")?;
    let mut cases = BTreeMap::new();
    for (group, count) in groups {
        for number in 1..=count.as_u64().ok_or("the expectation counts cases by number")? {
            let ok = || "OK".to_owned();
            let id = format!("{group}.{number}").parse()?;
            cases.insert(id, Expected { behavior: ok(), behavior_close: ok() });
        }
    }
    for (id, verdict) in exceptions(&file, "behavior")? {
        cases.get_mut(&id).ok_or("an exception is no case")?.behavior = verdict;
    }
    for (id, verdict) in exceptions(&file, "behaviorClose")? {
        cases.get_mut(&id).ok_or("an exception is no case")?.behavior_close = verdict;
    }
    Ok(cases)
}

fn exceptions(file: &Value, what: &str) -> Outcome<Vec<(CaseId, String)>> {
    let listed = file["otherwise OK"][what].as_object().ok_or("the expectation lists no exceptions")?;
    let named = listed.iter().map(|(id, verdict)| {
        let verdict = verdict.as_str().ok_or("an exception is the name of a verdict")?;
        Ok((id.parse()?, verdict.to_owned()))
    });
    named.collect()
}

/// Deals cases into shares of about the same length: the longest go round first.
pub(crate) fn deal<'a>(ids: impl Iterator<Item = &'a CaseId>, shares: usize) -> Vec<Vec<CaseId>> {
    let mut ids: Vec<_> = ids.cloned().collect();
    ids.sort_by_key(|id| Reverse((id.is_compression(), id.last())));
    let mut dealt = vec![Vec::new(); shares.clamp(1, ids.len().max(1))];
    let count = dealt.len();
    for (at, id) in ids.into_iter().enumerate() {
        dealt[at % count].push(id);
    }
    // The suite runs its cases in this order.
    dealt.iter_mut().for_each(|share| share.sort());
    dealt
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> BTreeMap<CaseId, Expected> {
        expectation(include_str!("../expected.json")).unwrap()
    }

    #[test]
    fn the_expectation_covers_the_517_cases_of_the_suite() {
        let all = all();
        let sections = |section| all.keys().filter(|id| id.section() == section).count();
        assert_eq!(all.len(), 517);
        // The suite's own counts: there are no sections 8 and 11.
        let counts = [16, 11, 7, 10, 20, 145, 37, 0, 54, 1, 0, 90, 126];
        assert_eq!([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13].map(sections), counts);
    }

    #[test]
    fn the_quick_profile_leaves_out_long_compression_only() {
        let all = all();
        let left_out: Vec<_> = all.keys().filter(|id| !Profile::Quick.has(id)).collect();
        assert_eq!(left_out.len(), 12 * 11);
        assert!(left_out.iter().all(|id| id.section() > 10));
        assert_eq!(all.keys().filter(|id| Profile::Full.has(id)).count(), 517);
    }

    #[test]
    fn shares_are_disjoint_and_complete_and_of_one_length() {
        let all = all();
        for shares in 1..9 {
            let dealt = deal(all.keys(), shares);
            let mut joined: Vec<_> = dealt.iter().flatten().collect();
            joined.sort();
            assert!(joined.into_iter().eq(all.keys()));
            let lengths: Vec<_> = dealt.iter().map(Vec::len).collect();
            assert!(lengths.iter().max().unwrap() - lengths.iter().min().unwrap() <= 1, "{lengths:?}");
        }
    }
}
