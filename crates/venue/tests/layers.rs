//! A module imports only from modules before it in the list of its folder.

use std::{fs, path::Path};

/// Of the crate's root; those on one line do not import each other.
const ROOT: [&[&str]; 6] =
    [&["error", "decimal"], &["level"], &["book"], &["event"], &["session"], &["binance"]];

/// Of `binance`.
const BINANCE: [&[&str]; 6] = [
    &["config", "pace", "requests", "wire"],
    &["crosscheck", "subscribe", "sync"],
    &["keeper"],
    &["spot"],
    &["session"],
    &["mod"],
];

/// All that the message grammar may know of the crate.
const WIRE: [&str; 3] = ["decimal", "error", "level"];

#[test]
fn imports_only_go_down() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    check(&src, &ROOT, &["use crate::", "crate::"], &mut wrong);
    check(&src.join("binance"), &BINANCE, &["super::"], &mut wrong);
    let wire = fs::read_to_string(src.join("binance/wire.rs")).unwrap();
    let known = imports(&wire, "crate::").into_iter().filter(|name| !WIRE.contains(&name.as_str()));
    wrong.extend(known.map(|name| format!("wire imports {name}")));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn check(folder: &Path, layers: &[&[&str]], prefixes: &[&str], wrong: &mut Vec<String>) {
    let layer = |name: &str| layers.iter().position(|names| names.contains(&name));
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() || name == "lib" {
            continue;
        }
        let Some(own) = layer(&name) else {
            wrong.push(format!("{name} is not in the list"));
            continue;
        };
        let text = fs::read_to_string(&path).unwrap();
        for prefix in prefixes {
            let upward = |used: &String| layer(used).is_some_and(|used| used >= own);
            wrong.extend(
                imports(&text, prefix)
                    .into_iter()
                    .filter(upward)
                    .map(|used| format!("{name} imports {used}")),
            );
        }
    }
}

/// The modules that follow `prefix`, alone or in braces, outside of the unit tests.
fn imports(text: &str, prefix: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]").next().unwrap();
    let mut found = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        let rest = &code[at + prefix.len()..];
        let end = if rest.starts_with('{') {
            rest.find(';').unwrap()
        } else {
            rest.find([':', ';', ' ']).unwrap_or(rest.len())
        };
        let names = rest[..end].trim_matches(['{', '}']);
        // In braces every path begins after a comma at depth zero.
        let mut depth = 0;
        for part in names.split_inclusive([',', '{', '}']) {
            let name: String =
                part.trim().chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            if depth == 0 && !name.is_empty() {
                found.push(name);
            }
            depth += i32::from(part.ends_with('{')) - i32::from(part.ends_with('}'));
        }
    }
    found
}

#[test]
fn an_import_in_braces_is_seen() {
    let text = "use crate::{\n    book::{Book, x},\n    error::Error,\n};\nuse crate::level::Level;";
    assert_eq!(imports(text, "crate::"), ["book", "error", "level"]);
}
