//! Sources: what can be a source, how it ends, and which waiters its events wake.

use std::cell::{Cell, RefCell};
#[cfg(unix)]
use std::fs::File;
use std::future::Future;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
#[cfg(unix)]
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures::executor;
#[cfg(unix)]
use polling::Poller;
#[cfg(unix)]
use rustix::fs::{OFlags, fcntl_getfl};
#[cfg(unix)]
use rustix::io::Errno;
#[cfg(unix)]
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::sched::{Async, Scheduler, sleep, spawn, timeout};
use shared_testutil::{CountingWaker, EchoServer, LocalStream, message_of_panic, stream_pair, watchdog};
#[cfg(unix)]
use shared_testutil::{EchoClient, in_own_process};

const LIMIT: Duration = Duration::from_secs(60);
/// Long enough for the selector to report what has happened already.
const A_MOMENT: Duration = Duration::from_millis(5);

/// A stream that is registered, and its peer, which is not and blocks.
fn pair() -> (Async<LocalStream>, LocalStream) {
    let (near, far) = stream_pair().expect("a pair of sockets");
    (Async::new(near).expect("it is registered"), far)
}

async fn read(stream: &Async<LocalStream>, buffer: &mut [u8]) -> io::Result<usize> {
    stream.read_with(|mut stream| stream.read(buffer)).await
}

/// Reads until there is no more, so that the source is known not to be ready.
async fn read_all_there_is(stream: &Async<LocalStream>) {
    let endless = async { while read(stream, &mut [0; 100]).await.is_ok() {} };
    timeout(A_MOMENT, endless).await.expect_err("the peer lives");
}

fn poll_with<F: Future + ?Sized>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

#[track_caller]
fn assert_is_at_its_end(mut stream: &LocalStream) {
    // Not at once: a program that a test beside this one starts has the other end too, until it is at work.
    stream.set_read_timeout(Some(LIMIT / 2)).expect("a socket");
    assert_eq!(stream.read(&mut [0]).expect("the end"), 0);
}

thread_local! {
    /// What a `CallingWaker` does.
    static CALL: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// A waker that does something of this thread, once, when it is woken or when it is dropped.
struct CallingWaker {
    when_dropped: bool,
}

impl CallingWaker {
    fn when_woken(call: impl FnOnce() + 'static) -> Waker {
        CALL.set(Some(Box::new(call)));
        Waker::from(Arc::new(Self { when_dropped: false }))
    }

    fn when_dropped(call: impl FnOnce() + 'static) -> Waker {
        CALL.set(Some(Box::new(call)));
        Waker::from(Arc::new(Self { when_dropped: true }))
    }
}

impl Wake for CallingWaker {
    fn wake(self: Arc<Self>) {
        if let (false, Some(call)) = (self.when_dropped, CALL.take()) {
            call();
        }
    }
}

impl Drop for CallingWaker {
    fn drop(&mut self) {
        if let (true, Some(call)) = (self.when_dropped, CALL.take()) {
            call();
        }
    }
}

/// Implemented twice for what is `Send`, and so `check` is ambiguous there, which does not compile.
trait NotSend<A> {
    fn check() {}
}
impl<T> NotSend<()> for T {}
impl<T: Send> NotSend<u8> for T {}

trait NotSync<A> {
    fn check() {}
}
impl<T> NotSync<()> for T {}
impl<T: Sync> NotSync<u8> for T {}

#[test]
fn a_source_stays_on_its_thread() {
    <Async<TcpStream> as NotSend<_>>::check();
    <Async<TcpStream> as NotSync<_>>::check();
    fn is_unpin<T: Unpin>() {}
    is_unpin::<Async<TcpStream>>();
}

#[test]
fn a_source_shows_what_it_is_made_from() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, _far) = pair();
        let shown = format!("{near:?}");
        let of = if cfg!(unix) {
            "UnixStream { fd: "
        } else {
            "TcpStream { "
        };
        assert!(shown.starts_with(&format!("Async {{ io: {of}")), "{shown}");
    });
}

#[test]
fn a_source_does_not_block() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, _far) = pair();
        assert_eq!(near.get_ref().read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn a_source_may_be_shared() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, mut far) = stream_pair().unwrap();
        let near = Rc::new(near);
        let sharing = Async::new(Rc::clone(&near)).unwrap();
        far.write_all(b"ab").unwrap();
        let byte = sharing.read_with(|stream| (&**stream).read(&mut [0])).await;
        assert_eq!(byte.unwrap(), 1);
        assert_eq!((&*near).read(&mut [0]).unwrap(), 1);
    });
}

#[cfg(unix)]
#[test]
fn a_regular_file_is_refused_and_stays_as_it_was() {
    // Where the selector is `poll`, it takes files, and finds them ready at any time.
    if !Poller::new().unwrap().supports_edge() {
        return;
    }
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let file = File::open(std::env::current_exe().unwrap()).unwrap();
        let file = Rc::new(file);
        let error = Async::new(Rc::clone(&file)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        assert!(error.to_string().contains("regular files"), "{error}");
        let error = Async::new(File::open("/dev/null").unwrap()).unwrap_err();
        assert!(error.to_string().contains("`/dev/null`"), "{error}");
        assert!(!fcntl_getfl(&file).unwrap().contains(OFlags::NONBLOCK));
        (&*file).read_exact(&mut [0; 100]).unwrap();
        // And the scheduler works as before.
        let (near, mut far) = pair();
        far.write_all(b"x").unwrap();
        assert_eq!(read(&near, &mut [0; 10]).await.unwrap(), 1);
    });
}

#[test]
fn a_descriptor_is_registered_once_only() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, mut far) = stream_pair().unwrap();
        let near = Rc::new(near);
        let first = Async::new(Rc::clone(&near)).unwrap();
        let error = Async::new(near).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
        assert!(error.to_string().contains("registered already"), "{error}");
        // The first is registered still.
        let mut wait = pin!(first.readable());
        let counter = CountingWaker::new();
        assert!(poll_with(wait.as_mut(), &counter.waker()).is_pending());
        far.write_all(b"x").unwrap();
        sleep(A_MOMENT).await;
        assert_eq!(counter.count(), 1);
    });
}

#[test]
fn into_inner_gives_back_what_may_be_registered_again() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, mut far) = pair();
        read_all_there_is(&near).await;
        let near = near.into_inner().unwrap();
        #[cfg(unix)]
        assert!(fcntl_getfl(&near).unwrap().contains(OFlags::NONBLOCK));
        let near = Async::new(near).unwrap();
        far.write_all(b"x").unwrap();
        assert_eq!(read(&near, &mut [0; 10]).await.unwrap(), 1);
        drop(near.into_inner().unwrap());
        assert_is_at_its_end(&far);
    });
}

#[test]
fn into_inner_does_not_touch_the_source_that_has_its_key_now() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (first, _far) = pair();
        let stream = first.into_inner().unwrap();
        // It has the first one's key.
        let (second, mut far) = pair();
        drop(stream);
        read_all_there_is(&second).await;
        let mut wait = pin!(second.readable());
        let counter = CountingWaker::new();
        assert!(poll_with(wait.as_mut(), &counter.waker()).is_pending());
        far.write_all(b"x").unwrap();
        sleep(A_MOMENT).await;
        assert_eq!(counter.count(), 1);
    });
}

#[test]
fn dropping_a_source_closes_it() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, far) = pair();
        drop(near);
        assert_is_at_its_end(&far);
    });
}

#[cfg(unix)]
#[test]
fn a_descriptor_number_that_is_used_again_gets_no_events_of_the_old_source() {
    in_own_process(|| {
        let _watchdog = watchdog(LIMIT);
        Scheduler::new().block_on(async {
            let (old, mut old_far) = pair();
            // With a duplicate, the system would go on reporting a source that is closed but not deregistered.
            let _duplicate = old.get_ref().try_clone().unwrap();
            read_all_there_is(&old).await;
            old_far.write_all(b"x").unwrap();
            let number = old.get_ref().as_raw_fd();
            drop(old);
            let (new, mut new_far) = pair();
            assert_eq!(new.get_ref().as_raw_fd(), number, "not the case to test");
            let mut wait = pin!(new.readable());
            let counter = CountingWaker::new();
            assert!(poll_with(wait.as_mut(), &counter.waker()).is_pending());
            old_far.write_all(b"x").unwrap();
            sleep(A_MOMENT).await;
            assert_eq!(counter.count(), 0, "another source's event");
            assert!(poll_with(wait.as_mut(), &counter.waker()).is_pending());
            new_far.write_all(b"x").unwrap();
            sleep(A_MOMENT).await;
            assert_eq!(counter.count(), 1);
            assert!(poll_with(wait, &counter.waker()).is_ready());
        });
    });
}

#[test]
fn sources_that_come_and_go_are_told_from_one_that_stays() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        // However a key is looked up: the keys of those that follow have the same lower bits in turn.
        let (_stays, _far) = pair();
        for round in 0..40 {
            let (near, mut far) = pair();
            let reader = spawn(async move {
                let mut byte = [0];
                read(&near, &mut byte).await.map(|_| byte[0])
            });
            // The reader waits before there is something to read.
            sleep(Duration::ZERO).await;
            far.write_all(&[round]).unwrap();
            assert_eq!(reader.await.unwrap().unwrap(), round);
        }
    });
}

#[cfg(unix)]
#[test]
fn a_waker_may_replace_a_source_whose_event_is_due_at_the_same_time() {
    in_own_process(|| {
        let _watchdog = watchdog(LIMIT);
        for replaced_is_first in [true, false] {
            Scheduler::new().block_on(async {
                let (waited, mut waited_far) = pair();
                let (replaced, mut replaced_far) = pair();
                read_all_there_is(&waited).await;
                read_all_there_is(&replaced).await;
                let number = replaced.get_ref().as_raw_fd();
                let counter = CountingWaker::new();
                let new = Rc::new(RefCell::new(None));
                let waker = CallingWaker::when_woken({
                    let (new, waker) = (Rc::clone(&new), counter.waker());
                    move || {
                        drop(replaced);
                        let (near, far) = pair();
                        assert_eq!(near.get_ref().as_raw_fd(), number, "not the case to test");
                        let mut wait = Box::pin(async move { near.readable().await });
                        assert!(poll_with(wait.as_mut(), &waker).is_pending());
                        new.replace(Some((wait, far)));
                    }
                });
                let mut wait = pin!(waited.readable());
                assert!(poll_with(wait.as_mut(), &waker).is_pending());
                let mut ends = [&mut replaced_far, &mut waited_far];
                if !replaced_is_first {
                    ends.reverse();
                }
                for end in ends {
                    end.write_all(b"x").unwrap();
                }
                sleep(A_MOMENT).await;
                let (mut wait, mut far) = new.take().expect("the waker has been woken");
                assert_eq!(counter.count(), 0, "the event of the source that is gone");
                assert!(poll_with(wait.as_mut(), &counter.waker()).is_pending());
                far.write_all(b"x").unwrap();
                sleep(A_MOMENT).await;
                assert_eq!(counter.count(), 1);
            });
        }
    });
}

#[test]
fn a_waker_may_drop_the_source_that_wakes_it() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, mut far) = pair();
        let near = Rc::new(near);
        let mut wait = Box::pin({
            let near = Rc::clone(&near);
            async move { near.readable().await }
        });
        let slot = Rc::new(RefCell::new(None));
        let waker = CallingWaker::when_woken({
            let slot = Rc::clone(&slot);
            move || drop(slot.take())
        });
        assert!(poll_with(wait.as_mut(), &waker).is_pending());
        slot.replace(Some((wait, near)));
        far.write_all(b"x").unwrap();
        sleep(A_MOMENT).await;
        assert!(slot.borrow().is_none(), "the waker has not been woken");
        // It is closed, with the byte unread.
        let error = far.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
    });
}

#[test]
fn a_waker_may_drop_and_make_sources_when_it_is_dropped_itself() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, _far) = pair();
        let called = Rc::new(Cell::new(0));
        let call = || {
            let (other, _other_far) = pair();
            let called = Rc::clone(&called);
            move || {
                drop(other);
                let (new, _new_far) = pair();
                assert!(poll_with(pin!(new.readable()), Waker::noop()).is_pending());
                called.set(called.get() + 1);
            }
        };
        let mut wait = Box::pin(near.readable());
        assert!(poll_with(wait.as_mut(), &CallingWaker::when_dropped(call())).is_pending());
        // Another takes its place.
        assert!(poll_with(wait.as_mut(), Waker::noop()).is_pending());
        assert_eq!(called.get(), 1);
        assert!(poll_with(wait.as_mut(), &CallingWaker::when_dropped(call())).is_pending());
        drop(wait);
        assert_eq!(called.get(), 2);
    });
}

#[test]
fn aborting_a_task_in_io_closes_its_sources() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        for _ in 0..3 {
            let (near, far) = pair();
            let task = spawn(async move { read(&near, &mut [0]).await });
            sleep(A_MOMENT).await;
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
            assert_is_at_its_end(&far);
        }
    });
}

#[test]
fn dropping_a_scheduler_closes_what_its_tasks_wait_for() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let (task, far, kept) = scheduler.block_on(async {
        let (near, far) = pair();
        let task = spawn(async move { read(&near, &mut [0]).await });
        let (kept, kept_far) = pair();
        let kept = Rc::new(kept);
        let sharing = Rc::clone(&kept);
        spawn(async move { read(&sharing, &mut [0]).await });
        sleep(A_MOMENT).await;
        (task, far, (kept, kept_far))
    });
    drop(scheduler);
    assert_is_at_its_end(&far);
    assert!(executor::block_on(task).unwrap_err().is_cancelled());
    // What others share is not closed.
    let (kept, mut kept_far) = kept;
    kept_far.write_all(b"x").unwrap();
    assert_eq!(kept.get_ref().read(&mut [0; 10]).unwrap(), 1);
}

#[track_caller]
fn assert_is_of_another_scheduler(result: io::Result<()>) {
    let error = result.expect_err("a wait that has no end");
    assert_eq!(error.kind(), ErrorKind::Other);
    let message = error.to_string();
    assert!(message.contains("scheduler"), "{message}");
}

#[test]
fn a_source_may_outlive_its_scheduler_but_not_wait() {
    let _watchdog = watchdog(LIMIT);
    let (near, mut far) = Scheduler::new().block_on(async { pair() });
    let byte = || async { read(&near, &mut [0]).await };
    // An operation that need not wait works under any scheduler.
    far.write_all(b"x").unwrap();
    assert_eq!(executor::block_on(byte()).unwrap(), 1);
    assert_is_of_another_scheduler(executor::block_on(byte()).map(drop));
    assert_is_of_another_scheduler(executor::block_on(near.readable()));
    Scheduler::new().block_on(async {
        assert_is_of_another_scheduler(byte().await.map(drop));
        assert_is_of_another_scheduler(near.readable().await);
    });
    near.get_ref().write_all(b"y").unwrap();
    far.read_exact(&mut [0]).unwrap();
    drop(near.into_inner().unwrap());
    assert_is_at_its_end(&far);
}

#[test]
fn who_waits_for_a_source_elsewhere_is_woken_when_its_scheduler_is_dropped() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let (near, far) = scheduler.block_on(async { pair() });
    let mut buffer = [0; 1];
    let mut waits: [Pin<Box<dyn Future<Output = io::Result<()>>>>; 3] = [
        Box::pin(near.readable()),
        Box::pin(async { near.read_with(|mut near| near.read(&mut buffer)).await.map(drop) }),
        Box::pin(near.write_with(|_| Err(ErrorKind::WouldBlock.into()))),
    ];
    let counter = CountingWaker::new();
    scheduler.block_on(async {
        for wait in &mut waits {
            assert!(poll_with(wait.as_mut(), &counter.waker()).is_pending());
        }
    });
    let before = counter.count();
    drop(scheduler);
    assert_eq!(counter.count(), before + 3);
    for wait in &mut waits {
        let Poll::Ready(result) = poll_with(wait.as_mut(), &counter.waker()) else {
            panic!("it waits for a scheduler that is gone");
        };
        assert_is_of_another_scheduler(result);
    }
    drop(far);
}

#[test]
fn a_source_waits_in_its_own_scheduler_only() {
    let _watchdog = watchdog(LIMIT);
    let own = Scheduler::new();
    let (near, mut far) = own.block_on(async { pair() });
    Scheduler::new().block_on(async {
        assert_is_of_another_scheduler(near.readable().await);
        assert_is_of_another_scheduler(read(&near, &mut [0]).await.map(drop));
    });
    own.block_on(async {
        let wait = async { near.readable().await.unwrap() };
        let peer = async {
            sleep(A_MOMENT).await;
            far.write_all(b"x").unwrap();
        };
        futures::join!(wait, peer);
    });
}

#[test]
fn a_source_can_be_dropped_while_another_scheduler_runs() {
    let _watchdog = watchdog(LIMIT);
    let own = Scheduler::new();
    let (near, far) = own.block_on(async { pair() });
    Scheduler::new().block_on(async {
        // It has the same key in this scheduler.
        let (other, mut other_far) = pair();
        drop(near);
        assert_is_at_its_end(&far);
        let reader = spawn(async move { read(&other, &mut [0; 10]).await });
        sleep(A_MOMENT).await;
        other_far.write_all(b"x").unwrap();
        assert_eq!(reader.await.unwrap().unwrap(), 1);
    });
}

#[test]
fn a_wait_goes_on_in_the_next_run_of_its_scheduler() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let (task, mut far) = scheduler.block_on(async {
        let (near, far) = pair();
        let task = spawn(async move { read(&near, &mut [0; 10]).await });
        sleep(A_MOMENT).await;
        (task, far)
    });
    far.write_all(b"x").unwrap();
    scheduler.run();
    assert!(task.is_finished());
    assert_eq!(scheduler.block_on(task).unwrap().unwrap(), 1);
}

#[test]
fn a_source_made_outside_a_scheduler_panics_and_says_what_to_do() {
    let _watchdog = watchdog(LIMIT);
    let _not_running = Scheduler::new();
    let (near, _far) = stream_pair().unwrap();
    let address = (Ipv4Addr::LOCALHOST, 0);
    let messages = [
        message_of_panic(|| Async::new(near)),
        message_of_panic(|| Async::<TcpListener>::bind(address)),
        message_of_panic(|| {
            let server = EchoServer::new();
            executor::block_on(Async::<TcpStream>::connect(server.addr()))
        }),
    ];
    for message in messages {
        assert!(message.contains("no scheduler runs on this thread"), "{message}");
        assert!(message.contains("inside `Scheduler::run`"), "{message}");
        assert!(message.contains("`block_on`"), "{message}");
    }
}

/// Takes every descriptor there is.
#[cfg(unix)]
fn hoard(of: impl AsFd) -> Vec<OwnedFd> {
    let mut hoard = Vec::new();
    loop {
        match of.as_fd().try_clone_to_owned() {
            Ok(descriptor) => hoard.push(descriptor),
            Err(error) => {
                assert_out_of_descriptors::<()>(Err(error));
                return hoard;
            }
        }
    }
}

#[cfg(unix)]
#[track_caller]
fn assert_out_of_descriptors<T>(result: io::Result<T>) {
    let Err(error) = result else {
        panic!("a descriptor is left");
    };
    assert_eq!(Errno::from_io_error(&error), Some(Errno::MFILE), "{error}");
}

#[cfg(unix)]
fn allow_few_descriptors() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = Some(64);
    setrlimit(Resource::Nofile, limit).expect("a soft limit can be lowered");
}

#[cfg(unix)]
#[test]
fn without_descriptors_there_are_errors_and_with_them_all_goes_on() {
    in_own_process(|| {
        let _watchdog = watchdog(LIMIT);
        allow_few_descriptors();
        let server = EchoServer::new();
        Scheduler::new().block_on(async {
            let listener = Async::<TcpListener>::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let address = listener.get_ref().local_addr().unwrap();
            let client = EchoClient::connect(address).unwrap();
            let hoard = hoard(listener.get_ref());
            // More than once: an error leaves nothing behind.
            for _ in 0..3 {
                assert_out_of_descriptors(Scheduler::try_new());
                assert_out_of_descriptors(Async::<TcpListener>::bind((Ipv4Addr::LOCALHOST, 0)));
                assert_out_of_descriptors(Async::<TcpStream>::connect(server.addr()).await);
                assert_out_of_descriptors(listener.accept().await);
                sleep(Duration::from_millis(1)).await;
            }
            let message = message_of_panic(Scheduler::new);
            assert!(message.contains("the system gives no selector"), "{message}");
            drop(hoard);
            // The connection has waited.
            let (_stream, peer) = listener.accept().await.unwrap();
            assert_eq!(peer, client.stream().local_addr().unwrap());
            Async::<TcpStream>::connect(server.addr()).await.unwrap();
        });
    });
}

#[cfg(unix)]
#[test]
fn a_scheduler_that_cannot_be_made_leaves_no_descriptor_open() {
    in_own_process(|| {
        let _watchdog = watchdog(LIMIT);
        allow_few_descriptors();
        let (near, _far) = stream_pair().unwrap();
        let mut failures = 0;
        // With more and more of them to spare, until there are enough.
        for spare in 0.. {
            let mut all = hoard(&near);
            all.truncate(all.len() - spare);
            let made = Scheduler::try_new();
            if made.is_ok() {
                break;
            }
            assert_out_of_descriptors(made);
            failures += 1;
            assert_eq!(hoard(&near).len(), spare);
        }
        assert!(failures > 0);
    });
}

#[cfg(unix)]
#[test]
fn a_source_that_outlives_its_scheduler_keeps_no_other_descriptor_open() {
    in_own_process(|| {
        let _watchdog = watchdog(LIMIT);
        allow_few_descriptors();
        let (near, _far) = stream_pair().unwrap();
        let room = hoard(&near).len();
        let source = Scheduler::new().block_on(async { Async::new(near.try_clone().unwrap()).unwrap() });
        assert_eq!(hoard(&near).len(), room - 1);
        drop(source);
        assert_eq!(hoard(&near).len(), room);
    });
}
