//! An HTTP server on hyper: keep-alive, work on the pool, a body that is sent bit by bit, limits for slow and for wrong
//! clients, and an end that waits for what has begun.
//!
//! `cargo run -p exp6-combined --example http -- [ADDR] [SECONDS]`, until Ctrl-C; then, in another terminal,
//! `curl http://127.0.0.1:8080/primes/1000000`. SECONDS is how long the head of a request may take. A second Ctrl-C ends
//! the server at once.

#[path = "support/hyper_io.rs"]
mod hyper_io;

use std::cell::Cell;
use std::convert::Infallible;
use std::env;
use std::error::Error;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::pin::pin;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use async_channel::{Receiver, Sender};
use exp6_combined::{Async, Scheduler, ctrl_c, sleep, spawn, spawn_blocking};
use futures::future::{Either, select};
use futures::stream::{self, StreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};

use hyper_io::{Clock, Stream};

const ADDRESS: &str = "127.0.0.1:8080";
/// For the head of a request. A client that needs longer, or sends nothing, is let go.
const HEAD_SECONDS: &str = "10";
/// Of a request's head.
const HEAD_LIMIT: usize = 16 * 1024;
/// For the last answers, after Ctrl-C.
const GRACE: Duration = Duration::from_secs(30);
/// Between the lines of a countdown.
const TICK: Duration = Duration::from_millis(250);

const HELP: &str = "GET /primes/N     how many primes are below N, counted on the pool
GET /countdown/N  N lines, four a second
";

type Body = UnsyncBoxBody<Bytes, Infallible>;

fn main() -> ExitCode {
    let mut args = env::args().skip(1);
    let address = args.next().unwrap_or_else(|| ADDRESS.to_owned());
    let seconds = args.next().unwrap_or_else(|| HEAD_SECONDS.to_owned());
    match run(&address, &seconds) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("http {address}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What all connections have.
#[derive(Clone)]
struct Server {
    settings: http1::Builder,
    requests: Rc<Cell<u64>>,
    /// Two channels that carry nothing: what counts is when all senders of one are gone. The first tells the connections that
    /// the server stops. The second tells the server that the last connection has ended.
    stop: Receiver<()>,
    _open: Sender<()>,
}

fn run(address: &str, seconds: &str) -> Result<(), Box<dyn Error>> {
    let address: SocketAddr = address
        .parse()
        .map_err(|_| format!("not an address, such as {ADDRESS}"))?;
    let head_timeout = Duration::try_from_secs_f64(seconds.parse()?).map_err(|error| format!("{seconds}: {error}"))?;
    let mut settings = http1::Builder::new();
    settings
        .timer(Clock)
        .header_read_timeout(head_timeout)
        .max_buf_size(HEAD_LIMIT);
    let requests = Rc::new(Cell::new(0));
    let (running, stop) = async_channel::bounded(1);
    let (_open, all_closed) = async_channel::bounded(1);
    let server = Server {
        settings,
        requests: Rc::clone(&requests),
        stop,
        _open,
    };
    Scheduler::try_new()?.block_on(async {
        let listener = Async::<TcpListener>::bind(address)?;
        let mut interrupt = ctrl_c()?;
        println!("listening at {}, until Ctrl-C", listener.get_ref().local_addr()?);
        let accepting = spawn(accept(listener, server));
        (&mut interrupt).await?;
        accepting.abort();
        drop(running);
        println!("stopping, when the last answer is sent");
        let limit = pin!(select(interrupt, sleep(GRACE)));
        let finished = matches!(select(pin!(all_closed.recv()), limit).await, Either::Left(_));
        println!(
            "{} requests, {}",
            requests.get(),
            if finished { "all answered" } else { "some given up" }
        );
        Ok(())
    })
}

/// Each connection has a task of its own.
async fn accept(listener: Async<TcpListener>, server: Server) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let server = server.clone();
                spawn(async move {
                    if let Err(error) = serve(stream, &server).await {
                        eprintln!("{peer}: {error}");
                    }
                });
            }
            // Out of descriptors, perhaps: others have to end first.
            Err(error) => {
                eprintln!("cannot accept for now: {error}");
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn serve(stream: Async<TcpStream>, server: &Server) -> hyper::Result<()> {
    // An answer is not held back until the last one has been acknowledged.
    let _ = stream.get_ref().set_nodelay(true);
    let service = service_fn(|request| {
        server.requests.set(server.requests.get() + 1);
        answer(request)
    });
    let mut connection = pin!(server.settings.serve_connection(Stream::new(stream), service));
    match select(connection.as_mut(), pin!(server.stop.recv())).await {
        Either::Left((result, _)) => result,
        Either::Right(_) => {
            // hyper answers what it has begun to read, says `connection: close`, and ends.
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path();
    let (route, number) = path.rsplit_once('/').unwrap_or((path, ""));
    let number = number.parse::<u32>().ok().filter(|number| *number <= 10_000_000);
    Ok(match (request.method(), route, number) {
        _ if request.method() != Method::GET => text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n"),
        (_, "", None) if path == "/" => text(StatusCode::OK, HELP),
        (_, "/primes", Some(limit)) => match spawn_blocking(move || primes_below(limit)).await {
            Ok(count) => text(StatusCode::OK, format!("{count}\n")),
            Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        },
        (_, "/countdown", Some(lines)) => Response::new(countdown(lines)),
        (_, "/primes" | "/countdown", None) => text(StatusCode::BAD_REQUEST, "a number up to 10000000, please\n"),
        _ => text(StatusCode::NOT_FOUND, HELP),
    })
}

fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Full::new(text.into()).boxed_unsync());
    *response.status_mut() = status;
    response
}

/// A body that is made while it is sent. The client sees each line at once.
fn countdown(lines: u32) -> Body {
    let line = |number: u32| async move {
        sleep(TICK).await;
        Ok(Frame::data(Bytes::from(format!("{number}\n"))))
    };
    StreamBody::new(stream::iter((0..lines).rev()).then(line)).boxed_unsync()
}

/// Takes seconds for large limits, so that it must not run on the scheduler's thread.
fn primes_below(limit: u32) -> usize {
    let mut is_prime = vec![true; limit as usize];
    let mut count = 0;
    for number in 2..limit as usize {
        if is_prime[number] {
            count += 1;
            (number * number..limit as usize)
                .step_by(number)
                .for_each(|multiple| is_prime[multiple] = false);
        }
    }
    count
}
