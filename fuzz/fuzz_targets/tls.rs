//! The entry of libFuzzer; see `src/tls.rs`.
#![cfg_attr(fuzzing, no_main)]

tickwire_fuzz::entry!(tickwire_fuzz::tls);
