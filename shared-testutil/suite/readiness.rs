//! Readiness: what came before a wait counts, what is used up does not, and every wait gets its end: invariant 6 of
//! `scheduler.rs`.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
#[cfg(unix)]
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures::future::{Either, join, join_all, select};
use polling::AsSource;
#[cfg(unix)]
use polling::Poller;
use socket2::SockRef;

use crate::sched::{Async, JoinHandle, Scheduler, sleep, spawn, timeout, yield_now};
use shared_testutil::{CountingWaker, LocalStream, OrderLog, stream_pair, watchdog};

const LIMIT: Duration = Duration::from_secs(60);
/// Long enough for the selector to report what has happened already.
const A_MOMENT: Duration = Duration::from_millis(5);

/// A stream that is registered, and its peer, which is not and blocks.
fn pair() -> (Rc<Async<LocalStream>>, LocalStream) {
    let (near, far) = stream_pair().expect("a pair of sockets");
    (Rc::new(Async::new(near).expect("it is registered")), far)
}

/// Two ends of a connection, both blocking.
fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let near = TcpStream::connect(listener.local_addr().expect("an address")).expect("somebody listens");
    (near, listener.accept().expect("a connection").0)
}

async fn read<T: AsSource + 'static>(source: &Async<T>, buffer: &mut [u8]) -> io::Result<usize>
where
    for<'a> &'a T: Read,
{
    source.read_with(|mut io| io.read(buffer)).await
}

async fn write_all<T: AsSource + 'static>(source: &Async<T>, mut bytes: &[u8]) -> io::Result<()>
where
    for<'a> &'a T: Write,
{
    while !bytes.is_empty() {
        let length = source.write_with(|mut io| io.write(bytes)).await?;
        bytes = &bytes[length..];
    }
    Ok(())
}

/// Reads at most `size` bytes at a time, until the end or an error, and says which.
async fn read_in_steps<T: AsSource + 'static>(source: &Async<T>, size: usize) -> (Vec<u8>, Option<ErrorKind>)
where
    for<'a> &'a T: Read,
{
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; size]);
    loop {
        match read(source, &mut buffer).await {
            Ok(0) => return (bytes, None),
            Ok(length) => bytes.extend(&buffer[..length]),
            Err(error) => return (bytes, Some(error.kind())),
        }
    }
}

/// Writes until there is no room.
fn fill<T>(source: &Async<T>)
where
    for<'a> &'a T: Write,
{
    let full = loop {
        if let Err(error) = source.get_ref().write_all(&[7; 4096]) {
            break error;
        }
    };
    assert_eq!(full.kind(), ErrorKind::WouldBlock);
}

/// Reads what is there, and does not wait for more.
fn drain(mut stream: &LocalStream) {
    stream.set_nonblocking(true).expect("a socket");
    let all = stream.read_to_end(&mut Vec::new());
    assert_eq!(all.expect_err("the peer lives").kind(), ErrorKind::WouldBlock);
}

fn poll_with<F: Future + ?Sized>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

/// When the peer does what it does.
#[derive(Clone, Copy)]
enum Moment {
    BeforeTheRegistration,
    BeforeTheFirstWait,
    WhileATaskWaits,
}

/// What a reader finds of `abcd` and what `end` does to the connection after that, all in one go.
async fn what_arrives<T>(near: T, far: T, end: fn(T), moment: Moment, size: usize) -> (Vec<u8>, Option<ErrorKind>)
where
    T: AsSource + 'static,
    for<'a> &'a T: Read + Write,
{
    let act = || {
        (&far).write_all(b"abcd").expect("room for four bytes");
        end(far);
    };
    match moment {
        Moment::BeforeTheRegistration => {
            act();
            let near = Async::new(near).expect("it is registered");
            read_in_steps(&near, size).await
        }
        Moment::BeforeTheFirstWait => {
            let near = Async::new(near).expect("it is registered");
            // An operation has found nothing, and now there is something.
            sleep(A_MOMENT).await;
            act();
            sleep(A_MOMENT).await;
            read_in_steps(&near, size).await
        }
        Moment::WhileATaskWaits => {
            let near = Async::new(near).expect("it is registered");
            let reader = spawn(async move { read_in_steps(&near, size).await });
            sleep(A_MOMENT).await;
            act();
            reader.await.expect("the reader ends")
        }
    }
}

#[track_caller]
fn assert_end_arrives(moment: Moment) {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        for size in [1, 3, 4, 100] {
            let (near, far) = tcp_pair();
            let found = what_arrives(near, far, drop, moment, size).await;
            assert_eq!(found, (b"abcd".to_vec(), None), "TCP, {size} bytes at a time");
            let (near, far) = stream_pair().expect("a pair of sockets");
            let found = what_arrives(near, far, drop, moment, size).await;
            assert_eq!(found, (b"abcd".to_vec(), None), "Unix, {size} bytes at a time");
        }
    });
}

#[track_caller]
fn assert_reset_arrives(moment: Moment) {
    let _watchdog = watchdog(LIMIT);
    let reset = |far: TcpStream| {
        let lingers = SockRef::from(&far).set_linger(Some(Duration::ZERO));
        lingers.expect("a socket can close without lingering");
    };
    Scheduler::new().block_on(async {
        for size in [1, 3, 4, 100] {
            let (near, far) = tcp_pair();
            let found = what_arrives(near, far, reset, moment, size).await;
            let expected = (b"abcd".to_vec(), Some(ErrorKind::ConnectionReset));
            assert_eq!(found, expected, "{size} bytes at a time");
        }
    });
}

#[test]
fn data_and_the_end_that_came_before_the_registration_are_found() {
    assert_end_arrives(Moment::BeforeTheRegistration);
}

#[test]
fn data_and_the_end_that_came_before_the_first_wait_are_found() {
    assert_end_arrives(Moment::BeforeTheFirstWait);
}

#[test]
fn data_and_the_end_that_come_as_one_event_are_found() {
    assert_end_arrives(Moment::WhileATaskWaits);
}

#[test]
#[cfg_attr(windows, ignore = "a reset may discard what came before it")]
fn data_and_a_reset_that_came_before_the_registration_are_found() {
    assert_reset_arrives(Moment::BeforeTheRegistration);
}

#[test]
#[cfg_attr(windows, ignore = "a reset may discard what came before it")]
fn data_and_a_reset_that_came_before_the_first_wait_are_found() {
    assert_reset_arrives(Moment::BeforeTheFirstWait);
}

#[test]
#[cfg_attr(windows, ignore = "a reset may discard what came before it")]
fn data_and_a_reset_that_come_as_one_event_are_found() {
    assert_reset_arrives(Moment::WhileATaskWaits);
}

#[test]
fn readable_returns_for_what_came_before() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, mut far) = pair();
        far.write_all(b"x").unwrap();
        // And it goes on to return, because nobody has read.
        for _ in 0..2 {
            near.readable().await.unwrap();
        }
        drop(far);
        assert_eq!(read(&near, &mut [0; 10]).await.unwrap(), 1);
        // So is the end.
        near.readable().await.unwrap();
        assert_eq!(read(&near, &mut [0; 10]).await.unwrap(), 0);
        near.readable().await.unwrap();
    });
}

#[test]
fn readable_in_a_loop_returns_once_for_each_thing_that_comes() {
    let _watchdog = watchdog(LIMIT);
    let returns = Cell::new(0);
    let polls = Cell::new(0);
    Scheduler::new().block_on(async {
        let (near, mut far) = pair();
        let mut reader = pin!(async {
            loop {
                near.readable().await.unwrap();
                returns.set(returns.get() + 1);
                // Not through `read_with`: so the scheduler does not know that the data is gone.
                if near.get_ref().read(&mut [0]).unwrap() == 0 {
                    break;
                }
            }
        });
        let counted = poll_fn(|cx| {
            polls.set(polls.get() + 1);
            reader.as_mut().poll(cx)
        });
        let writer = async {
            for _ in 0..5 {
                sleep(A_MOMENT).await;
                far.write_all(b"x").unwrap();
            }
            sleep(A_MOMENT).await;
            drop(far);
        };
        join(counted, writer).await;
    });
    assert_eq!(returns.get(), 6, "five bytes and the end");
    // One for each byte, and for each event and each poll of the writer, which is in the same task.
    assert!(polls.get() < 30, "{} polls", polls.get());
}

#[test]
fn writable_is_not_true_while_there_is_no_room() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, far) = pair();
        near.writable().await.unwrap();
        fill(&near);
        timeout(Duration::from_millis(20), near.writable()).await.unwrap_err();
        drain(&far);
        near.writable().await.unwrap();
        assert!(near.get_ref().write(b"x").is_ok());
    });
}

#[cfg(unix)]
fn cpu_time() -> Duration {
    use rustix::time::{ClockId, clock_gettime};

    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[cfg(unix)]
#[test]
fn waiting_takes_no_cpu_time() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, mut far) = pair();
        let (ready, mut other) = pair();
        // Data that nobody reads keeps no task busy.
        other.write_all(b"unread").unwrap();
        ready.readable().await.unwrap();
        // Nor does readiness that is no longer true.
        far.write_all(b"x").unwrap();
        near.readable().await.unwrap();
        near.get_ref().read_exact(&mut [0]).unwrap();
        fill(&near);
        let before = cpu_time();
        let waits = join(near.readable(), near.writable());
        timeout(Duration::from_millis(500), waits).await.unwrap_err();
        let used = cpu_time() - before;
        assert!(used < Duration::from_millis(250), "{used:?} of 500 ms");
    });
}

#[cfg(unix)]
#[test]
fn a_broken_connection_that_is_kept_takes_no_cpu_time() {
    // `poll` reports it whether asked or not, and so it cannot be done without edges.
    if !Poller::new().unwrap().supports_edge() {
        return;
    }
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, far) = pair();
        drop(far);
        assert_eq!(read(&near, &mut [0]).await.unwrap(), 0);
        let before = cpu_time();
        sleep(Duration::from_millis(500)).await;
        let used = cpu_time() - before;
        assert!(used < Duration::from_millis(250), "{used:?} of 500 ms");
    });
}

#[test]
fn an_interrupted_operation_is_tried_again_and_other_errors_are_passed_on() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, _far) = pair();
        let mut results = vec![
            Err(ErrorKind::Interrupted),
            Ok(1),
            Err(ErrorKind::PermissionDenied),
            Err(ErrorKind::Interrupted),
        ];
        let mut op = |_: &LocalStream| results.pop().expect("a result").map_err(io::Error::from);
        let error = near.read_with(&mut op);
        assert_eq!(error.await.unwrap_err().kind(), ErrorKind::PermissionDenied);
        assert_eq!(near.write_with(&mut op).await.unwrap(), 1);
        assert_eq!(results.len(), 1);
    });
}

/// Bytes to send each way: far more than the buffers of a socket hold.
const MUCH: usize = 3_000_000;

#[test]
fn two_tasks_use_both_directions_of_one_socket() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, far) = stream_pair().unwrap();
        let ends = [near, far].map(|end| Rc::new(Async::new(end).unwrap()));
        let mut tasks = Vec::new();
        for end in ends {
            let writer = Rc::clone(&end);
            tasks.push(spawn(async move {
                write_all(&writer, &vec![7; MUCH]).await.unwrap();
                writer.get_ref().shutdown(Shutdown::Write).unwrap();
                0
            }));
            tasks.push(spawn(async move {
                let (bytes, error) = read_in_steps(&end, 10_000).await;
                assert_eq!(error, None);
                bytes.len()
            }));
        }
        let read: usize = join_all(tasks).await.into_iter().map(|length| length.unwrap()).sum();
        assert_eq!(read, 2 * MUCH);
    });
}

/// A task that waits to read one byte, and another that waits to write one.
fn a_reader_and_a_writer(near: &Rc<Async<LocalStream>>) -> (JoinHandle<()>, JoinHandle<()>) {
    fill(near);
    let (reader, writer) = (Rc::clone(near), Rc::clone(near));
    (
        spawn(async move { assert_eq!(read(&reader, &mut [0]).await.unwrap(), 1) }),
        spawn(async move { write_all(&writer, b"x").await.unwrap() }),
    )
}

#[test]
fn a_writer_goes_on_after_the_reader_of_its_socket_is_done() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, mut far) = pair();
        let (reader, writer) = a_reader_and_a_writer(&near);
        sleep(A_MOMENT).await;
        far.write_all(b"x").unwrap();
        reader.await.unwrap();
        sleep(A_MOMENT).await;
        assert!(!writer.is_finished(), "there is no room yet");
        drain(&far);
        writer.await.unwrap();
    });
}

#[test]
fn a_reader_goes_on_after_the_writer_of_its_socket_is_done() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, mut far) = pair();
        let (reader, writer) = a_reader_and_a_writer(&near);
        sleep(A_MOMENT).await;
        drain(&far);
        writer.await.unwrap();
        sleep(A_MOMENT).await;
        assert!(!reader.is_finished(), "there is nothing yet");
        far.write_all(b"x").unwrap();
        reader.await.unwrap();
    });
}

#[test]
fn two_readers_of_one_socket_share_what_comes_and_both_find_the_end() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, mut far) = pair();
        let received = Rc::new(RefCell::new(Vec::new()));
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let (near, received) = (Rc::clone(&near), Rc::clone(&received));
                spawn(async move {
                    let mut byte = [0];
                    while read(&near, &mut byte).await.unwrap() == 1 {
                        received.borrow_mut().push(byte[0]);
                    }
                })
            })
            .collect();
        for round in 0..10 {
            sleep(Duration::from_millis(1)).await;
            // One byte, for which both are woken; then several.
            far.write_all(&vec![round; 1 + usize::from(round % 3)]).unwrap();
        }
        drop(far);
        for reader in readers {
            reader.await.unwrap();
        }
        let expected: Vec<_> = (0..10)
            .flat_map(|round| vec![round; 1 + usize::from(round % 3)])
            .collect();
        assert_eq!(*received.borrow(), expected);
    });
}

#[test]
fn readable_returns_for_all_who_wait_and_one_that_finds_the_data_taken_waits_again() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, mut far) = pair();
        let waiter = |near: &Rc<Async<LocalStream>>| {
            let near = Rc::clone(near);
            spawn(async move {
                loop {
                    near.readable().await.unwrap();
                    match near.get_ref().read(&mut [0; 10]) {
                        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                        result => break result.unwrap(),
                    }
                }
            })
        };
        let (first, second) = (waiter(&near), waiter(&near));
        sleep(A_MOMENT).await;
        far.write_all(b"x").unwrap();
        assert_eq!(first.await.unwrap(), 1);
        sleep(A_MOMENT).await;
        assert!(!second.is_finished(), "the first has taken it");
        far.write_all(b"yz").unwrap();
        assert_eq!(second.await.unwrap(), 2);
    });
}

#[test]
fn those_who_wait_go_on_in_the_order_in_which_they_came() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    Scheduler::new().block_on(async {
        let (near, mut far) = pair();
        let waits: Vec<_> = ["a", "b", "c"]
            .into_iter()
            .map(|name| {
                let (near, log) = (Rc::clone(&near), log.clone());
                spawn(async move {
                    near.readable().await.unwrap();
                    log.note(name);
                })
            })
            .collect();
        sleep(A_MOMENT).await;
        far.write_all(b"x").unwrap();
        join_all(waits).await;
    });
    log.assert_is(&["a", "b", "c"]);
}

#[test]
fn two_waits_of_one_task_end_together() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, mut far) = pair();
        let waits = {
            let near = Rc::clone(&near);
            spawn(async move { join(near.readable(), near.readable()).await })
        };
        sleep(A_MOMENT).await;
        far.write_all(b"x").unwrap();
        let (first, second) = waits.await.unwrap();
        first.unwrap();
        second.unwrap();
    });
}

#[test]
fn of_two_waits_of_one_task_either_may_be_dropped() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        for drop_the_first in [true, false] {
            let (near, mut far) = pair();
            let waiting = Rc::clone(&near);
            let task = spawn(async move {
                let (first, second) = (Box::pin(waiting.readable()), Box::pin(waiting.readable()));
                // A select polls both, and drops the one that is left.
                let both = join(first, second);
                match select(pin!(sleep(A_MOMENT)), both).await {
                    Either::Left(((), both)) => drop(both),
                    Either::Right(_) => panic!("there is nothing to read"),
                }
                let (mut first, mut second) = (Box::pin(waiting.readable()), Box::pin(waiting.readable()));
                poll_fn(|cx| {
                    assert!(first.as_mut().poll(cx).is_pending());
                    assert!(second.as_mut().poll(cx).is_pending());
                    Poll::Ready(())
                })
                .await;
                let kept = if drop_the_first {
                    drop(first);
                    second
                } else {
                    drop(second);
                    first
                };
                kept.await.unwrap();
            });
            sleep(4 * A_MOMENT).await;
            assert!(!task.is_finished());
            far.write_all(b"x").unwrap();
            task.await.unwrap();
        }
    });
}

/// A waker whose clones can be counted.
struct Counted;

impl Wake for Counted {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn a_wait_that_is_dropped_leaves_nothing_behind() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, _far) = pair();
        fill(&near);
        let counted = Arc::new(Counted);
        let waker = Waker::from(Arc::clone(&counted));
        let alone = Arc::strong_count(&counted);
        {
            let mut waits = [
                Box::pin(async { drop(near.readable().await) }) as Pin<Box<dyn Future<Output = ()>>>,
                Box::pin(async { drop(near.writable().await) }),
                Box::pin(async { drop(read(&near, &mut [0]).await) }),
                Box::pin(async { drop(write_all(&near, b"x").await) }),
            ];
            for wait in &mut waits {
                assert!(poll_with(wait.as_mut(), &waker).is_pending());
                // A wait has one entry, however often it is polled.
                assert!(poll_with(wait.as_mut(), &waker).is_pending());
            }
            assert_eq!(Arc::strong_count(&counted), alone + 4);
        }
        assert_eq!(Arc::strong_count(&counted), alone);
    });
}

#[test]
fn a_wait_that_moves_to_another_task_wakes_that_one() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, mut far) = pair();
        let mut wait = pin!(near.readable());
        let (before, after) = (CountingWaker::new(), CountingWaker::new());
        assert!(poll_with(wait.as_mut(), &before.waker()).is_pending());
        assert!(poll_with(wait.as_mut(), &after.waker()).is_pending());
        far.write_all(b"x").unwrap();
        sleep(A_MOMENT).await;
        assert_eq!((before.count(), after.count()), (0, 1));
        assert!(poll_with(wait, &after.waker()).is_ready());
    });
}

#[test]
fn reading_less_than_there_is_leaves_the_rest_readable() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, mut far) = pair();
        far.write_all(b"abc").unwrap();
        for expected in b"abc" {
            near.readable().await.unwrap();
            let mut byte = [0];
            assert_eq!(read(&near, &mut byte).await.unwrap(), 1);
            assert_eq!(byte[0], *expected);
        }
        timeout(A_MOMENT, near.readable()).await.unwrap_err();
    });
}

#[test]
#[cfg_attr(windows, ignore = "it ends no wait there")]
fn closing_the_reading_half_ends_a_wait_to_read() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, _far) = pair();
        let reading = Rc::clone(&near);
        let reader = spawn(async move { read(&reading, &mut [0]).await });
        sleep(A_MOMENT).await;
        near.get_ref().shutdown(Shutdown::Read).unwrap();
        assert_eq!(reader.await.unwrap().unwrap(), 0);
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
fn a_terminal_with_two_lines_gives_one_after_the_other() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (mut screen, program) = terminal();
        let program = Async::new(program).unwrap();
        let reader = spawn(async move {
            let mut lines = Vec::new();
            for _ in 0..3 {
                let mut buffer = [0; 100];
                let length = read(&program, &mut buffer).await.unwrap();
                lines.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
            }
            lines
        });
        sleep(A_MOMENT).await;
        // Two lines are one event, and a read gives one.
        screen.write_all(b"one\ntwo\n").unwrap();
        sleep(A_MOMENT).await;
        screen.write_all(b"three\n").unwrap();
        assert_eq!(reader.await.unwrap(), ["one\n", "two\n", "three\n"]);
    });
}

#[cfg(unix)]
#[test]
fn datagrams_come_one_by_one() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, far) = UnixDatagram::pair().unwrap();
        let near = Async::new(near).unwrap();
        let reader = spawn(async move {
            let mut lengths = Vec::new();
            for _ in 0..3 {
                lengths.push(near.read_with(|socket| socket.recv(&mut [0; 100])).await.unwrap());
            }
            lengths
        });
        sleep(A_MOMENT).await;
        for length in [3, 1, 2] {
            far.send(&vec![0; length]).unwrap();
        }
        assert_eq!(reader.await.unwrap(), [3, 1, 2]);
    });
}

#[cfg(unix)]
#[test]
fn a_datagram_waits_for_room() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, far) = UnixDatagram::pair().unwrap();
        let near = Async::new(near).unwrap();
        far.set_nonblocking(true).unwrap();
        let mut sent = 0;
        while near.get_ref().send(&[0; 1000]).is_ok() {
            sent += 1;
        }
        let writer = spawn(async move { near.write_with(|socket| socket.send(&[0; 1000])).await });
        sleep(A_MOMENT).await;
        assert!(!writer.is_finished());
        while far.recv(&mut [0; 1000]).is_ok() {
            sent -= 1;
        }
        assert_eq!(sent, 0);
        assert_eq!(writer.await.unwrap().unwrap(), 1000);
        assert_eq!(far.recv(&mut [0; 1000]).unwrap(), 1000);
    });
}

#[cfg(unix)]
#[test]
fn a_pipe_is_waited_for_at_both_ends() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (reader, writer) = io::pipe().unwrap();
        let (reader, writer) = (Async::new(reader).unwrap(), Async::new(writer).unwrap());
        let reader = spawn(async move { read_in_steps(&reader, 10_000).await });
        sleep(A_MOMENT).await;
        write_all(&writer, &vec![7; MUCH]).await.unwrap();
        assert!(!reader.is_finished());
        drop(writer);
        let (bytes, error) = reader.await.unwrap();
        assert_eq!((bytes.len(), error), (MUCH, None));
    });
}

#[cfg(unix)]
#[test]
fn a_pipe_without_a_reader_ends_a_write_that_waits() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (reader, writer) = io::pipe().unwrap();
        let writer = Async::new(writer).unwrap();
        let writer = spawn(async move { write_all(&writer, &vec![7; MUCH]).await });
        sleep(A_MOMENT).await;
        assert!(!writer.is_finished());
        drop(reader);
        let error = writer.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe, "{error}");
    });
}

#[cfg(unix)]
#[test]
fn a_listener_of_another_family_is_waited_for_with_read_with() {
    let _watchdog = watchdog(LIMIT);
    let path = std::env::temp_dir().join(format!("{}-{}", env!("CARGO_PKG_NAME"), std::process::id()));
    let listener = UnixListener::bind(&path).unwrap();
    Scheduler::new().block_on(async {
        let listener = Async::new(listener).unwrap();
        let server = spawn(async move { listener.read_with(UnixListener::accept).await.map(|(stream, _)| stream) });
        sleep(A_MOMENT).await;
        let mut client = UnixStream::connect(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let mut server = server.await.unwrap().unwrap();
        client.write_all(b"x").unwrap();
        assert_eq!(server.read(&mut [0]).unwrap(), 1);
    });
}

#[cfg(unix)]
#[test]
fn a_signal_is_a_readable_socket() {
    use shared_testutil::in_own_process;
    use signal_hook::consts::SIGUSR1;
    use signal_hook::low_level;

    in_own_process(|| {
        let _watchdog = watchdog(LIMIT);
        Scheduler::new().block_on(async {
            let (receiver, sender) = stream_pair().unwrap();
            let action = low_level::pipe::register(SIGUSR1, sender).unwrap();
            let receiver = Async::new(receiver).unwrap();
            let waiter = spawn(async move { receiver.readable().await });
            sleep(A_MOMENT).await;
            assert!(!waiter.is_finished());
            low_level::raise(SIGUSR1).unwrap();
            waiter.await.unwrap().unwrap();
            assert!(low_level::unregister(action));
        });
    });
}

#[test]
fn a_loop_that_always_has_something_to_poll_hears_its_sockets_too() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (mut peer, stream) = stream_pair().expect("a pair of sockets");
        let stream = Async::new(stream).expect("registered");
        let heard = Rc::new(Cell::new(false));
        let hear = Rc::clone(&heard);
        let reader = spawn(async move {
            let byte = stream.read_with(|mut stream| stream.read(&mut [0])).await;
            heard.set(true);
            byte
        });
        // The reader finds nothing, and waits. From here on this task is always ready.
        yield_now().await;
        peer.write_all(b"x").expect("room");
        let mut polls = 0;
        while !hear.get() {
            assert!(polls < 10_000, "10,000 polls, and the socket has not been reported");
            polls += 1;
            yield_now().await;
        }
        assert_eq!(
            reader.await.expect("it neither panics nor is aborted").expect("a byte"),
            1
        );
    });
}
