//! What the fuzz targets do, as plain functions of bytes: each panics where the library breaks a promise.
//!
//! `cargo test` replays the seeds of every target through them; `cargo fuzz` looks for more.

mod binance;
mod connection;
mod decimal;
mod deribit;
mod differential;
mod drive;
// The one that the tests of `tickwire` have.
#[path = "../../crates/tickwire/tests/tls/forge.rs"]
mod forge;
mod handshake;
mod header;
mod inflate;
mod roundtrip;
mod sbe;
#[cfg(test)]
mod seeds;
mod tls;
mod ways;

pub use binance::binance;
pub use connection::connection;
pub use decimal::decimal;
pub use deribit::deribit;
pub use differential::differential;
pub use handshake::handshake;
pub use header::header;
pub use inflate::inflate;
pub use roundtrip::roundtrip;
pub use sbe::sbe;
pub use tls::tls;

/// The entry point of a fuzz target; under another compiler than cargo-fuzz's a program that does nothing.
#[macro_export]
macro_rules! entry {
    ($target:path) => {
        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_target!(|bytes: &[u8]| $target(bytes));
        #[cfg(not(fuzzing))]
        fn main() {}
    };
}
