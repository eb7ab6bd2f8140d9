//! exp6, in one of its variants.

use std::future::Future;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use futures::{AsyncReadExt, AsyncWriteExt};

use super::{NAME, sched};
use crate::contest::runtime::{Runtime, Sure};
use sched::{Async, Scheduler};

pub(crate) struct Ours;

impl Runtime for Ours {
    const NAME: &'static str = NAME;
    type Listener = Async<TcpListener>;
    type Stream = Async<TcpStream>;

    fn block_on<F: Future>(future: F) -> F::Output {
        Scheduler::new().block_on(future)
    }

    fn spawn<F: Future + 'static>(future: F) -> impl Future<Output = F::Output> + 'static {
        Sure(sched::spawn(future))
    }

    fn yield_now() -> impl Future<Output = ()> {
        sched::yield_now()
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> + 'static {
        sched::sleep(duration)
    }

    fn spawn_blocking<T: Send + 'static>(
        job: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> + 'static {
        Sure(sched::spawn_blocking(job))
    }

    async fn bind() -> (Self::Listener, SocketAddr) {
        let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0)).unwrap();
        let address = listener.get_ref().local_addr().unwrap();
        (listener, address)
    }

    async fn accept(listener: &Self::Listener) -> Self::Stream {
        listener.accept().await.unwrap().0
    }

    async fn connect(address: SocketAddr) -> Self::Stream {
        Async::<TcpStream>::connect(address).await.unwrap()
    }

    async fn read(stream: &mut Self::Stream, mut buffer: Vec<u8>) -> (usize, Vec<u8>) {
        let length = AsyncReadExt::read(stream, &mut buffer).await.unwrap();
        (length, buffer)
    }

    async fn write_all(stream: &mut Self::Stream, buffer: Vec<u8>, length: usize) -> Vec<u8> {
        AsyncWriteExt::write_all(stream, &buffer[..length]).await.unwrap();
        buffer
    }
}
