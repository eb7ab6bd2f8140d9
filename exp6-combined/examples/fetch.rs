//! Fetches many URLs at once with hyper's client: names are resolved on the pool, only so many run at the same time, each
//! has a limit of time, and a progress bar shows how far it is.
//!
//! `cargo run -p exp6-combined --example fetch -- [-j COUNT] [-t SECONDS] URL…`. It knows `http://` alone.

#[path = "support/hyper_io.rs"]
mod hyper_io;

use std::error::Error;
use std::net::TcpStream;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use exp6_combined::{Async, Scheduler, now, timeout};
use futures::future::{Either, select};
use futures::stream::{self, StreamExt};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, HeaderValue};
use hyper::{Request, StatusCode, Uri};
use indicatif::{ProgressBar, ProgressStyle};
use lexopt::prelude::*;

use hyper_io::Stream;

const USAGE: &str = "usage: fetch [-j COUNT] [-t SECONDS] URL…
  -j  how many run at the same time, 8 unless given
  -t  how long each may take, 10 unless given";

type Failure = Box<dyn Error>;

struct Settings {
    at_once: usize,
    limit: Duration,
    urls: Vec<String>,
}

fn main() -> ExitCode {
    let settings = match settings(lexopt::Parser::from_env()) {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("{error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match Scheduler::try_new() {
        Ok(scheduler) => scheduler.block_on(fetch_all(settings)),
        Err(error) => {
            eprintln!("no scheduler: {error}");
            ExitCode::FAILURE
        }
    }
}

fn settings(mut args: lexopt::Parser) -> Result<Settings, lexopt::Error> {
    let (mut at_once, mut seconds, mut urls) = (8, 10.0, Vec::new());
    while let Some(arg) = args.next()? {
        match arg {
            Short('j') => at_once = args.value()?.parse()?,
            Short('t') => seconds = args.value()?.parse()?,
            Value(url) => urls.push(url.string()?),
            option => return Err(option.unexpected()),
        }
    }
    let limit = Duration::try_from_secs_f64(seconds).map_err(|error| format!("-t {seconds}: {error}"))?;
    match (urls.is_empty(), at_once) {
        (true, _) => Err("no URL".into()),
        (_, 0) => Err("-j 0: none would ever run".into()),
        _ => Ok(Settings { at_once, limit, urls }),
    }
}

async fn fetch_all(settings: Settings) -> ExitCode {
    // Drawn on standard error, and only if that is a terminal.
    let bar = ProgressBar::new(settings.urls.len() as u64);
    bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}").expect("a template"));
    let (start, limit) = (now(), settings.limit);
    let fetches = settings.urls.iter().map(|url| async move {
        let fetch = timeout(limit, fetch(url)).await;
        (
            url,
            fetch.unwrap_or_else(|_| Err(format!("no answer within {limit:?}").into())),
        )
    });
    // These futures are all polled by this task: there is nothing to spawn.
    let mut fetches = pin!(stream::iter(fetches).buffer_unordered(settings.at_once));
    let (mut fetched, mut failed) = (0, 0);
    while let Some((url, result)) = fetches.next().await {
        let line = match result {
            Ok((status, length)) => format!("{url}: {status}, {length} bytes"),
            Err(error) => format!("{url}: failed: {error}"),
        };
        *if line.contains(": failed: ") {
            &mut failed
        } else {
            &mut fetched
        } += 1;
        bar.suspend(|| println!("{line}"));
        bar.inc(1);
    }
    bar.finish_and_clear();
    println!(
        "{fetched} fetched, {failed} failed, {:.3} s",
        (now() - start).as_secs_f64()
    );
    ExitCode::from(u8::from(failed > 0))
}

/// The status of the answer, and how many bytes its body has.
async fn fetch(url: &str) -> Result<(StatusCode, usize), Failure> {
    let uri: Uri = url.parse().map_err(|error| format!("not a URL: {error}"))?;
    let (Some("http"), Some(host)) = (uri.scheme_str(), uri.host()) else {
        return Err("not a URL that begins with http://".into());
    };
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let host_header = authority.rsplit('@').next().unwrap_or(authority);
    let request = Request::get(uri.path_and_query().map_or("/", |path| path.as_str()))
        .header(HOST, HeaderValue::from_str(host_header)?)
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())?;

    // An IPv6 address is written in brackets.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let stream = Async::<TcpStream>::connect_host(host, uri.port_u16().unwrap_or(80)).await?;
    let (mut sender, connection) = http1::handshake(Stream::new(stream)).await?;
    let exchange = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let mut body = response.into_body();
        let mut length = 0;
        // What has been counted is dropped: a body of any size takes little memory.
        while let Some(frame) = body.frame().await {
            length += frame?.data_ref().map_or(0, Bytes::len);
        }
        Ok((status, length))
    };
    // The connection is a future, too, which reads and writes. Here both are one: a timeout drops both.
    match select(pin!(exchange), pin!(connection)).await {
        Either::Left((result, _)) => result,
        Either::Right((Ok(()), exchange)) => exchange.await,
        Either::Right((Err(error), _)) => Err(error.into()),
    }
}
