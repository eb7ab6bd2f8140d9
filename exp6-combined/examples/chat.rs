//! A chat room for browsers: async-tungstenite talks WebSocket with many clients, and the same port serves the page.
//!
//! `cargo run -p exp6-combined --example chat -- [ADDR]`, until Ctrl-C; then open `http://127.0.0.1:8081` in two windows.

#[path = "support/page.rs"]
mod page;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::pin::pin;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use async_channel::{Receiver, Sender};
use async_tungstenite::accept_async_with_config;
use async_tungstenite::tungstenite::protocol::WebSocketConfig;
use async_tungstenite::tungstenite::{Message, Utf8Bytes};
use exp6_combined::{Async, Scheduler, ctrl_c, sleep, spawn, timeout};
use futures::future::{Either, select};
use futures::sink::{Sink, SinkExt};
use futures::stream::{Stream, StreamExt};

const ADDRESS: &str = "127.0.0.1:8081";
/// Of one message.
const MESSAGE_LIMIT: usize = 4 * 1024;
/// How many lines may wait for one client. One that does not read them is let go.
const WAITING: usize = 256;
/// For the head and the handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// A client that says nothing is pinged, and let go when it has not answered the second time.
const SILENCE: Duration = Duration::from_secs(30);

type Failure = Box<dyn Error>;

/// Who is there: for each a queue of lines.
#[derive(Default)]
struct Room {
    last: Cell<u32>,
    queues: RefCell<BTreeMap<u32, Sender<Utf8Bytes>>>,
}

impl Room {
    fn enter(&self) -> (u32, Receiver<Utf8Bytes>) {
        let (sender, receiver) = async_channel::bounded(WAITING);
        self.last.set(self.last.get() + 1);
        self.queues.borrow_mut().insert(self.last.get(), sender);
        self.announce(&format!("guest {} comes in", self.last.get()));
        (self.last.get(), receiver)
    }

    fn leave(&self, guest: u32) {
        self.queues.borrow_mut().remove(&guest);
        self.announce(&format!("guest {guest} leaves"));
    }

    fn announce(&self, line: &str) {
        println!("{line}");
        self.say(line);
    }

    /// Without waiting: a client that is slow does not keep the others waiting. If its queue is full, it loses the queue,
    /// and so it leaves.
    fn say(&self, line: &str) {
        let line = Utf8Bytes::from(line);
        self.queues
            .borrow_mut()
            .retain(|_, queue| queue.try_send(line.clone()).is_ok());
    }
}

fn main() -> ExitCode {
    let address = env::args().nth(1).unwrap_or_else(|| ADDRESS.to_owned());
    match run(&address) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{address}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(address: &str) -> Result<(), Failure> {
    let address: SocketAddr = address
        .parse()
        .map_err(|_| format!("not an address, such as {ADDRESS}"))?;
    Scheduler::try_new()?.block_on(async {
        let listener = Async::<TcpListener>::bind(address)?;
        let interrupt = ctrl_c()?;
        println!("listening at http://{}, until Ctrl-C", listener.get_ref().local_addr()?);
        select(interrupt, pin!(accept(listener))).await;
        Ok(())
    })
}

async fn accept(listener: Async<TcpListener>) {
    let room = Rc::new(Room::default());
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let room = Rc::clone(&room);
                spawn(async move {
                    if let Err(error) = serve(stream, &room).await {
                        eprintln!("{peer}: {error}");
                    }
                });
            }
            Err(error) => {
                eprintln!("cannot accept for now: {error}");
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn serve(stream: Async<TcpStream>, room: &Room) -> Result<(), Failure> {
    let head = timeout(HANDSHAKE, page::peek_head(&stream))
        .await
        .map_err(|_| "no request in time")??;
    if !page::is_websocket(&head) {
        return Ok(page::send(stream, &head).await?);
    }
    let config = WebSocketConfig::default().max_message_size(Some(MESSAGE_LIMIT));
    let handshake = accept_async_with_config(stream, Some(config));
    let socket = timeout(HANDSHAKE, handshake)
        .await
        .map_err(|_| "no handshake in time")??;
    let (sink, messages) = socket.split();
    let (guest, queue) = room.enter();
    // Whichever ends first ends the other one.
    let end = match select(pin!(listen(messages, room, guest)), pin!(tell(sink, queue))).await {
        Either::Left((end, _)) | Either::Right((end, _)) => end,
    };
    room.leave(guest);
    end
}

/// Hands on what a client says.
async fn listen<E: Error + 'static>(
    messages: impl Stream<Item = Result<Message, E>>,
    room: &Room,
    guest: u32,
) -> Result<(), Failure> {
    let mut messages = pin!(messages);
    loop {
        match timeout(2 * SILENCE, messages.next())
            .await
            .map_err(|_| "silent for too long")?
        {
            Some(Ok(Message::Text(line))) => room.say(&format!("guest {guest}: {line}")),
            // tungstenite answers pings and the closing itself.
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error.into()),
            None => return Ok(()),
        }
    }
}

/// Sends to a client what others say.
async fn tell<E: Error + 'static>(
    sink: impl Sink<Message, Error = E>,
    queue: Receiver<Utf8Bytes>,
) -> Result<(), Failure> {
    let mut sink = pin!(sink);
    loop {
        let message = match timeout(SILENCE, queue.recv()).await {
            Ok(Ok(line)) => Message::Text(line),
            Ok(Err(_)) => return Err("does not read".into()),
            Err(_) => Message::Ping(Default::default()),
        };
        timeout(SILENCE, sink.send(message))
            .await
            .map_err(|_| "does not read")??;
    }
}
