//! TLS against rustls and OpenSSL as servers, and against records that no server would send.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod cases;
mod choice;
mod client;
mod damage;
mod forge;
mod openssl;
mod pair;
mod peculiar;
mod session;
