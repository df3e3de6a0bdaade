//! What a machine owes to those around it: what it hides, counts, tells and refuses.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use tickwire_feed::Command;
use tickwire_venue::Route;

const ROUTE: Route = Route { endpoint: 0, leg: 0 };

#[test]
fn a_text_that_is_sent_is_not_shown() {
    let text = r#"{"client_secret":"open sesame"}"#;
    let shown =
        format!("{:?} {:#?}", Command::Send { route: ROUTE, text }, Command::Send { route: ROUTE, text });
    assert!(!shown.contains("sesame"), "{shown}");
    assert!(shown.contains("31 bytes"), "{shown}");
}
