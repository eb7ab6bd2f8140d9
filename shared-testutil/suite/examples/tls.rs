//! `tls`, against rustls as the standard library's sockets drive it.

use std::env;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{self, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use futures_rustls::rustls::pki_types::pem::PemObject;
use futures_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use futures_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use shared_testutil::watchdog;

use super::program::{LIMIT, Program, assert_fails, connect, run, text};

/// A file that is gone when the test ends.
struct PemFile(PathBuf);

impl PemFile {
    fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self(env::temp_dir().join(format!("exp6-tls-test-{}-{number}.pem", process::id())))
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("text")
    }
}

impl Drop for PemFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn server() -> (Program, SocketAddr, PemFile) {
    let file = PemFile::new();
    let (server, address) = Program::serve("tls", &["serve", "127.0.0.1:0", file.path()]);
    (server, address, file)
}

/// A client that trusts the certificate in the file.
fn client(address: SocketAddr, file: &PemFile) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(&file.0).expect("a certificate");
    roots.add(certificate).expect("a root");
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a client");
    StreamOwned::new(connection, connect(address))
}

fn exchange(stream: &mut (impl Read + Write), message: &[u8]) {
    stream.write_all(message).expect("it reads");
    let mut answer = vec![0; message.len()];
    stream.read_exact(&mut answer).expect("it answers");
    assert!(answer == message, "another answer");
}

#[test]
fn what_a_client_sends_comes_back_to_it() {
    let _watchdog = watchdog(LIMIT);
    let (mut server, address, file) = server();
    let mut clients: Vec<_> = (0..8).map(|_| client(address, &file)).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        exchange(client, format!("client {number}").as_bytes());
        // More than a record of TLS.
        exchange(client, &vec![number as u8; 100_000]);
    }
    for mut client in clients {
        client.conn.send_close_notify();
        client.flush().expect("it reads");
        // Its end is said in TLS, too: without that this is an error.
        assert_eq!(client.read(&mut [0]).expect("the end"), 0);
        assert!(server.line().ends_with(": 100008 bytes"));
    }
    server.interrupt();
    assert_eq!(server.end().1, "");
}

#[test]
fn clients_that_break_the_protocol_are_told_of_and_disturb_nobody() {
    let _watchdog = watchdog(LIMIT);
    let (mut server, address, file) = server();
    let mut good = client(address, &file);
    exchange(&mut good, b"before");
    let mut plain = connect(address);
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("it reads");
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    // An alert of TLS, and nothing else.
    assert_eq!(answer.first(), Some(&21), "{answer:?}");
    assert!(server.complaint().contains("corrupt"));
    exchange(&mut good, b"between");
    let mut cut = client(address, &file);
    exchange(&mut cut, b"hello");
    drop(cut.into_parts());
    let complaint = server.complaint();
    assert!(complaint.contains("close_notify"), "{complaint}");
    exchange(&mut good, b"after");
}

#[test]
fn the_client_of_the_example_gets_along_with_its_server() {
    let _watchdog = watchdog(LIMIT);
    let (_server, address, file) = server();
    let output = run("tls", &["client", &address.to_string(), file.path(), "good morning"]);
    assert_eq!(text(&output.stderr), "");
    let stdout = text(&output.stdout);
    assert!(
        stdout.starts_with("TLSv1_3, ") && stdout.ends_with("\ngood morning\n"),
        "{stdout}"
    );
}

#[test]
fn a_certificate_of_somebody_else_is_refused() {
    let _watchdog = watchdog(LIMIT);
    let (_server, address, _file) = server();
    let (_other, _, trusted) = server();
    let args = ["client", &address.to_string(), trusted.path(), "hello"];
    assert_fails("tls", &args, 1, "invalid peer certificate: ");
}

#[test]
fn an_expired_certificate_is_refused() {
    let _watchdog = watchdog(LIMIT);
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    (params.not_before, params.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1));
    let certificate = params.self_signed(&key).expect("a certificate");
    let file = PemFile::new();
    fs::write(&file.0, certificate.pem()).expect("a file");
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .expect("a configuration");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = listener.local_addr().expect("an address").to_string();
    let server = thread::spawn(move || -> io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        let mut connection = ServerConnection::new(Arc::new(config)).map_err(io::Error::other)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut stream)?;
        }
        Ok(())
    });
    assert_fails(
        "tls",
        &["client", &address, file.path(), "hello"],
        1,
        "certificate expired",
    );
    // The client has told it why.
    let error = server.join().expect("no panic").expect_err("it was refused");
    assert!(error.to_string().contains("CertificateExpired"), "{error}");
}

#[test]
fn openssl_gets_along_with_the_server() {
    let _watchdog = watchdog(LIMIT);
    let (_server, address, file) = server();
    let child = Command::new("openssl")
        .args([
            "s_client",
            "-quiet",
            "-verify_return_error",
            "-connect",
            &address.to_string(),
        ])
        .args(["-CAfile", file.path()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return eprintln!("skipped, no openssl here: {error}"),
    };
    child
        .stdin
        .as_mut()
        .expect("it is piped")
        .write_all(b"hello\n")
        .expect("it reads");
    let mut answer = [0; 6];
    let answered = child.stdout.as_mut().expect("it is piped").read_exact(&mut answer);
    let _ = child.kill();
    let _ = child.wait();
    answered.expect("an answer");
    assert_eq!(&answer, b"hello\n");
}

#[test]
fn mistakes_in_the_command_are_named() {
    let _watchdog = watchdog(LIMIT);
    let file = PemFile::new();
    assert_fails("tls", &[], 2, "usage: ");
    assert_fails("tls", &["client", "127.0.0.1:1"], 2, "usage: ");
    assert_fails(
        "tls",
        &["serve", "nonsense", file.path()],
        1,
        "nonsense: not an address",
    );
    assert_fails(
        "tls",
        &["serve", "127.0.0.1:0", "/nowhere/cert.pem"],
        1,
        "/nowhere/cert.pem: ",
    );
    assert_fails("tls", &["client", "127.0.0.1:1", file.path(), "hello"], 1, file.path());
    fs::write(&file.0, "no certificate").expect("a file");
    assert_fails("tls", &["client", "127.0.0.1:1", file.path(), "hello"], 1, file.path());
}
