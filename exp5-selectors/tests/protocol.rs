//! Mistakes that no other test sees: each test here is the one that catches a patch in `patches/`.

use exp5_selectors as sched;

use std::cell::Cell;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use sched::{Async, Scheduler, spawn, yield_now};
use shared_testutil::watchdog;

const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn a_loop_that_always_has_something_to_poll_hears_its_sockets_too() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (mut peer, stream) = UnixStream::pair().expect("a pair of sockets");
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
        let mut turns = 0;
        while !hear.get() {
            assert!(turns < 10_000, "10,000 turns, and the socket has not been heard");
            turns += 1;
            yield_now().await;
        }
        assert_eq!(
            reader.await.expect("it neither panics nor is aborted").expect("a byte"),
            1
        );
    });
}
