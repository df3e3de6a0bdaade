//! The entry of libFuzzer; see `src/decimal.rs`.
#![cfg_attr(fuzzing, no_main)]

tickwire_fuzz::entry!(tickwire_fuzz::decimal);
