//! Where the figures come from: the machine, the compiler, the versions.

use std::fs;
use std::process::Command;

/// The workspace's lock file: the versions that were built.
const LOCK: &str = include_str!("../../Cargo.lock");

const PEERS: &[&str] = &[
    "tungstenite",
    "tokio-tungstenite",
    "fastwebsockets",
    "tokio-websockets",
    "sockudo-ws",
    "yawc",
    "boomnet",
    "tokio",
    "rustls",
    "aws-lc-rs",
];

/// The version of a package, by the lock file.
fn version(package: &str) -> Option<&'static str> {
    let mut lines = LOCK.lines();
    let named = format!("name = \"{package}\"");
    lines.find(|line| *line == named)?;
    lines.next()?.strip_prefix("version = \"")?.strip_suffix('"')
}

/// A processor's name, if the system tells.
fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The compiler that this program's builder calls `rustc`.
fn compiler() -> Option<String> {
    let output = Command::new("rustc").arg("--version").output().ok()?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

/// This process's resident memory in bytes, if the system tells.
pub(crate) fn resident() -> Option<usize> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kilobytes: usize = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes << 10)
}

/// Lines that say all this.
pub(crate) fn description() -> Vec<String> {
    let unknown = || "unknown".to_owned();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let versions: Vec<String> =
        PEERS.iter().filter_map(|name| Some(format!("{name} {}", version(name)?))).collect();
    vec![
        format!("processor: {}, {cores} cores", processor().unwrap_or_else(unknown)),
        format!("compiler: {}", compiler().unwrap_or_else(unknown)),
        format!("tickwire {}; {}", env!("CARGO_PKG_VERSION"), versions.join(", ")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_peer_is_in_the_lock_file() {
        let missing: Vec<_> = PEERS.iter().filter(|name| version(name).is_none()).collect();
        assert!(missing.is_empty(), "{missing:?}");
        assert_eq!(version("no such package"), None);
    }
}
