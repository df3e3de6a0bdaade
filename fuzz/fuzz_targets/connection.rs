//! The entry of libFuzzer; see `src/connection.rs`.
#![cfg_attr(fuzzing, no_main)]

tickwire_fuzz::entry!(tickwire_fuzz::connection);
