use std::future::Future;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use exp6_combined::{Async, Scheduler};
use futures::{AsyncReadExt, AsyncWriteExt};

use crate::contest::runtime::{Runtime, Sure};

pub(crate) struct Exp6;

impl Runtime for Exp6 {
    const NAME: &'static str = "exp6";
    type Listener = Async<TcpListener>;
    type Stream = Async<TcpStream>;

    fn block_on<F: Future>(future: F) -> F::Output {
        Scheduler::new().block_on(future)
    }

    fn spawn<F: Future + 'static>(future: F) -> impl Future<Output = F::Output> + 'static {
        Sure(exp6_combined::spawn(future))
    }

    fn yield_now() -> impl Future<Output = ()> {
        exp6_combined::yield_now()
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> + 'static {
        exp6_combined::sleep(duration)
    }

    fn spawn_blocking<T: Send + 'static>(
        job: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> + 'static {
        Sure(exp6_combined::spawn_blocking(job))
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
