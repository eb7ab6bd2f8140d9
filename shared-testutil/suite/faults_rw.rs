//! What peers can do to a reader through `AsyncRead` and `AsyncWrite`, and what a silent peer must not cost.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
#[cfg(unix)]
use std::io::IoSlice;
use std::io::{self, Read, Write};
#[cfg(unix)]
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
#[cfg(unix)]
use std::os::fd::{AsFd, BorrowedFd};
#[cfg(windows)]
use std::os::windows::io::{AsSocket, BorrowedSocket};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use crate::sched::{Async, Scheduler, sleep, spawn, timeout, yield_now};
use futures::AsyncReadExt;
use futures::future::join;
use futures::io::AsyncRead;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
#[cfg(unix)]
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, sendmsg};
use shared_testutil::{LocalStream, stream_pair, watchdog};

const LIMIT: Duration = Duration::from_secs(60);
const READ_LIMIT: Duration = Duration::from_secs(5);

/// Reads an urgent byte. That there is none would block.
fn read_urgent(stream: &TcpStream) -> io::Result<u8> {
    let mut byte = [0];
    match recv(stream, &mut byte, RecvFlags::OOB) {
        Ok(_) => Ok(byte[0]),
        // What Linux says when no urgent byte has come, or when it has been read.
        Err(Errno::INVAL) => Err(io::ErrorKind::WouldBlock.into()),
        Err(error) => Err(error.into()),
    }
}

/// A read of a Unix stream ends where descriptors were sent along, though there is more. It is short, and yet the source
/// is not empty, and nothing new will be reported.
#[cfg(unix)]
#[test]
fn a_read_cut_short_by_descriptors_does_not_hide_the_data_behind_them() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (mut peer, stream) = stream_pair().expect("a pair of sockets");
        let stream = Async::new(stream).expect("registered");
        let fds = [peer.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        assert!(ancillary.push(SendAncillaryMessage::ScmRights(&fds)));
        let sent = sendmsg(&peer, &[IoSlice::new(b"with")], &mut ancillary, SendFlags::empty());
        assert_eq!(sent, Ok(4));
        peer.write_all(b"without").expect("room");
        // The selector reports both at once, before the first read.
        sleep(Duration::from_millis(10)).await;

        let mut received = Vec::new();
        let mut buffer = [0; 64];
        while received.len() < 11 {
            let length = timeout(READ_LIMIT, (&stream).read(&mut buffer))
                .await
                .unwrap_or_else(|_| panic!("after {received:?} the reader hangs, and there is more to read"))
                .expect("no error");
            received.extend_from_slice(&buffer[..length]);
        }
        assert_eq!(received, b"withwithout");
    });
}

/// A type whose field is a socket is a source, too.
macro_rules! is_a_source {
    ($name:ty) => {
        #[cfg(unix)]
        impl AsFd for $name {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.0.as_fd()
            }
        }

        #[cfg(windows)]
        impl AsSocket for $name {
            fn as_socket(&self) -> BorrowedSocket<'_> {
                self.0.as_socket()
            }
        }
    };
}

struct Nobody;

impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}

/// A stream that gives less than there is.
struct Slow(TcpStream);

impl Read for &Slow {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(10);
        (&self.0).read(&mut buffer[..length])
    }
}

is_a_source!(Slow);

#[test]
fn a_stream_of_a_type_of_its_own_may_give_less_than_there_is() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut peer = TcpStream::connect(address).expect("connected");
        let (near, _) = listener.accept().expect("a connection");
        let mut near = Async::new(Slow(near)).expect("registered");
        peer.write_all(&[7; 100]).expect("room");
        let mut received = [0; 100];
        near.read_exact(&mut received).await.expect("all of it");
        assert_eq!(received, [7; 100]);
    });
}

/// A reader with a limit of time that is polled through `FuturesUnordered` or the like has a new waker each time. If all of
/// them were kept until the peer sends something, a silent peer would cost more and more memory.
#[test]
fn a_silent_peer_does_not_cost_a_waker_for_every_poll() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (_peer, stream) = stream_pair().expect("a pair of sockets");
        let stream = Async::new(stream).expect("registered");
        let mut wakers = Vec::new();
        for _ in 0..10_000 {
            let nobody = Arc::new(Nobody);
            let waker = Waker::from(Arc::clone(&nobody));
            let mut buffer = [0; 1];
            let polled = Pin::new(&mut &stream).poll_read(&mut Context::from_waker(&waker), &mut buffer);
            assert!(polled.is_pending());
            // Otherwise the task spends its I/O budget, and each waker is kept until the task has let others run.
            yield_now().await;
            wakers.push(Arc::downgrade(&nobody));
        }
        let kept = wakers.iter().filter(|waker| waker.strong_count() > 0).count();
        assert!(kept <= 100, "{kept} wakers are kept for one silent peer");
    });
}

/// More than a source keeps wakers for: one that has to make room for another must be woken, to add itself again.
#[test]
fn of_many_readers_of_one_source_none_is_forgotten() {
    const READERS: usize = 70;
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (mut peer, stream) = stream_pair().expect("a pair of sockets");
        let stream = Rc::new(Async::new(stream).expect("registered"));
        let readers: Vec<_> = (0..READERS)
            .map(|_| {
                let stream = Rc::clone(&stream);
                spawn(async move { (&*stream).read(&mut [0]).await.expect("no error") })
            })
            .collect();
        sleep(Duration::from_millis(10)).await;
        peer.write_all(&[7; READERS]).expect("room");
        for reader in readers {
            let read = timeout(READ_LIMIT, reader).await.expect("a reader is forgotten");
            assert_eq!(read.expect("no panic"), 1);
        }
    });
}

/// Always has something to read.
struct Endless(LocalStream);

is_a_source!(Endless);

impl Read for &Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(buffer.len())
    }
}

#[test]
fn a_half_of_a_task_that_spends_the_budget_does_not_starve_the_other() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let endless = || Async::new(Endless(stream_pair().expect("a pair of sockets").0)).expect("registered");
        let (mut greedy, mut modest) = (endless(), endless());
        let done = Cell::new(false);
        let half = async {
            for _ in 0..100 {
                modest.read_exact(&mut [0]).await.expect("it never fails");
            }
            done.set(true);
        };
        let other_half = async {
            for _ in 0..100_000 {
                greedy.read_exact(&mut [0]).await.expect("it never fails");
                if done.get() {
                    return;
                }
            }
            panic!("100,000 operations of one half, and not a hundred of the other");
        };
        join(other_half, half).await;
    });
}

/// Passes wakes on, as the wakers of combinators do, and is another one for each poll.
struct Forward(Waker);

impl Wake for Forward {
    fn wake(self: Arc<Self>) {
        self.0.wake_by_ref();
    }
}

/// What makes room among the waiters may wake the very task that needs it, and that task waits with a new waker then.
#[test]
fn a_task_with_a_new_waker_for_each_poll_is_polled_when_it_is_woken_and_not_for_ever() {
    const WAKES: usize = 100;
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (_peer, stream) = stream_pair().expect("a pair of sockets");
        let stream = Async::new(stream).expect("registered");
        let polls = Rc::new(Cell::new(0));
        let counted = Rc::clone(&polls);
        let waker: Rc<RefCell<Option<Waker>>> = Rc::default();
        let own = Rc::clone(&waker);
        let task = spawn(poll_fn(move |cx| -> Poll<()> {
            counted.set(counted.get() + 1);
            *own.borrow_mut() = Some(cx.waker().clone());
            let forward = Waker::from(Arc::new(Forward(cx.waker().clone())));
            let polled = Pin::new(&mut &stream).poll_read(&mut Context::from_waker(&forward), &mut [0]);
            assert!(polled.is_pending());
            Poll::Pending
        }));
        yield_now().await;
        for _ in 0..WAKES {
            waker.borrow().as_ref().expect("it has been polled").wake_by_ref();
            sleep(Duration::from_micros(100)).await;
        }
        // More than a poll a wake only where room was made, which is once in a while.
        let polls = polls.get();
        assert!(
            (WAKES + 1..=WAKES + 5).contains(&polls),
            "{polls} polls for {WAKES} wakes"
        );
        task.abort();
    });
}

/// `readable` waits until the source is readable, also beside many readers through the traits.
#[test]
fn many_readers_make_nobody_believe_that_there_is_something_to_read() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (mut peer, stream) = stream_pair().expect("a pair of sockets");
        let stream = Rc::new(Async::new(stream).expect("registered"));
        let own = Rc::clone(&stream);
        let waits = spawn(async move { own.readable().await });
        yield_now().await;
        for _ in 0..300 {
            let waker = Waker::from(Arc::new(Nobody));
            let polled = Pin::new(&mut &*stream).poll_read(&mut Context::from_waker(&waker), &mut [0]);
            assert!(polled.is_pending());
            yield_now().await;
        }
        assert!(!waits.is_finished());
        peer.write_all(b"x").expect("room");
        timeout(READ_LIMIT, waits)
            .await
            .expect("in time")
            .expect("no panic")
            .expect("no error");
    });
}

/// Reads without taking. A read that takes would pass an urgent byte, and that is gone then.
struct Peeks(TcpStream);

is_a_source!(Peeks);

impl Read for &Peeks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.peek(buffer)
    }
}

/// Two tasks, each with its own kind of operation on one stream: what one of them finds does not answer for the other.
#[test]
#[cfg_attr(windows, ignore = "the selector does not report urgent data")]
fn an_urgent_byte_reaches_its_reader_beside_one_through_the_trait() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        for urgent_first in [false, true] {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
            let peer = TcpStream::connect(listener.local_addr().expect("an address")).expect("connected");
            let (near, _) = listener.accept().expect("a connection");
            let near = Rc::new(Async::new(Peeks(near)).expect("registered"));
            let stream = Rc::clone(&near);
            let read_it = async move { stream.read_with(|near| read_urgent(&near.0)).await.expect("no error") };
            let peek = async move { (&*near).read(&mut [0; 10]).await.expect("no error") };
            let (urgent, bytes) = if urgent_first {
                let urgent = spawn(read_it);
                (urgent, spawn(peek))
            } else {
                let bytes = spawn(peek);
                (spawn(read_it), bytes)
            };
            yield_now().await;
            send(&peer, b"!", SendFlags::OOB).expect("room");
            let byte = timeout(READ_LIMIT, urgent).await.expect("the urgent byte is lost");
            assert_eq!(byte.expect("no panic"), b'!');
            assert!(!bytes.is_finished());
            send(&peer, b"plain", SendFlags::empty()).expect("room");
            let length = timeout(READ_LIMIT, bytes).await.expect("the other bytes are lost");
            assert_eq!(length.expect("no panic"), 5);
        }
    });
}
