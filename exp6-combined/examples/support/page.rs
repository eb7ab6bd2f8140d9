//! What little HTTP the example `chat` needs beside WebSocket: it looks at a request's head, and sends the page.

use std::io;
use std::net::TcpStream;
use std::time::Duration;

use exp6_combined::{Async, sleep};
use futures::io::{AsyncReadExt, AsyncWriteExt};

const PAGE: &str = include_str!("chat.html");
/// Of a request's head. Browsers send along what other programs on this host have stored.
const HEAD_LIMIT: usize = 16 * 1024;

/// The head of the request. It is not taken out of the socket: tungstenite reads it again.
pub(crate) async fn peek_head(stream: &Async<TcpStream>) -> io::Result<String> {
    let mut buffer = vec![0; HEAD_LIMIT];
    loop {
        let length = stream.read_with(|stream| stream.peek(&mut buffer)).await?;
        if let Some(end) = buffer[..length].windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            buffer.truncate(end + 4);
            return String::from_utf8(buffer).map_err(io::Error::other);
        }
        match length {
            0 => return Err(io::Error::other("closed before its request")),
            HEAD_LIMIT => return Err(io::Error::other("the head of the request is too long")),
            // What is there is readable, so the selector cannot tell when there is more.
            _ => sleep(Duration::from_millis(20)).await,
        }
    }
}

pub(crate) fn is_websocket(head: &str) -> bool {
    head.to_ascii_lowercase().contains("upgrade: websocket")
}

pub(crate) async fn send(mut stream: Async<TcpStream>, head: &str) -> io::Result<()> {
    // Read at last, or the system resets the connection when it is closed, and the client may lose the answer.
    stream.read_exact(&mut vec![0; head.len()]).await?;
    let (status, kind, text) = match head.starts_with("GET / HTTP/1.") {
        true => ("200 OK", "html", PAGE),
        false => ("404 Not Found", "plain", "only GET /\n"),
    };
    let length = text.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/{kind}; charset=utf-8\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all((answer + text).as_bytes()).await?;
    stream.close().await
}
