//! The entry of libFuzzer; see `src/inflate.rs`.
#![cfg_attr(fuzzing, no_main)]

tickwire_fuzz::entry!(tickwire_fuzz::inflate);
