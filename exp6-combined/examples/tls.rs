//! An echo server that talks TLS by rustls, and its client. The server makes a certificate for `localhost` when it starts,
//! and writes it into a file, so that the client can trust it.
//!
//! `cargo run -p exp6-combined --example tls -- serve [ADDR] [CERT.pem]`, until Ctrl-C; then, in another terminal,
//! `… --example tls -- client ADDR CERT.pem hello`, or `openssl s_client -connect ADDR -CAfile CERT.pem`.

use std::env;
use std::error::Error;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use exp6_combined::{Async, Scheduler, ctrl_c, sleep, spawn, timeout};
use futures::future::{Either, select};
use futures::io::{AsyncReadExt, AsyncWriteExt};
use futures_rustls::rustls::pki_types::pem::PemObject;
use futures_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use futures_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use futures_rustls::{TlsAcceptor, TlsConnector};

const USAGE: &str = "usage: tls serve [ADDR] [CERT.pem] | tls client ADDR CERT.pem TEXT
ADDR is 127.0.0.1:4433 unless given, CERT.pem localhost.pem.";
/// For the handshake: a client that says nothing is let go.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// For the next bytes of a client.
const IDLE: Duration = Duration::from_secs(60);

type Failure = Box<dyn Error>;

fn main() -> ExitCode {
    let args: Vec<_> = env::args().skip(1).collect();
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let result = match args[..] {
        ["serve"] => run(serve("127.0.0.1:4433", "localhost.pem")),
        ["serve", address] => run(serve(address, "localhost.pem")),
        ["serve", address, path] => run(serve(address, path)),
        ["client", address, path, text] => run(client(address, path, text)),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tls: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(future: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    Scheduler::try_new()?.block_on(future)
}

fn parse(address: &str) -> Result<SocketAddr, Failure> {
    Ok(address
        .parse()
        .map_err(|_| format!("{address}: not an address, such as 127.0.0.1:4433"))?)
}

async fn serve(address: &str, path: &str) -> Result<(), Failure> {
    let listener = Async::<TcpListener>::bind(parse(address)?).map_err(|error| format!("{address}: {error}"))?;
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    fs::write(path, made.cert.pem()).map_err(|error| format!("{path}: {error}"))?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let chain = vec![made.cert.der().clone()];
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key.into())?;
    let interrupt = ctrl_c()?;
    println!(
        "listening at {}, certificate in {path}, until Ctrl-C",
        listener.get_ref().local_addr()?
    );
    let server = accept(listener, TlsAcceptor::from(Arc::new(config)));
    match select(interrupt, pin!(server)).await {
        Either::Left((signal, _)) => Ok(signal?),
        Either::Right((never, _)) => never,
    }
}

async fn accept(listener: Async<TcpListener>, acceptor: TlsAcceptor) -> Result<(), Failure> {
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(connection) => connection,
            Err(error) => {
                eprintln!("cannot accept for now: {error}");
                sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let acceptor = acceptor.clone();
        spawn(async move {
            match echo(stream, acceptor).await {
                Ok(bytes) => println!("{peer}: {bytes} bytes"),
                Err(error) => eprintln!("{peer}: {error}"),
            }
        });
    }
}

/// Sends back what comes, until the client says in TLS that it has ended. An end without that may be an attack that cuts
/// the stream, and is an error.
async fn echo(stream: Async<TcpStream>, acceptor: TlsAcceptor) -> Result<usize, Failure> {
    let handshake = timeout(HANDSHAKE, acceptor.accept(stream)).await;
    let mut stream = handshake.map_err(|_| "no handshake in time")??;
    let (mut buffer, mut bytes) = ([0; 4096], 0);
    loop {
        let length = timeout(IDLE, stream.read(&mut buffer))
            .await
            .map_err(|_| "silent for too long")??;
        if length == 0 {
            stream.close().await?;
            return Ok(bytes);
        }
        stream.write_all(&buffer[..length]).await?;
        // What rustls has encrypted waits in a buffer until then.
        stream.flush().await?;
        bytes += length;
    }
}

/// Trusts this one certificate and no other.
async fn client(address: &str, path: &str, text: &str) -> Result<(), Failure> {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(path).map_err(|error| format!("{path}: {error}"))?;
    roots.add(certificate).map_err(|error| format!("{path}: {error}"))?;
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connect = async {
        let stream = Async::<TcpStream>::connect(parse(address)?).await?;
        let connector = TlsConnector::from(Arc::new(config));
        Ok::<_, Failure>(connector.connect(ServerName::try_from("localhost")?, stream).await?)
    };
    let connected = timeout(HANDSHAKE, connect).await.map_err(|_| "no handshake in time")?;
    let mut stream = connected.map_err(|error| format!("{address}: {error}"))?;
    let mut answer = vec![0; text.len()];
    stream.write_all(text.as_bytes()).await?;
    stream.flush().await?;
    stream.read_exact(&mut answer).await?;
    let session = stream.get_ref().1;
    let (version, suite) = (session.protocol_version(), session.negotiated_cipher_suite());
    println!(
        "{:?}, {:?}",
        version.expect("connected"),
        suite.expect("connected").suite()
    );
    println!("{}", String::from_utf8_lossy(&answer));
    Ok(stream.close().await?)
}
