//! Why a pool of threads is no basis for sockets. A thread can block in one place only. If the loop waits for its queue, a
//! socket does not end the wait. If it waits for a socket, its queue does not. And a pool has a limited number of threads.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::mpsc;
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use crate::sched::{Scheduler, sleep, spawn, spawn_blocking, yield_now};
use futures::future::join_all;
use shared_testutil::{OrderLog, watchdog};

const LIMIT: Duration = Duration::from_secs(60);
/// The pool has no more threads than this, however many cores the machine has.
const THREADS: usize = 32;

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Two connected sockets.
fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let ours = TcpStream::connect(address).expect("a listener");
    let (theirs, _) = listener.accept().expect("a peer");
    (ours, theirs)
}

#[test]
fn data_for_a_socket_that_nobody_registered_does_not_end_the_wait() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let (ours, mut theirs) = pair();
    ours.set_nonblocking(true).expect("a socket that does not block");
    let scheduler = Scheduler::new();
    let waker: Rc<RefCell<Option<Waker>>> = Rc::default();
    let (slot, reader) = (Rc::clone(&waker), log.clone());
    scheduler.spawn(poll_fn(move |cx| {
        // There is a waker, but nothing that would call it.
        *slot.borrow_mut() = Some(cx.waker().clone());
        match (&ours).read(&mut [0; 16]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                reader.note("nothing to read");
                Poll::Pending
            }
            result => {
                reader.note(format!("read {}", result.expect("data")));
                Poll::Ready(())
            }
        }
    }));
    let timer = log.clone();
    scheduler.spawn(async move {
        sleep(ms(300)).await;
        timer.note("timer");
        waker.take().expect("the reader was polled").wake();
    });
    let peer = log.clone();
    let peer = thread::spawn(move || {
        while peer.count("nothing to read") == 0 {
            thread::yield_now();
        }
        theirs.write_all(b"data").expect("a reader");
        peer.note("data");
        theirs
    });
    scheduler.run();
    log.assert_is(&["nothing to read", "data", "timer", "read 4"]);
    peer.join().expect("the peer");
}

#[test]
fn a_read_that_blocks_the_loop_stops_every_task_and_every_result() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let (mut ours, mut theirs) = pair();
    let (start_job, starts) = mpsc::channel();
    let (job_done, done) = mpsc::channel();
    let peer = thread::spawn(move || {
        // Long after the timer and the job.
        done.recv().expect("a job");
        thread::sleep(ms(300));
        theirs.write_all(b"data").expect("a reader");
        theirs
    });
    Scheduler::new().block_on(async {
        let (timer, job, delivered) = (log.clone(), log.clone(), log.clone());
        let timer = spawn(async move {
            sleep(ms(150)).await;
            timer.note("timer");
        });
        let job = spawn(async move {
            let handle = spawn_blocking(move || {
                starts.recv().expect("the loop starts it");
                job.note("job done");
                job_done.send(()).expect("the peer listens");
            });
            handle.await.expect("no panic");
            delivered.note("job delivered");
        });
        // Both wait, the one for the time and the other for the pool.
        yield_now().await;
        yield_now().await;
        log.note("read starts");
        start_job.send(()).expect("the job waits");
        ours.read_exact(&mut [0; 4]).expect("data");
        log.note("read ends");
        for result in join_all([timer, job]).await {
            result.expect("no panic");
        }
    });
    log.assert_overlap(("read starts", "read ends"), ("job done", "job delivered"));
    log.assert_before("job done", "read ends");
    log.assert_before("read ends", "timer");
    log.assert_before("read ends", "job delivered");
    peer.join().expect("the peer");
}

#[test]
fn as_many_silent_sockets_as_the_pool_has_threads_stop_every_other_job() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    Scheduler::new().block_on(async {
        let (ours, theirs): (Vec<TcpStream>, Vec<TcpStream>) = (0..THREADS).map(|_| pair()).unzip();
        let reads: Vec<_> = ours
            .into_iter()
            .map(|mut socket| spawn_blocking(move || socket.read_to_end(&mut Vec::new())))
            .collect();
        let job = log.clone();
        let job = spawn_blocking(move || job.note("job"));
        // The loop itself goes on, but the job has no thread.
        sleep(ms(200)).await;
        log.note("timer");
        drop(theirs);
        job.await.expect("no panic");
        for read in join_all(reads).await {
            assert_eq!(read.expect("no panic").expect("the end of the stream"), 0);
        }
    });
    log.assert_is(&["timer", "job"]);
}
