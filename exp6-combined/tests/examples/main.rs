//! The examples, each run as a program against a peer that knows nothing of this scheduler: sockets of the standard
//! library, blocking rustls and tungstenite, a browser.
//!
//! `cargo test` builds the examples first. `cargo test --test examples` does not: it needs `cargo build --examples` before.
#![cfg(unix)]

mod program;

mod chat;
mod fetch;
mod http;
mod hyper_io;
mod sources;
mod stdin;
mod tls;
