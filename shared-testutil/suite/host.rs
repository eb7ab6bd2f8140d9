//! `connect_host`: names are resolved on the pool, and errors name the host.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use futures::future::join;

use crate::sched::{Async, Scheduler, sleep, spawn_blocking, timeout};
use shared_testutil::watchdog;

const LIMIT: Duration = Duration::from_secs(60);

fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    (listener, port)
}

/// Nobody listens there.
fn closed_port() -> u16 {
    listener().1
}

/// `localhost` may be `::1` first, where nobody listens: then the second address is tried.
#[test]
fn a_name_is_resolved_and_its_addresses_are_tried_in_turn() {
    let _watchdog = watchdog(LIMIT);
    let (listener, port) = listener();
    Scheduler::new().block_on(async {
        let stream = Async::<TcpStream>::connect_host("localhost", port).await.unwrap();
        let (mut far, _) = listener.accept().unwrap();
        far.write_all(b"hello").unwrap();
        let mut buffer = [0; 16];
        assert_eq!(
            stream.read_with(|mut stream| stream.read(&mut buffer)).await.unwrap(),
            5
        );
    });
}

#[test]
fn an_address_is_taken_as_well() {
    let _watchdog = watchdog(LIMIT);
    let (_listener, port) = listener();
    let stream = Scheduler::new().block_on(Async::<TcpStream>::connect_host("127.0.0.1", port));
    assert_eq!(stream.unwrap().get_ref().peer_addr().unwrap().port(), port);
}

#[test]
fn an_address_needs_no_thread_of_the_pool() {
    let _watchdog = watchdog(LIMIT);
    let (_listener, port) = listener();
    let (release, blocked) = mpsc::channel::<()>();
    let blocked = Arc::new(Mutex::new(blocked));
    Scheduler::new().block_on(async {
        // More jobs than the pool has threads. None ends before the connection is there.
        for _ in 0..64 {
            let blocked = Arc::clone(&blocked);
            spawn_blocking(move || blocked.lock().unwrap().recv());
        }
        let connected = Async::<TcpStream>::connect_host("127.0.0.1", port).await;
        drop(release);
        connected.unwrap();
    });
}

#[test]
fn a_refused_connection_names_the_host_and_the_address() {
    let _watchdog = watchdog(LIMIT);
    let port = closed_port();
    let error = Scheduler::new().block_on(Async::<TcpStream>::connect_host("localhost", port));
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    let text = error.to_string();
    assert!(
        text.starts_with("localhost (") && text.contains(&format!(":{port}): ")),
        "{text}"
    );
}

#[test]
fn a_name_that_does_not_resolve_gives_the_resolvers_error_with_the_name_while_others_go_on() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let connect = Async::<TcpStream>::connect_host("name.invalid", 80);
        let mut ticks = 0;
        // A job that takes its time stands for a resolver that does.
        let slow = spawn_blocking(|| thread::sleep(Duration::from_millis(20)));
        let both = join(connect, slow);
        let ticking = async {
            while ticks < 5 {
                sleep(Duration::from_millis(1)).await;
                ticks += 1;
            }
        };
        let ((result, _), ()) = join(both, ticking).await;
        let text = result.unwrap_err().to_string();
        assert!(
            text.starts_with("name.invalid: ") && text.len() > "name.invalid: ".len(),
            "{text}"
        );
    });
}

#[test]
fn a_name_that_no_resolver_takes_is_an_error() {
    let _watchdog = watchdog(LIMIT);
    for name in ["", "two words", "nul\0byte", "::1]", &"a.".repeat(400)] {
        let error = Scheduler::new().block_on(Async::<TcpStream>::connect_host(name, 80));
        let text = error.unwrap_err().to_string();
        assert!(text.starts_with(name), "{text}");
    }
}

#[test]
fn a_connection_can_be_given_up() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let waits = Async::<TcpStream>::connect_host("localhost", closed_port());
    // It is dropped while the resolver is asked, or after: nothing hangs.
    let _ = scheduler.block_on(timeout(Duration::ZERO, waits));
    scheduler.run();
}
