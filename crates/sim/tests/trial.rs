//! The feed on trial in a few hundred worlds; `tickwire-sim` runs as many as one likes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use tickwire_sim::trial::{self, Scene};

const SEEDS: u64 = 300;

#[test]
fn nothing_is_lost_doubled_or_wrong_in_any_world() {
    let next = AtomicU64::new(0);
    let run = || {
        let mut failed = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= SEEDS {
                return failed;
            }
            if let Some(wrong) = trial::run(&Scene::of(seed), None).wrong {
                failed.push(format!("{wrong}\n  cargo run --profile sim -p tickwire-sim -- --seed {seed}"));
            }
        }
    };
    let jobs = thread::available_parallelism().map_or(1, usize::from);
    let failed: Vec<String> = thread::scope(|scope| {
        let threads: Vec<_> = (0..jobs).map(|_| scope.spawn(run)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a trial ends by itself")).collect()
    });
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
