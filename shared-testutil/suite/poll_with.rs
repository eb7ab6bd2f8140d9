//! `poll_read_with` and `poll_write_with`: one call of a poll function, with an operation of the caller.

use std::future::poll_fn;
use std::io::{self, ErrorKind, Read, Write};
use std::mem::MaybeUninit;
use std::task::Poll;
use std::time::Duration;

use futures::future::join;
use socket2::SockRef;

use crate::sched::{Async, Scheduler, sleep, spawn};
use shared_testutil::{LocalStream, stream_pair, watchdog};

const LIMIT: Duration = Duration::from_secs(60);
/// Long enough for the selector to report what has happened already.
const A_MOMENT: Duration = Duration::from_millis(5);

/// A stream that is registered, and its peer, which is not.
fn pair() -> (Async<LocalStream>, LocalStream) {
    let (near, far) = stream_pair().expect("a pair of sockets");
    (Async::new(near).expect("it is registered"), far)
}

#[test]
fn a_read_waits_and_fills_a_buffer_that_nobody_has_initialised() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, mut far) = pair();
        let reader = async {
            let mut buffer = [MaybeUninit::uninit(); 16];
            let read = |stream: &LocalStream| SockRef::from(stream).recv(&mut buffer);
            let mut read = read;
            poll_fn(|cx| near.poll_read_with(cx, &mut read)).await
        };
        let writer = async {
            sleep(A_MOMENT).await;
            far.write_all(b"three").unwrap();
        };
        assert_eq!(join(reader, writer).await.0.unwrap(), 5);
    });
}

#[test]
fn a_write_waits_until_there_is_room() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, mut far) = pair();
        let mut sent = 0;
        while let Ok(count) = near.get_ref().write(&[1; 4096]) {
            sent += count;
        }
        let mut polls = 0;
        let writer = poll_fn(|cx| {
            polls += 1;
            near.poll_write_with(cx, |mut stream| stream.write(b"x"))
        });
        let reader = async {
            sleep(A_MOMENT).await;
            far.read_exact(&mut vec![0; sent]).unwrap();
        };
        assert_eq!(join(writer, reader).await.0.unwrap(), 1);
        assert!(polls >= 2, "it was full");
    });
}

#[test]
fn the_operation_decides_and_its_error_is_given() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, _far) = pair();
        let mut errors = [ErrorKind::Interrupted, ErrorKind::Other].into_iter();
        let mut fails = |_: &LocalStream| -> io::Result<()> { Err(errors.next().unwrap().into()) };
        let error = poll_fn(|cx| near.poll_read_with(cx, &mut fails)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Other);
    });
}

#[test]
fn two_tasks_that_poll_one_source_are_both_woken() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, mut far) = pair();
        let near = std::rc::Rc::new(near);
        let readers = [0, 1].map(|_| {
            let near = std::rc::Rc::clone(&near);
            spawn(async move { poll_fn(|cx| near.poll_read_with(cx, |mut stream| stream.read(&mut [0]))).await })
        });
        sleep(A_MOMENT).await;
        far.write_all(b"ab").unwrap();
        for reader in readers {
            assert_eq!(reader.await.unwrap().unwrap(), 1);
        }
    });
}

#[test]
fn a_task_that_polls_again_and_again_waits_once() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, mut far) = pair();
        let mut polls = 0;
        let mut read = Box::pin(poll_fn(|cx| {
            polls += 1;
            near.poll_read_with(cx, |mut stream| stream.read(&mut [0]))
        }));
        for _ in 0..1000 {
            let is_pending = poll_fn(|cx| Poll::Ready(read.as_mut().poll(cx).is_pending())).await;
            assert!(is_pending);
        }
        far.write_all(b"a").unwrap();
        assert_eq!(read.await.unwrap(), 1);
        assert!(polls < 1010, "{polls}");
    });
}

#[test]
fn without_its_scheduler_a_wait_is_an_error() {
    let _watchdog = watchdog(LIMIT);
    let (near, _far) = Scheduler::new().block_on(async { pair() });
    let error = Scheduler::new().block_on(poll_fn(|cx| {
        near.poll_read_with(cx, |mut stream| stream.read(&mut [0]))
    }));
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Other);
}
