//! TCP: listening, accepting and connecting, with peers that behave and peers that do not.

use std::cell::Cell;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use futures::future::join_all;
#[cfg(unix)]
use rustix::process::{Resource, getrlimit, setrlimit};
use socket2::{Domain, SockRef, Socket, Type};

use crate::sched::{Async, Scheduler, sleep, spawn, timeout, yield_now};
use shared_testutil::{EchoClient, EchoServer, Fault, OrderLog, assert_at_least, in_own_process, watchdog};

const LIMIT: Duration = Duration::from_secs(60);

fn listen() -> (Async<TcpListener>, SocketAddr) {
    let listener = Async::<TcpListener>::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.get_ref().local_addr().expect("a bound socket has an address");
    (listener, address)
}

/// Both ends of a connection.
async fn pair() -> (Async<TcpStream>, Async<TcpStream>) {
    let (listener, address) = listen();
    let near = Async::<TcpStream>::connect(address).await.expect("somebody listens");
    let (far, _) = listener.accept().await.expect("a connection waits");
    (near, far)
}

async fn write_all(stream: &Async<TcpStream>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let length = stream.write_with(|mut stream| stream.write(bytes)).await?;
        bytes = &bytes[length..];
    }
    Ok(())
}

async fn read(stream: &Async<TcpStream>, buffer: &mut [u8]) -> io::Result<usize> {
    stream.read_with(|mut stream| stream.read(buffer)).await
}

async fn read_exact(stream: &Async<TcpStream>, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let mut done = 0;
    while done < length {
        match read(stream, &mut bytes[done..]).await? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            more => done += more,
        }
    }
    Ok(bytes)
}

async fn read_to_end(stream: &Async<TcpStream>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 1000];
    loop {
        match read(stream, &mut buffer).await? {
            0 => return Ok(bytes),
            length => bytes.extend(&buffer[..length]),
        }
    }
}

async fn echo(stream: Async<TcpStream>) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        match read(&stream, &mut buffer).await? {
            0 => return Ok(()),
            length => write_all(&stream, &buffer[..length]).await?,
        }
    }
}

/// Bytes that tell their place.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|place| (place % 251) as u8).collect()
}

#[test]
fn a_connection_carries_bytes_both_ways() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (listener, address) = listen();
        let server = spawn(async move {
            let (stream, peer) = listener.accept().await.unwrap();
            assert_eq!(stream.get_ref().peer_addr().unwrap(), peer);
            echo(stream).await.unwrap();
            peer
        });
        let client = Async::<TcpStream>::connect(address).await.unwrap();
        let own = client.get_ref().local_addr().unwrap();
        assert_eq!(client.get_ref().peer_addr().unwrap(), address);
        for message in [&b"hello"[..], b"again"] {
            write_all(&client, message).await.unwrap();
            assert_eq!(read_exact(&client, 5).await.unwrap(), message);
        }
        drop(client);
        assert_eq!(server.await.unwrap(), own);
    });
}

#[test]
fn port_0_is_a_free_port() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let ((_a, first), (_b, second)) = (listen(), listen());
        assert_ne!(first.port(), 0);
        assert_ne!(first, second);
    });
}

#[test]
fn an_address_in_use_is_an_error() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (_listener, address) = listen();
        let error = Async::<TcpListener>::bind(address).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse, "{error}");
    });
}

#[test]
fn an_address_is_free_as_soon_as_its_server_is_gone() {
    in_own_process(|| {
        let _watchdog = watchdog(LIMIT);
        Scheduler::new().block_on(async {
            let (listener, address) = listen();
            let client = Async::<TcpStream>::connect(address).await.unwrap();
            let (server, _) = listener.accept().await.unwrap();
            // The end that closes first keeps the address for a while, if it is not told to share it.
            drop((server, listener));
            assert_eq!(read_to_end(&client).await.unwrap(), b"");
            drop(client);
            Async::<TcpListener>::bind(address).unwrap();
        });
    });
}

#[test]
fn a_connection_to_nobody_is_refused() {
    let _watchdog = watchdog(LIMIT);
    // Bound, so that nobody else has the port. But it does not listen.
    let silent = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    silent.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let address = silent.local_addr().unwrap().as_socket().unwrap();
    Scheduler::new().block_on(async {
        let error = Async::<TcpStream>::connect(address).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{error}");
    });
}

#[test]
fn ipv6_works_where_there_is_any() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let listener = match Async::<TcpListener>::bind((Ipv6Addr::LOCALHOST, 0)) {
            Ok(listener) => listener,
            Err(error) => return eprintln!("skipped, no IPv6 here: {error}"),
        };
        let address = listener.get_ref().local_addr().unwrap();
        let client = Async::<TcpStream>::connect(address).await.unwrap();
        let (server, peer) = listener.accept().await.unwrap();
        assert!(peer.is_ipv6());
        write_all(&server, b"six").await.unwrap();
        assert_eq!(read_exact(&client, 3).await.unwrap(), b"six");
    });
}

#[test]
fn an_accept_that_is_given_up_loses_no_connection() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (listener, address) = listen();
        timeout(Duration::from_millis(10), listener.accept()).await.unwrap_err();
        let client = EchoClient::connect(address).unwrap();
        let (stream, peer) = listener.accept().await.unwrap();
        assert_eq!(client.stream().local_addr().unwrap(), peer);
        drop(stream);
    });
}

#[test]
fn several_tasks_may_accept_at_one_listener() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (listener, address) = listen();
        let listener = Rc::new(listener);
        let servers: Vec<_> = (0..3)
            .map(|_| {
                let listener = Rc::clone(&listener);
                spawn(async move { listener.accept().await.map(|(_, peer)| peer) })
            })
            .collect();
        // They wait before anybody comes.
        yield_now().await;
        let clients: Vec<_> = (0..3).map(|_| EchoClient::connect(address).unwrap()).collect();
        let mut expected: Vec<_> = clients
            .iter()
            .map(|client| client.stream().local_addr().unwrap())
            .collect();
        let mut peers: Vec<_> = join_all(servers)
            .await
            .into_iter()
            .map(|peer| peer.unwrap().unwrap())
            .collect();
        peers.sort();
        expected.sort();
        assert_eq!(peers, expected);
    });
}

#[test]
fn a_connection_that_breaks_before_it_is_accepted_leaves_the_listener_usable() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (listener, address) = listen();
        EchoClient::connect(address).unwrap().reset();
        let _living = EchoClient::connect(address).unwrap();
        // Some systems report the first, others hand it over.
        if let Ok((stream, _)) = listener.accept().await {
            let error = read(&stream, &mut [0]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
        }
        listener.accept().await.unwrap();
    });
}

#[test]
fn a_connect_that_is_given_up_ends() {
    let _watchdog = watchdog(LIMIT);
    let full = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    full.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    full.listen(0).unwrap();
    let address = full.local_addr().unwrap().as_socket().unwrap();
    Scheduler::new().block_on(async {
        let mut streams = Vec::new();
        loop {
            // Where nobody accepts, the queue is full before long, and a connection stays half made.
            match timeout(Duration::from_millis(50), Async::<TcpStream>::connect(address)).await {
                Ok(stream) => streams.push(stream.unwrap()),
                Err(_) => break,
            }
            assert!(streams.len() < 1000, "a queue without a limit");
        }
    });
}

#[test]
fn answers_in_pieces_are_put_together() {
    let _watchdog = watchdog(LIMIT);
    let server = EchoServer::with(Fault::Pieces(3));
    Scheduler::new().block_on(async {
        let stream = Async::<TcpStream>::connect(server.addr()).await.unwrap();
        write_all(&stream, b"in pieces").await.unwrap();
        assert_eq!(read_exact(&stream, 9).await.unwrap(), b"in pieces");
    });
    assert_eq!((server.connections(), server.bytes()), (1, 9));
}

#[test]
fn other_tasks_go_on_while_one_waits_for_a_late_answer() {
    let _watchdog = watchdog(LIMIT);
    let delay = Duration::from_millis(150);
    let late = EchoServer::with(Fault::Delay(delay));
    let prompt = EchoServer::new();
    let log = OrderLog::new();
    Scheduler::new().block_on(async {
        let exchange = |address, name: &'static str| {
            let log = log.clone();
            spawn(async move {
                let stream = Async::<TcpStream>::connect(address).await.unwrap();
                log.note(format!("{name} sends"));
                write_all(&stream, name.as_bytes()).await.unwrap();
                assert_eq!(read_exact(&stream, name.len()).await.unwrap(), name.as_bytes());
                log.note(format!("{name} receives"));
            })
        };
        let start = Instant::now();
        join_all([exchange(late.addr(), "late"), exchange(prompt.addr(), "prompt")]).await;
        assert_at_least("the late answer", start, delay);
    });
    log.assert_overlap(("late sends", "late receives"), ("prompt sends", "prompt receives"));
}

#[test]
fn a_timeout_ends_the_wait_for_an_answer_that_never_comes() {
    let _watchdog = watchdog(LIMIT);
    let server = EchoServer::with(Fault::NeverAnswers);
    Scheduler::new().block_on(async {
        let stream = Async::<TcpStream>::connect(server.addr()).await.unwrap();
        write_all(&stream, b"hello?").await.unwrap();
        timeout(Duration::from_millis(50), read(&stream, &mut [0]))
            .await
            .unwrap_err();
    });
    // It has read what was sent, or will.
    while server.bytes() < 6 {
        thread::yield_now();
    }
}

#[test]
fn writing_to_a_peer_that_never_reads_waits_and_can_be_given_up() {
    let _watchdog = watchdog(LIMIT);
    let server = EchoServer::with(Fault::NeverReads);
    Scheduler::new().block_on(async {
        let stream = Async::<TcpStream>::connect(server.addr()).await.unwrap();
        let endless = async {
            loop {
                write_all(&stream, &[0; 65536]).await.unwrap();
            }
        };
        timeout(Duration::from_millis(100), endless).await.unwrap_err();
    });
    assert_eq!(server.bytes(), 0);
}

#[test]
#[cfg_attr(windows, ignore = "a reset may discard what came before it")]
fn a_reset_by_the_peer_is_an_error_after_the_data() {
    let _watchdog = watchdog(LIMIT);
    let server = EchoServer::with(Fault::ResetAfter(3));
    Scheduler::new().block_on(async {
        let stream = Async::<TcpStream>::connect(server.addr()).await.unwrap();
        write_all(&stream, b"abcd").await.unwrap();
        assert_eq!(read_exact(&stream, 3).await.unwrap(), b"abc");
        let error = read(&stream, &mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
        // The error has been reported. After that a reader finds the end, and a writer a broken pipe.
        assert_eq!(read(&stream, &mut [0]).await.unwrap(), 0);
        let error = write_all(&stream, b"e").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe, "{error}");
    });
}

#[test]
fn a_reset_ends_a_write_that_waits() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, far) = pair().await;
        let writer = spawn(async move {
            loop {
                if let Err(error) = write_all(&near, &[0; 65536]).await {
                    return error;
                }
            }
        });
        sleep(Duration::from_millis(50)).await;
        assert!(!writer.is_finished(), "nobody reads, and it goes on");
        SockRef::from(far.get_ref()).set_linger(Some(Duration::ZERO)).unwrap();
        drop(far);
        let error = writer.await.unwrap();
        let kinds = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
        assert!(kinds.contains(&error.kind()), "{error}");
    });
}

#[test]
fn a_wrong_echo_arrives_as_it_was_sent() {
    let _watchdog = watchdog(LIMIT);
    let server = EchoServer::with(Fault::WrongEcho);
    Scheduler::new().block_on(async {
        let stream = Async::<TcpStream>::connect(server.addr()).await.unwrap();
        write_all(&stream, &[0, 1]).await.unwrap();
        assert_eq!(read_exact(&stream, 2).await.unwrap(), [255, 254]);
    });
}

#[test]
fn a_megabyte_in_odd_pieces_comes_back_from_a_server_task() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (listener, address) = listen();
        let client = thread::spawn(move || {
            let client = EchoClient::connect(address).unwrap();
            client.exchange_in_pieces(&pattern(1 << 20), &[1, 4097, 13, 65_521, 999]);
            client.finish();
            client.expect_end();
        });
        let (stream, _) = listener.accept().await.unwrap();
        echo(stream).await.unwrap();
        client.join().unwrap();
    });
}

#[test]
fn a_megabyte_in_odd_pieces_comes_back_to_two_tasks_on_one_socket() {
    let _watchdog = watchdog(LIMIT);
    let server = EchoServer::new();
    Scheduler::new().block_on(async {
        let stream = Rc::new(Async::<TcpStream>::connect(server.addr()).await.unwrap());
        let writer = spawn({
            let stream = Rc::clone(&stream);
            async move {
                let mut rest = &pattern(1 << 20)[..];
                for size in [1, 4097, 13, 65_521, 999].into_iter().cycle() {
                    let (piece, others) = rest.split_at(size.min(rest.len()));
                    write_all(&stream, piece).await.unwrap();
                    rest = others;
                    if rest.is_empty() {
                        break;
                    }
                }
                stream.get_ref().shutdown(Shutdown::Write).unwrap();
            }
        });
        assert!(read_to_end(&stream).await.unwrap() == pattern(1 << 20));
        writer.await.unwrap();
    });
    assert_eq!(server.bytes(), 1 << 20);
}

#[test]
fn a_peer_that_has_closed_its_half_still_gets_answers() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, far) = pair().await;
        write_all(&near, b"question").await.unwrap();
        near.get_ref().shutdown(Shutdown::Write).unwrap();
        assert_eq!(read_to_end(&far).await.unwrap(), b"question");
        // Late, so that the end has been seen on all levels.
        sleep(Duration::from_millis(20)).await;
        write_all(&far, b"answer").await.unwrap();
        drop(far);
        assert_eq!(read_to_end(&near).await.unwrap(), b"answer");
    });
}

#[test]
fn a_thousand_connections_are_open_at_once() {
    in_own_process(|| {
        const CONNECTIONS: usize = 1000;
        let _watchdog = watchdog(LIMIT);
        // Both ends of each, and some more. Windows has no such limit.
        #[cfg(unix)]
        {
            let mut limit = getrlimit(Resource::Nofile);
            if limit.current.is_some_and(|soft| soft < 3 * CONNECTIONS as u64) {
                limit.current = limit.maximum;
                setrlimit(Resource::Nofile, limit).unwrap();
            }
        }
        let open = Rc::new(Cell::new(0));
        Scheduler::new().block_on(async {
            let (listener, address) = listen();
            let server = spawn(async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    spawn(echo(stream));
                }
            });
            let clients = (0..CONNECTIONS).map(|number| {
                let open = Rc::clone(&open);
                spawn(async move {
                    let stream = Async::<TcpStream>::connect(address).await.unwrap();
                    open.set(open.get() + 1);
                    // Nobody closes before all are open.
                    while open.get() < CONNECTIONS {
                        sleep(Duration::from_millis(5)).await;
                    }
                    let message = format!("client {number:08}");
                    for _ in 0..3 {
                        write_all(&stream, message.as_bytes()).await.unwrap();
                        let answer = read_exact(&stream, message.len()).await.unwrap();
                        assert_eq!(answer, message.as_bytes());
                    }
                })
            });
            for client in clients.collect::<Vec<_>>() {
                client.await.unwrap();
            }
            server.abort();
        });
        assert_eq!(open.get(), CONNECTIONS);
    });
}
