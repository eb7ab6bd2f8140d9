//! `chat`, with blocking clients of tungstenite, and with two pages in a browser.
