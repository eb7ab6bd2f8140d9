//! `AsyncRead` and `AsyncWrite`: the `futures` crate works with them, and no short read hides what is behind it.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use futures::executor;
use futures::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, copy};
use polling::AsSource;
use socket2::SockRef;

use crate::sched::{Async, Scheduler, sleep, spawn, timeout};
use shared_testutil::{CountingWaker, EchoClient, EchoServer, Fault, LocalStream, stream_pair, watchdog};

const LIMIT: Duration = Duration::from_secs(60);
/// Long enough for the selector to report what has happened already.
const A_MOMENT: Duration = Duration::from_millis(5);

/// A stream that is registered, and its peer, which is not and blocks.
fn pair() -> (Async<LocalStream>, LocalStream) {
    let (near, far) = stream_pair().expect("a pair of sockets");
    (Async::new(near).expect("it is registered"), far)
}

/// Two ends of a connection, both blocking.
fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let near = TcpStream::connect(listener.local_addr().expect("an address")).expect("somebody listens");
    (near, listener.accept().expect("a connection").0)
}

/// Bytes that tell their place.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|place| (place % 251) as u8).collect()
}

#[test]
fn a_stream_is_read_and_written_through_the_traits() {
    let _watchdog = watchdog(LIMIT);
    let server = EchoServer::with(Fault::Pieces(3));
    Scheduler::new().block_on(async {
        let mut stream = Async::<TcpStream>::connect(server.addr()).await.unwrap();
        stream.write_all(b"question").await.unwrap();
        stream.flush().await.unwrap();
        let mut answer = [0; 8];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, *b"question");
        stream.write_all(b"more").await.unwrap();
        stream.close().await.unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"more");
    });
    assert_eq!(server.bytes(), 12);
}

#[test]
fn lines_come_out_of_a_buffered_reader() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, mut far) = pair();
        let reader = spawn(async move {
            let mut lines = Vec::new();
            let mut reader = BufReader::new(near);
            let mut line = String::new();
            while reader.read_line(&mut line).await.unwrap() > 0 {
                lines.push(std::mem::take(&mut line));
            }
            lines
        });
        for piece in ["on", "e\ntwo\nth", "ree"] {
            sleep(A_MOMENT).await;
            far.write_all(piece.as_bytes()).unwrap();
        }
        drop(far);
        assert_eq!(reader.await.unwrap(), ["one\n", "two\n", "three"]);
    });
}

#[test]
fn two_tasks_share_a_stream_by_reference() {
    let _watchdog = watchdog(LIMIT);
    let server = EchoServer::new();
    Scheduler::new().block_on(async {
        let stream = Rc::new(Async::<TcpStream>::connect(server.addr()).await.unwrap());
        let writer = spawn({
            let stream = Rc::clone(&stream);
            async move {
                (&*stream).write_all(&pattern(1 << 20)).await.unwrap();
                (&*stream).close().await.unwrap();
            }
        });
        let mut bytes = Vec::new();
        (&*stream).read_to_end(&mut bytes).await.unwrap();
        assert!(bytes == pattern(1 << 20));
        writer.await.unwrap();
    });
}

#[test]
fn a_stream_is_split_in_halves_and_copied_to_itself() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let listener = Async::<TcpListener>::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.get_ref().local_addr().unwrap();
        let client = thread::spawn(move || {
            let client = EchoClient::connect(address).unwrap();
            client.exchange_in_pieces(&pattern(1 << 20), &[1, 4097, 13, 65_521, 999]);
            client.finish();
            client.expect_end();
        });
        let (stream, _) = listener.accept().await.unwrap();
        let (reader, mut writer) = stream.split();
        assert_eq!(copy(reader, &mut writer).await.unwrap(), 1 << 20);
        writer.close().await.unwrap();
        client.join().unwrap();
    });
}

#[test]
fn slices_are_written_one_after_the_other() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (mut near, mut far) = pair();
        let slices = [IoSlice::new(b"one"), IoSlice::new(b""), IoSlice::new(b"two")];
        assert_eq!(near.write_vectored(&slices).await.unwrap(), 6);
        let mut bytes = [0; 6];
        far.read_exact(&mut bytes).unwrap();
        assert_eq!(bytes, *b"onetwo");
    });
}

#[test]
fn slices_are_read_in_order() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (mut near, mut far) = pair();
        far.write_all(b"onetwo").unwrap();
        let (mut first, mut second) = ([0; 3], [0; 10]);
        let mut received = Vec::new();
        while received.len() < 6 {
            let mut slices = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
            let length = near.read_vectored(&mut slices).await.unwrap();
            received.extend_from_slice(&[&first[..], &second[..]].concat()[..length]);
        }
        assert_eq!(received, b"onetwo");
    });
}

#[track_caller]
fn assert_close_ends_one_direction<T>(near: T, mut far: T)
where
    T: AsSource + Read + Write + Unpin + 'static,
    for<'a> &'a T: Read + Write,
{
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let mut near = Async::new(near).unwrap();
        near.write_all(b"question").await.unwrap();
        near.close().await.unwrap();
        let mut bytes = Vec::new();
        far.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, b"question");
        far.write_all(b"answer").unwrap();
        let mut answer = [0; 6];
        near.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, *b"answer");
        let error = near.write_all(b"more").await.unwrap_err();
        // Windows has an error of its own for this, WSAESHUTDOWN, which `std` has no kind for.
        let ended = error.kind() == ErrorKind::BrokenPipe || cfg!(windows) && error.raw_os_error() == Some(10058);
        assert!(ended, "{error}");
        // Again, and when the peer has gone.
        near.close().await.unwrap();
        drop(far);
        near.close().await.unwrap();
        assert_eq!(near.read(&mut [0]).await.unwrap(), 0);
    });
}

#[test]
fn closing_a_tcp_stream_ends_one_direction() {
    let (near, far) = tcp_pair();
    assert_close_ends_one_direction(near, far);
}

#[cfg(unix)]
#[test]
fn closing_a_unix_stream_ends_one_direction() {
    let (near, far) = stream_pair().unwrap();
    assert_close_ends_one_direction(near, far);
}

#[test]
fn a_stream_that_has_no_room_is_flushed_and_closed_at_once() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (mut near, mut far) = pair();
        let endless = async { while near.write_all(&[7; 4096]).await.is_ok() {} };
        timeout(Duration::from_millis(20), endless).await.unwrap_err();
        // Nothing is kept on this side of the socket, and the end needs no room.
        let limit = Duration::from_secs(5);
        let flushed = timeout(limit, near.flush()).await;
        flushed.expect("a flush waits for room").unwrap();
        let closed = timeout(limit, near.close()).await;
        closed.expect("the end waits for room").unwrap();
        assert!(far.read_to_end(&mut Vec::new()).is_ok());
    });
}

#[cfg(unix)]
#[test]
fn a_pipe_is_read_and_written_through_the_traits() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (reader, writer) = io::pipe().unwrap();
        let (mut reader, mut writer) = (Async::new(reader).unwrap(), Async::new(writer).unwrap());
        let reader = spawn(async move {
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes).await.map(|_| bytes)
        });
        writer.write_all(&pattern(1 << 20)).await.unwrap();
        // It is no socket, with halves to close.
        writer.close().await.unwrap();
        drop(writer);
        assert!(reader.await.unwrap().unwrap() == pattern(1 << 20));
    });
}

#[test]
fn a_closed_peer_and_a_scheduler_that_does_not_run_are_errors() {
    let _watchdog = watchdog(LIMIT);
    let (mut near, far) = Scheduler::new().block_on(async { pair() });
    let error = executor::block_on(near.read(&mut [0])).unwrap_err();
    assert!(error.to_string().contains("scheduler"), "{error}");
    // TCP needs an answer of the peer before it knows that nobody reads.
    if cfg!(windows) {
        return;
    }
    // A process that another test starts may have the descriptor for a moment, so closing alone would not do.
    far.shutdown(Shutdown::Both).unwrap();
    let error = executor::block_on(near.write(b"x")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe, "{error}");
}

/// Reads at most `size` bytes at a time, until the end or an error, and says which.
async fn read_in_steps(mut stream: impl AsyncRead + Unpin, size: usize) -> (Vec<u8>, Option<ErrorKind>) {
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; size]);
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) => return (bytes, None),
            Ok(length) => bytes.extend(&buffer[..length]),
            Err(error) => return (bytes, Some(error.kind())),
        }
    }
}

/// What a reader finds of what the peer does at once. The reader waits already, or everything has been reported to it.
async fn what_arrives<T>(near: T, far: T, act: fn(T), size: usize, waits: bool) -> (Vec<u8>, Option<ErrorKind>)
where
    T: AsSource + Unpin + 'static,
    for<'a> &'a T: Read,
{
    let near = Async::new(near).unwrap();
    if waits {
        let reader = spawn(read_in_steps(near, size));
        sleep(A_MOMENT).await;
        act(far);
        reader.await.unwrap()
    } else {
        act(far);
        sleep(A_MOMENT).await;
        read_in_steps(near, size).await
    }
}

/// With sizes that make some reads short, or all, or none.
#[track_caller]
fn assert_arrives<T>(pair: fn() -> (T, T), act: fn(T), bytes: &[u8], error: Option<ErrorKind>)
where
    T: AsSource + Unpin + 'static,
    for<'a> &'a T: Read,
{
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        for size in [1, 2, 3, 4, 5, 100] {
            for waits in [true, false] {
                let (near, far) = pair();
                let found = what_arrives(near, far, act, size, waits).await;
                assert_eq!(found, (bytes.to_vec(), error), "{size} bytes at a time, {waits}");
            }
        }
    });
}

#[test]
fn a_short_read_does_not_hide_the_end_of_a_tcp_stream() {
    let act = |mut far: TcpStream| far.write_all(b"abcd").unwrap();
    assert_arrives(tcp_pair, act, b"abcd", None);
}

#[cfg(unix)]
#[test]
fn a_short_read_does_not_hide_the_end_of_a_unix_stream() {
    let pair = || stream_pair().unwrap();
    let act = |mut far: LocalStream| far.write_all(b"abcd").unwrap();
    assert_arrives(pair, act, b"abcd", None);
}

#[test]
#[cfg_attr(windows, ignore = "a reset may discard what came before it")]
fn a_short_read_does_not_hide_a_reset() {
    let act = |mut far: TcpStream| {
        far.write_all(b"abcd").unwrap();
        SockRef::from(&far).set_linger(Some(Duration::ZERO)).unwrap();
    };
    assert_arrives(tcp_pair, act, b"abcd", Some(ErrorKind::ConnectionReset));
}

#[test]
fn an_error_does_not_hide_the_end_behind_it() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, far) = tcp_pair();
        let mut near = Async::new(near).expect("registered");
        // Closed with this, a connection is reset.
        SockRef::from(&far).set_linger(Some(Duration::ZERO)).expect("a socket");
        let reader = spawn(async move {
            let error = near.read(&mut [0; 10]).await.expect_err("the peer resets");
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            near.read(&mut [0; 10]).await
        });
        sleep(Duration::from_millis(1)).await;
        drop(far);
        let end = timeout(Duration::from_secs(10), reader)
            .await
            .expect("the end is hidden");
        assert_eq!(end.expect("no panic").expect("no error"), 0);
    });
}

#[test]
fn a_short_read_does_not_hide_what_is_behind_urgent_data() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        for waits in [true, false] {
            let (near, mut far) = tcp_pair();
            let mut near = Async::new(near).unwrap();
            let reading = async move {
                let mut buffer = [0; 100];
                let mut bytes = Vec::new();
                while bytes.len() < 4 {
                    let length = near.read(&mut buffer).await.unwrap();
                    bytes.extend_from_slice(&buffer[..length]);
                }
                bytes
            };
            let send = move || {
                far.write_all(b"ab").unwrap();
                SockRef::from(&far).send_out_of_band(b"!").unwrap();
                // The urgent byte is kept apart, and a read ends where it was. No end of the stream is reported later.
                far.write_all(b"cd").unwrap();
                far
            };
            let (bytes, _far) = if waits {
                let reader = spawn(reading);
                sleep(A_MOMENT).await;
                let far = send();
                (reader.await.unwrap(), far)
            } else {
                let far = send();
                sleep(A_MOMENT).await;
                (reading.await, far)
            };
            assert_eq!(bytes, b"abcd");
        }
    });
}

#[test]
fn urgent_data_after_a_short_read_does_not_hide_what_is_behind_them() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        for _ in 0..100 {
            let (near, mut far) = tcp_pair();
            far.set_nodelay(true).unwrap();
            let reader = spawn(read_in_steps(Async::new(near).unwrap(), 100));
            // Another thread, so that some arrives while the loop reads.
            let writer = thread::spawn(move || {
                for _ in 0..5 {
                    far.write_all(b"ab").unwrap();
                    SockRef::from(&far).send_out_of_band(b"!").unwrap();
                    far.write_all(b"cd").unwrap();
                }
            });
            let (bytes, error) = reader.await.unwrap();
            writer.join().unwrap();
            // An urgent byte that is followed by another before it is read becomes an ordinary one.
            let ordinary: Vec<_> = bytes.into_iter().filter(|byte| *byte != b'!').collect();
            assert_eq!((&ordinary[..], error), (&b"abcdabcdabcdabcdabcd"[..], None));
        }
    });
}

/// A terminal: the side of the screen and keyboard, and the side of the program.
#[cfg(unix)]
fn terminal() -> (std::fs::File, std::fs::File) {
    use std::ffi::OsStr;
    use std::fs::{File, OpenOptions};
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::OpenOptionsExt;

    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    let screen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&screen).expect("a terminal of our own");
    unlockpt(&screen).expect("a terminal of our own");
    let name = ptsname(&screen, Vec::new()).expect("it has a name");
    let program = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(OpenptFlags::NOCTTY.bits() as i32)
        .open(OsStr::from_bytes(name.to_bytes()));
    (File::from(screen), program.expect("its other side"))
}

#[cfg(unix)]
#[test]
fn a_short_read_does_not_hide_the_second_line_of_a_terminal() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (mut screen, program) = terminal();
        let mut program = Async::new(program).unwrap();
        let reader = spawn(async move {
            let mut lines = Vec::new();
            for _ in 0..3 {
                let mut buffer = [0; 100];
                let length = program.read(&mut buffer).await.unwrap();
                lines.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
            }
            lines
        });
        sleep(A_MOMENT).await;
        screen.write_all(b"one\ntwo\n").unwrap();
        sleep(A_MOMENT).await;
        screen.write_all(b"three\n").unwrap();
        assert_eq!(reader.await.unwrap(), ["one\n", "two\n", "three\n"]);
    });
}

/// Numbers that look random, and are the same each time.
fn random(state: &mut u64) -> usize {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as usize
}

/// Again and again, the peer sends some bytes, in some pieces, and waits for an answer. If a byte is not reported to the
/// reader, both wait for ever.
#[track_caller]
fn assert_nothing_is_lost<T>(near: T, mut far: T)
where
    T: AsSource + Read + Write + Send + Unpin + 'static,
    for<'a> &'a T: Read + Write,
{
    const ROUNDS: usize = 5000;
    let _watchdog = watchdog(LIMIT);
    let peer = thread::spawn(move || {
        let mut seed = 1;
        for _ in 0..ROUNDS {
            let message = pattern(1 + random(&mut seed) % 300);
            let mut rest = &message[..];
            while !rest.is_empty() {
                let (piece, others) = rest.split_at(1 + random(&mut seed) % rest.len());
                far.write_all(piece).unwrap();
                rest = others;
            }
            let mut answer = vec![0; message.len()];
            far.read_exact(&mut answer).unwrap();
            assert!(answer == message);
        }
    });
    Scheduler::new().block_on(async {
        let mut near = Async::new(near).unwrap();
        let mut seed = 2;
        let mut buffer = [0; 200];
        loop {
            let size = 1 + random(&mut seed) % buffer.len();
            match near.read(&mut buffer[..size]).await.unwrap() {
                0 => break,
                length => near.write_all(&buffer[..length]).await.unwrap(),
            }
        }
    });
    peer.join().unwrap();
}

#[test]
fn a_read_after_a_short_read_finds_what_comes_later_on_tcp() {
    let (near, far) = tcp_pair();
    near.set_nodelay(true).unwrap();
    far.set_nodelay(true).unwrap();
    assert_nothing_is_lost(near, far);
}

#[cfg(unix)]
#[test]
fn a_read_after_a_short_read_finds_what_comes_later_on_a_unix_stream() {
    let (near, far) = stream_pair().unwrap();
    assert_nothing_is_lost(near, far);
}

fn poll_read(stream: &Async<LocalStream>, waker: &Waker) -> Poll<io::Result<usize>> {
    Pin::new(&mut &*stream).poll_read(&mut Context::from_waker(waker), &mut [0; 10])
}

#[test]
fn two_tasks_that_poll_one_stream_are_both_woken() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, mut far) = pair();
        let (first, second) = (CountingWaker::new(), CountingWaker::new());
        assert!(poll_read(&near, &first.waker()).is_pending());
        assert!(poll_read(&near, &second.waker()).is_pending());
        far.write_all(b"x").unwrap();
        sleep(A_MOMENT).await;
        assert_eq!((first.count(), second.count()), (1, 1));
        assert!(poll_read(&near, &first.waker()).is_ready());
        assert!(poll_read(&near, &second.waker()).is_pending());
    });
}

#[test]
fn a_reader_and_a_writer_that_poll_one_stream_are_woken_apart() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, mut far) = pair();
        while near.get_ref().write(&[0; 4096]).is_ok() {}
        let (reader, writer) = (CountingWaker::new(), CountingWaker::new());
        assert!(poll_read(&near, &reader.waker()).is_pending());
        let waker = writer.waker();
        let cx = &mut Context::from_waker(&waker);
        assert!(Pin::new(&mut &near).poll_write(cx, b"x").is_pending());
        far.write_all(b"x").unwrap();
        sleep(A_MOMENT).await;
        assert_eq!((reader.count(), writer.count()), (1, 0));
        far.set_nonblocking(true).unwrap();
        assert_eq!(
            far.read_to_end(&mut Vec::new()).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
        sleep(A_MOMENT).await;
        assert_eq!((reader.count(), writer.count()), (1, 1));
        assert!(Pin::new(&mut &near).poll_write(cx, b"x").is_ready());
    });
}

/// A waker whose clones can be counted.
struct Counted;

impl Wake for Counted {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn a_task_that_polls_again_is_woken_once() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, mut far) = pair();
        let counted = Arc::new(Counted);
        let waker = Waker::from(Arc::clone(&counted));
        let alone = Arc::strong_count(&counted);
        for _ in 0..10 {
            assert!(poll_read(&near, &waker).is_pending());
        }
        assert_eq!(Arc::strong_count(&counted), alone + 1);
        far.write_all(b"x").unwrap();
        sleep(A_MOMENT).await;
        assert_eq!(Arc::strong_count(&counted), alone);
    });
}

#[test]
fn a_read_with_a_timeout_loses_nothing() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (mut near, mut far) = pair();
        let peer = thread::spawn(move || {
            for byte in 0..100 {
                thread::sleep(Duration::from_micros(500));
                far.write_all(&[byte]).unwrap();
            }
        });
        let mut bytes = Vec::new();
        let mut buffer = [0; 10];
        loop {
            match timeout(Duration::from_micros(300), near.read(&mut buffer)).await {
                Err(_) => {}
                Ok(Ok(0)) => break,
                Ok(length) => bytes.extend_from_slice(&buffer[..length.unwrap()]),
            }
        }
        assert_eq!(bytes, (0..100).collect::<Vec<u8>>());
        peer.join().unwrap();
    });
}
