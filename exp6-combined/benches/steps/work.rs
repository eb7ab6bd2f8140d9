//! The workloads, once for every experiment: macros, because the experiments have the same words and no common trait.
//! Each function does something `n` times and returns how long that took.

macro_rules! tasks {
    ($sched:ident) => {
        /// Tasks that do nothing, spawned and run.
        pub(crate) fn spawn(n: usize) -> Duration {
            let scheduler = $sched::Scheduler::new();
            let start = now();
            for _ in 0..n.div_ceil(TASKS) {
                for _ in 0..n.min(TASKS) {
                    scheduler.spawn(async {});
                }
                scheduler.run();
            }
            now() - start
        }

        /// Tasks that give up their turn again and again.
        pub(crate) fn yields(n: usize) -> Duration {
            let scheduler = $sched::Scheduler::new();
            let tasks = n.min(1_000);
            let count = Rc::new(Cell::new(0));
            for _ in 0..tasks {
                let count = Rc::clone(&count);
                scheduler.spawn(async move {
                    for _ in 0..n / tasks {
                        $sched::yield_now().await;
                        count.set(count.get() + 1);
                    }
                });
            }
            let start = now();
            scheduler.run();
            assert_eq!(count.get(), n);
            now() - start
        }
    };
}

macro_rules! sleeps {
    ($sched:ident) => {
        /// Tasks that sleep at the same time, for so short that there are always some to wake.
        pub(crate) fn sleep(n: usize) -> Duration {
            let scheduler = $sched::Scheduler::new();
            let count = Rc::new(Cell::new(0));
            let start = now();
            for _ in 0..n {
                let count = Rc::clone(&count);
                scheduler.spawn(async move {
                    $sched::sleep(Duration::from_millis(1)).await;
                    count.set(count.get() + 1);
                });
            }
            scheduler.run();
            assert_eq!(count.get(), n);
            now() - start
        }

        /// Sleeps that begin and are given up.
        pub(crate) fn sleep_dropped(n: usize) -> Duration {
            let scheduler = $sched::Scheduler::new();
            let start = now();
            scheduler.spawn(async move {
                for _ in 0..n {
                    let mut sleep = pin!($sched::sleep(Duration::from_secs(60)));
                    poll_fn(|cx| {
                        assert!(sleep.as_mut().poll(cx).is_pending());
                        Poll::Ready(())
                    })
                    .await;
                }
            });
            scheduler.run();
            now() - start
        }

        /// What tasks occupy that sleep. Reports from inside, for there is no end to it.
        pub(crate) fn asleep(n: usize) -> Duration {
            let scheduler = $sched::Scheduler::new();
            let count = Count::start();
            for _ in 0..n {
                scheduler.spawn(async {
                    $sched::sleep(Duration::from_secs(3600)).await;
                });
            }
            // Behind the others in the queue, and so polled when all of them have begun to sleep.
            scheduler.spawn(async move {
                count.stop().print();
                process::exit(0);
            });
            scheduler.run();
            unreachable!("the last task has ended the process");
        }
    };
}

macro_rules! wakes {
    ($sched:ident) => {
        /// A question to another thread and its answer: two wakes, one of which comes from there.
        pub(crate) fn wake(n: usize) -> Duration {
            let (question, asked) = async_channel::bounded(1);
            let (answer, answered) = async_channel::bounded(1);
            let other = thread::spawn(move || {
                while let Ok(number) = asked.recv_blocking() {
                    answer.send_blocking(number + 1).unwrap();
                }
            });
            let scheduler = $sched::Scheduler::new();
            let start = now();
            scheduler.spawn(async move {
                let mut number = 0;
                while number < n {
                    question.send(number).await.unwrap();
                    number = answered.recv().await.unwrap();
                }
            });
            scheduler.run();
            let elapsed = now() - start;
            other.join().unwrap();
            elapsed
        }
    };
}

macro_rules! joins {
    ($sched:ident) => {
        /// Tasks that give a result, which another one awaits.
        pub(crate) fn join(n: usize) -> Duration {
            let scheduler = $sched::Scheduler::new();
            scheduler.block_on(async {
                let start = now();
                for _ in 0..n.div_ceil(TASKS) {
                    let tasks = n.min(TASKS);
                    let handles: Vec<_> = (0..tasks).map(|i| $sched::spawn(async move { i })).collect();
                    for (i, handle) in handles.into_iter().enumerate() {
                        assert_eq!(handle.await.unwrap(), i);
                    }
                }
                now() - start
            })
        }
    };
}

macro_rules! jobs {
    ($sched:ident) => {
        /// Jobs for the pool, one after another.
        pub(crate) fn job(n: usize) -> Duration {
            let scheduler = $sched::Scheduler::new();
            scheduler.block_on(async {
                // Starts the threads.
                $sched::spawn_blocking(|| ()).await.unwrap();
                let start = now();
                for i in 0..n {
                    assert_eq!($sched::spawn_blocking(move || i).await.unwrap(), i);
                }
                now() - start
            })
        }
    };
}

macro_rules! echoes {
    ($sched:ident) => {
        type Stream = $sched::Async<TcpStream>;

        /// Messages to and fro on one connection.
        pub(crate) fn echo_1(n: usize) -> Duration {
            echo(1, n)
        }

        /// Messages to and fro on 50 connections.
        pub(crate) fn echo_50(n: usize) -> Duration {
            echo(50, n)
        }

        fn echo(connections: usize, n: usize) -> Duration {
            let scheduler = $sched::Scheduler::new();
            scheduler.block_on(async move {
                let listener = $sched::Async::<TcpListener>::bind(([127, 0, 0, 1], 0)).unwrap();
                let address = listener.get_ref().local_addr().unwrap();
                let mut clients = Vec::new();
                for _ in 0..connections {
                    clients.push(Stream::connect(address).await.unwrap());
                    let (server, _) = listener.accept().await.unwrap();
                    $sched::spawn(async move {
                        let mut buffer = [0; 4096];
                        loop {
                            let length = server.read_with(|mut io| io.read(&mut buffer)).await.unwrap();
                            if length == 0 {
                                return;
                            }
                            let bytes = &buffer[..length];
                            let written = server.write_with(|mut io| io.write(bytes)).await;
                            assert_eq!(written.unwrap(), length);
                        }
                    });
                }
                let start = now();
                let mut handles = Vec::new();
                for client in clients {
                    handles.push($sched::spawn(async move {
                        for round in 0..n / connections {
                            let message = [round as u8; 64];
                            let mut answer = [!round as u8; 64];
                            let written = client.write_with(|mut io| io.write(&message)).await;
                            assert_eq!(written.unwrap(), 64);
                            let read = client.read_with(|mut io| io.read(&mut answer)).await;
                            assert_eq!(read.unwrap(), 64);
                            assert_eq!(answer, message);
                        }
                    }));
                }
                for handle in handles {
                    handle.await.unwrap();
                }
                now() - start
            })
        }
    };
}

macro_rules! streams {
    ($sched:ident) => {
        /// The same on one connection through futures-io's traits.
        pub(crate) fn echo_rw(n: usize) -> Duration {
            let scheduler = $sched::Scheduler::new();
            scheduler.block_on(async move {
                let listener = $sched::Async::<TcpListener>::bind(([127, 0, 0, 1], 0)).unwrap();
                let address = listener.get_ref().local_addr().unwrap();
                let mut client = Stream::connect(address).await.unwrap();
                let (mut server, _) = listener.accept().await.unwrap();
                $sched::spawn(async move {
                    let mut buffer = [0; 4096];
                    loop {
                        let length = server.read(&mut buffer).await.unwrap();
                        if length == 0 {
                            return;
                        }
                        server.write_all(&buffer[..length]).await.unwrap();
                    }
                });
                let start = now();
                let task = $sched::spawn(async move {
                    let mut answer = [0; 4096];
                    for round in 0..n {
                        let message = [round as u8; 64];
                        answer[..64].fill(!round as u8);
                        client.write_all(&message).await.unwrap();
                        assert_eq!(client.read(&mut answer).await.unwrap(), 64);
                        assert_eq!(answer[..64], message);
                    }
                });
                task.await.unwrap();
                now() - start
            })
        }
    };
}

pub(crate) use {echoes, jobs, joins, sleeps, streams, tasks, wakes};

/// Tasks at a time in `spawn` and `join`.
pub(crate) const TASKS: usize = 5_000;
