//! The entry of libFuzzer; see `src/sbe.rs`.
#![cfg_attr(fuzzing, no_main)]

tickwire_fuzz::entry!(tickwire_fuzz::sbe);
