//! The examples, each run as a program against a peer that knows nothing of this scheduler: sockets of the standard
//! library, blocking rustls and tungstenite, a browser. The folder `examples` has a file for each.
//!
//! `cargo test` builds the examples first. `cargo test --test examples` does not: it needs `cargo build --examples` before.

// They end the programs by signals.
#![cfg(unix)]

#[path = "examples/program.rs"]
mod program;

#[path = "examples/hyper_io.rs"]
mod hyper_io;

#[path = "examples/http.rs"]
mod http;

#[path = "examples/fetch.rs"]
mod fetch;

#[path = "examples/chat.rs"]
mod chat;

#[path = "examples/tls.rs"]
mod tls;

#[path = "examples/sources.rs"]
mod sources;

#[path = "examples/stdin.rs"]
mod stdin;
