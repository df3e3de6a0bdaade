//! The entry of libFuzzer; see `src/deribit.rs`.
#![cfg_attr(fuzzing, no_main)]

tickwire_fuzz::entry!(tickwire_fuzz::deribit);
