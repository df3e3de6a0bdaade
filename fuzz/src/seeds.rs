//! Every seed of every target, replayed.

use std::fs;
use std::path::Path;

fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    let mut seeds = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        run(&fs::read(&path).unwrap());
        seeds += 1;
    }
    assert!(seeds > 2, "{target} has seeds");
}

macro_rules! targets {
    ($($target:ident)*) => {
        $(#[test]
        fn $target() {
            replay(stringify!($target), crate::$target);
        })*

        #[test]
        fn no_target_is_forgotten() {
            let root = Path::new(env!("CARGO_MANIFEST_DIR"));
            let mut found: Vec<String> = fs::read_dir(root.join("fuzz_targets"))
                .unwrap()
                .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
                .collect();
            found.sort();
            assert_eq!(found, [$(stringify!($target)),*]);
        }
    };
}

targets!(binance connection decimal deribit differential handshake header inflate roundtrip sbe tls);
