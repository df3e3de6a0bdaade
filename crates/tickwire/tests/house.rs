//! The shape of the house, as ARCHITECTURE.md draws it: who may import whom, and what every file and manifest keeps.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

/// A crate, or a folder of one, and what it may import.
struct Room {
    place: &'static str,
    /// The crates of this workspace that it may use.
    uses: &'static [&'static str],
    /// Its modules: each imports only from lines above its own. A folder is one module here and has a room of its own.
    floors: &'static [&'static [&'static str]],
}

const HOUSE: &[Room] = &[
    Room {
        place: "crates/ws",
        uses: &[],
        floors: &[
            &["code", "http", "message", "timer", "mask", "assembler", "deflate"],
            &["limits", "error"],
            &["header", "utf8", "close", "inbox", "handshake"],
            &["outbox", "assembly"],
            &["connection"],
        ],
    },
    Room {
        place: "crates/ws/src/handshake",
        uses: &[],
        floors: &[&["head", "key"], &["client", "server"], &["mod"]],
    },
    Room {
        place: "crates/ws/src/connection",
        uses: &[],
        floors: &[&["farewell"], &["mod"], &["control", "send"], &["receive"], &["parts", "tests"]],
    },
    Room {
        place: "crates/venue",
        uses: &[],
        floors: &[
            &["digits", "route", "sign"],
            &["error"],
            &["decimal"],
            &["level"],
            &["book", "json"],
            &["event"],
            &["pace", "patience", "queue", "symbols"],
            &["order"],
            &["recent", "session", "subscriptions"],
            &["watch"],
            &["streams"],
            &["binance", "deribit"],
        ],
    },
    Room {
        place: "crates/venue/src/book",
        uses: &[],
        floors: &[&["fault", "grid", "ladder"], &["mod"], &["tests"]],
    },
    Room {
        place: "crates/venue/src/binance",
        uses: &[],
        floors: &[
            &["payload", "requests", "sbe", "wire", "crosscheck", "flight", "sync"],
            &["product"],
            &["stream"],
            &["account", "config", "keeper", "link", "translate"],
            &["api"],
            &["market"],
            &["binary"],
            &["session"],
            &["mod"],
        ],
    },
    Room {
        place: "crates/venue/src/binance/wire",
        uses: &[],
        floors: &[&["message"], &["answer"], &["mod"], &["shape", "tests"]],
    },
    Room {
        place: "crates/venue/src/json",
        uses: &[],
        floors: &[
            &["names", "strings", "way"],
            &["arena"],
            &["source"],
            &["field", "id", "record", "cursor", "library"],
            &["mod"],
        ],
    },
    Room {
        place: "crates/venue/src/deribit",
        uses: &[],
        floors: &[
            &["credits", "channel", "outbox", "reaction", "wire"],
            &["requests", "sync", "tickers"],
            &["auth", "keeper", "translate"],
            &["config", "leg"],
            &["market"],
            &["control"],
            &["session"],
            &["mod"],
        ],
    },
    Room {
        place: "crates/venue/src/deribit/wire",
        uses: &[],
        floors: &[&["answer", "ticker", "message"], &["mod"], &["shape", "tests"]],
    },
    Room {
        place: "crates/venue/src/event",
        uses: &[],
        floors: &[&["market"], &["book", "link", "request"], &["mod"]],
    },
    Room {
        place: "crates/venue/src/binance/sbe",
        uses: &[],
        floors: &[
            &["error", "reader", "schema"],
            &["value"],
            &["group"],
            &["message"],
            &["decode"],
            &["mod"],
        ],
    },
    Room {
        place: "crates/tickwire",
        uses: &["tickwire-ws", "tickwire-venue", "tickwire-feed", "tickwire-handoff"],
        floors: &[
            &["clock", "endpoint", "transport"],
            &["proxy", "stages"],
            &["error", "rest", "tcp", "wait"],
            &["tls", "zero_copy"],
            &["dial"],
            &["client"],
            &["builder", "reader", "writer"],
            &["feed"],
            &["tokio"],
        ],
    },
    Room {
        place: "crates/tickwire/src/client",
        uses: &[],
        floors: &[&["mod"], &["latency", "owned", "waiting"], &["runtime", "sending"]],
    },
    Room {
        place: "crates/tickwire/src/tokio",
        uses: &[],
        floors: &[&["ready"], &["client", "feed"], &["mod"]],
    },
    Room {
        place: "crates/tickwire/src/proxy",
        uses: &[],
        floors: &[&["connect", "socks"], &["environment", "tunnel"], &["mod"]],
    },
    Room {
        place: "crates/tickwire/src/dial",
        uses: &[],
        floors: &[&["lookup", "race"], &["mod"], &["tests"]],
    },
    Room {
        place: "crates/tickwire/src/tls",
        uses: &[],
        floors: &[
            &["choice", "config", "record", "stream"],
            &["aead", "buffer"],
            &["handshake", "session"],
            &["buffered", "direct"],
            &["mod"],
        ],
    },
    Room {
        place: "crates/tickwire/src/stages",
        uses: &[],
        floors: &[&["absent", "recorder"], &["laps"], &["mod"]],
    },
    Room {
        place: "crates/tickwire/src/zero_copy",
        uses: &[],
        floors: &[&["kernel", "settings", "tracker"], &["absent", "stream"], &["mod"]],
    },
    Room {
        place: "crates/feed",
        uses: &["tickwire-ws", "tickwire-venue"],
        floors: &[&["cause", "plan", "retry", "stats"], &["place"], &["site"], &["machine"]],
    },
    Room {
        place: "crates/handoff",
        uses: &[],
        floors: &[&["stream", "sync", "waker"], &["lanes", "outbox", "room"], &["consumer"], &["registry"]],
    },
    Room {
        place: "crates/venue/src/order",
        uses: &[],
        floors: &[&["race", "sequence"], &["mod"], &["tests"]],
    },
    Room { place: "crates/chart", uses: &[], floors: &[] },
    Room {
        place: "crates/sim",
        uses: TRIED,
        floors: &[
            &["error", "clock", "chance", "hazard", "rate", "market"],
            &["recording", "truth", "publisher", "pace"],
            &["options", "witness"],
            &["rules", "exchange"],
            &["feed"],
            &["venue"],
            &["binance", "deribit"],
            &["net"],
            &["world"],
            &["trial"],
            &["main"],
        ],
    },
    Room {
        place: "crates/sim/src/trial",
        uses: &[],
        floors: &[
            &["published"],
            &["ledger", "scene"],
            &["client", "stage"],
            &["judge"],
            &["cuts", "laggard", "user"],
            &["mod"],
        ],
    },
    Room {
        place: "crates/sim/src/world",
        uses: &[],
        floors: &[
            &["event", "lane", "ledger", "meter", "options", "strikes"],
            &["host"],
            &["documents", "link"],
            &["mod"],
        ],
    },
    Room {
        place: "crates/sim/src/world/link",
        uses: &[],
        floors: &[&["mod"], &["client", "dial", "trouble"]],
    },
    Room {
        place: "crates/sim/src/market",
        uses: &[],
        floors: &[&["book"], &["interval"], &["instrument"], &["walk"], &["tally"], &["mod"], &["tests"]],
    },
    Room {
        place: "crates/sim/src/deribit",
        uses: &[],
        floors: &[
            &["heartbeat", "names", "number", "rpc"],
            &["books", "fields", "keys"],
            &["quotes"],
            &["row"],
            &["publish"],
            &["first"],
            &["session"],
            &["mod"],
        ],
    },
    Room {
        place: "crates/sim/src/net",
        uses: &[],
        floors: &[
            &["answers", "ca", "deflate", "pings", "spoil", "wire"],
            &["framing", "head", "inflate"],
            &["transport"],
            &["open"],
            &["connection"],
            &["clients"],
            &["site"],
            &["trouble"],
            &["server"],
            &["mod"],
        ],
    },
    Room {
        place: "crates/sim/src/binance",
        uses: &[],
        floors: &[
            &["fault", "names", "text"],
            &["control", "path", "statistics", "tariff"],
            &["books"],
            &["rest"],
            &["api"],
            &["session"],
            &["spot", "usdm"],
            &["mod"],
        ],
    },
    Room {
        place: "crates/cli",
        uses: &["tickwire", "tickwire-chart", "tickwire-sim"],
        floors: &[
            &["clock", "exit", "recording", "refusal"],
            &["keeping", "lines", "links", "tape", "venue"],
            &["local"],
            &["record", "replay", "tap", "watch"],
            &["main"],
        ],
    },
    Room { place: "crates/cli/src/lines", uses: &[], floors: &[&["link"], &["describe"], &["mod"]] },
    Room {
        place: "crates/cli/src/recording",
        uses: &[],
        floors: &[&["varint", "block"], &["record"], &["reader", "writer"], &["mod"], &["tests"]],
    },
    Room {
        place: "crates/cli/src/replay",
        uses: &[],
        floors: &[&["progress", "scan", "times"], &["player", "snapshots"], &["lines", "recorded"], &["mod"]],
    },
    Room {
        place: "crates/cli/src/watch",
        uses: &[],
        floors: &[&["board", "latency", "legs", "truth"], &["news", "summary", "table"], &["view"], &["mod"]],
    },
    Room { place: "crates/cli/src/local", uses: &[], floors: &[&["faults"], &["mod"]] },
    Room { place: "crates/cli/src/venue", uses: &[], floors: &[&["setup"], &["mod"]] },
];

impl Room {
    fn is_crate(&self) -> bool {
        !self.place.contains("/src/")
    }
}

/// What is on trial in `crates/sim/src/trial`: the venue's own part knows none of it, so that a mistake is not made twice.
const TRIED: &[&str] = &["tickwire-feed", "tickwire-venue", "tickwire-ws"];

/// Only these may know sockets and TLS: the SDK, and the venue that stands in for the world.
const WORLDLY: &[(&str, &[&str])] =
    &[("mio", &["crates/tickwire", "crates/sim"]), ("rustls", &["crates/tickwire", "crates/sim"])];

/// A file has one reason to exist, and fits a head.
const LINES_MAX: usize = 600;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Rust files below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The modules named behind `prefix`, alone or in braces, outside of the unit tests.
fn imports(text: &str, prefix: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let code: String =
        code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join(" ");
    let mut names = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        let rest = &code[at + prefix.len()..];
        let list = match rest.strip_prefix('{') {
            Some(braced) => outermost(braced),
            None => {
                rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default().to_owned()
            }
        };
        let first = |item: &str| {
            item.trim()
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
                .unwrap_or_default()
                .to_owned()
        };
        names.extend(
            list.split(',').map(first).filter(|name| name.chars().next().is_some_and(char::is_lowercase)),
        );
    }
    names
}

/// What stands in a brace that has just opened, without what stands in braces inside.
fn outermost(text: &str) -> String {
    let mut depth = 1;
    let mut kept = String::new();
    for c in text.chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        match depth {
            0 => break,
            1 => kept.push(c),
            _ => {}
        }
    }
    kept
}

#[test]
fn imports_are_found_alone_in_braces_and_in_nested_braces() {
    let text = "use crate::a;\nuse crate::{b::{self, c}, d::E, f};\nlet x = crate::g::h(); // crate::no\n#[cfg(test)] use crate::t;";
    assert_eq!(imports(text, "crate::"), ["a", "b", "d", "f", "g"]);
}

/// The module of a folder's list that a file belongs to.
fn module_of(folder: &Path, file: &Path) -> String {
    let inside = file.strip_prefix(folder).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

#[test]
fn modules_import_only_from_above() {
    let mut wrong = Vec::new();
    for room in HOUSE {
        let Room { place, floors, .. } = room;
        let is_crate = room.is_crate();
        let folder = root().join(place).join(if is_crate { "src" } else { "" });
        let prefixes: &[&str] =
            if is_crate { &["crate::"] } else { &["use super::", "pub use ", "pub(crate) use "] };
        let floor = |name: &str| floors.iter().position(|names| names.contains(&name));
        let mut files = Vec::new();
        sources(&folder, &mut files);
        for file in files {
            let own_name = module_of(&folder, &file);
            if own_name == "lib" {
                continue;
            }
            let Some(own) = floor(&own_name) else {
                wrong.push(format!("{place}: {own_name} is in no list"));
                continue;
            };
            let text = fs::read_to_string(&file).unwrap();
            for used in prefixes.iter().flat_map(|prefix| imports(&text, prefix)) {
                if used != own_name && floor(&used).is_some_and(|used| used >= own) {
                    wrong.push(format!("{place}: {own_name} imports {used}"));
                }
            }
        }
        for name in floors.iter().flat_map(|names| names.iter()) {
            let exists = folder.join(format!("{name}.rs")).exists() || folder.join(name).is_dir();
            if !exists {
                wrong.push(format!("{place}: {name} is listed and not there"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The names below `[dependencies]`.
fn dependencies(manifest: &str) -> Vec<&str> {
    let mut inside = false;
    let mut names = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line == "[dependencies]";
        } else if inside && let Some((name, _)) = line.split_once(['.', ' ', '=']) {
            names.push(name);
        }
    }
    names
}

#[test]
fn crates_use_only_the_crates_below_them() {
    let mut wrong = Vec::new();
    for Room { place, uses, .. } in HOUSE.iter().filter(|room| room.is_crate()) {
        let manifest = fs::read_to_string(root().join(place).join("Cargo.toml")).unwrap();
        for name in dependencies(&manifest) {
            if name.starts_with("tickwire") && !uses.contains(&name) {
                wrong.push(format!("{place} uses {name}"));
            }
            let worldly = WORLDLY.iter().find(|(crate_name, _)| *crate_name == name);
            if worldly.is_some_and(|(_, places)| !places.contains(place)) {
                wrong.push(format!("{place} uses {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_simulated_venue_knows_nothing_of_what_is_tried_in_it() {
    let (folder, mut files) = (root().join("crates/sim/src"), Vec::new());
    sources(&folder, &mut files);
    let is_part = |file: &&PathBuf| module_of(&folder, file) != "trial";
    let uses = |file: &PathBuf| {
        let text = fs::read_to_string(file).unwrap();
        TRIED.iter().any(|name| text.contains(&format!("{}::", name.replace('-', "_"))))
    };
    let wrong: Vec<_> = files.iter().filter(is_part).filter(|file| uses(file)).collect();
    assert!(files.len() > 50 && wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_manifest_inherits_the_one_lint_table_and_the_one_compiler_version() {
    let places = [
        "crates/ws",
        "crates/venue",
        "crates/feed",
        "crates/handoff",
        "crates/tickwire",
        "crates/sim",
        "crates/chart",
        "crates/cli",
        "examples",
        "benches",
        "autobahn",
    ];
    for place in places {
        let manifest = fs::read_to_string(root().join(place).join("Cargo.toml")).unwrap();
        for line in ["[lints]\nworkspace = true", "rust-version.workspace = true", "edition.workspace = true"]
        {
            assert!(manifest.contains(line), "{place}/Cargo.toml lacks {line:?}");
        }
    }
    assert!(fs::read_to_string(root().join("Cargo.toml")).unwrap().contains("unsafe_code = \"forbid\""));
}

#[test]
fn every_file_says_what_it_is_for_and_fits_a_head() {
    let mut files = Vec::new();
    for folder in ["crates", "examples", "benches", "autobahn", "fuzz/src", "fuzz/fuzz_targets"] {
        sources(&root().join(folder), &mut files);
    }
    let mut wrong = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).unwrap();
        let lines = text.lines().count();
        if lines > LINES_MAX {
            wrong.push(format!("{}: {lines} lines", file.display()));
        }
        if !text.starts_with("//!") {
            wrong.push(format!("{}: does not begin with what it is for", file.display()));
        }
    }
    assert!(files.len() > 50, "the files were not found");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
