//! The entry of libFuzzer; see `src/handshake.rs`.
#![cfg_attr(fuzzing, no_main)]

tickwire_fuzz::entry!(tickwire_fuzz::handshake);
