//! The known bugs that the trials must catch still fit the source.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{fs, path::Path};

/// One bug of the list: where it is, and the lines that are to be found there.
#[derive(Default)]
struct Bug<'a> {
    name: &'a str,
    file: &'a str,
    find: String,
}

fn bugs(list: &str) -> Vec<Bug<'_>> {
    let mut bugs: Vec<Bug<'_>> = Vec::new();
    for line in list.lines() {
        if let Some(name) = line.strip_prefix("bug: ") {
            bugs.push(Bug { name, ..Bug::default() });
            continue;
        }
        let Some(bug) = bugs.last_mut() else { continue };
        if let Some(file) = line.strip_prefix("in: ") {
            bug.file = file;
        } else if let Some(text) = line.strip_prefix(['-', ' ']) {
            bug.find += text;
            bug.find += "\n";
        }
    }
    bugs
}

#[test]
fn each_known_bug_has_one_place_in_the_source() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = fs::read_to_string(here.join("mutations/list.txt")).unwrap();
    let places = |bug: &Bug<'_>| {
        let text = fs::read_to_string(here.join("../..").join(bug.file)).unwrap_or_default();
        text.matches(&bug.find).count()
    };
    let bugs = bugs(&list);
    let misfits: Vec<_> = bugs.iter().filter(|bug| places(bug) != 1).map(|bug| bug.name).collect();
    assert!(bugs.len() > 40, "the bugs were not found");
    assert!(misfits.is_empty(), "{misfits:#?}");
}
