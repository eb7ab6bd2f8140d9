use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::{TcpListener, TcpStream};
use smol::{LocalExecutor, Timer};

use crate::contest::runtime::Runtime;

thread_local! {
    static EXECUTOR: LocalExecutor<'static> = const { LocalExecutor::new() };
}

/// A `LocalExecutor` under smol's `block_on`, which drives the reactor.
pub(crate) struct Smol;

impl Runtime for Smol {
    const NAME: &'static str = "smol";
    type Listener = TcpListener;
    type Stream = TcpStream;

    fn block_on<F: Future>(future: F) -> F::Output {
        EXECUTOR.with(|executor| smol::block_on(executor.run(future)))
    }

    fn spawn<F: Future + 'static>(future: F) -> impl Future<Output = F::Output> + 'static {
        EXECUTOR.with(|executor| executor.spawn(future))
    }

    fn yield_now() -> impl Future<Output = ()> {
        smol::future::yield_now()
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> + 'static {
        Sleep(Timer::after(duration))
    }

    fn spawn_blocking<T: Send + 'static>(
        job: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> + 'static {
        smol::unblock(job)
    }

    async fn bind() -> (Self::Listener, SocketAddr) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    async fn accept(listener: &Self::Listener) -> Self::Stream {
        listener.accept().await.unwrap().0
    }

    async fn connect(address: SocketAddr) -> Self::Stream {
        TcpStream::connect(address).await.unwrap()
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

/// A timer without its output, and no larger than it.
struct Sleep(Timer);

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: std::pin::Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<()> {
        std::pin::Pin::new(&mut self.0).poll(cx).map(drop)
    }
}
