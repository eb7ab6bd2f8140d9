use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use compio::buf::{BufResult, IntoInner, IoBuf};
use compio::io::{AsyncRead, AsyncWriteExt};
use compio::net::{TcpListener, TcpStream};

use crate::contest::runtime::{Runtime, Sure};

/// On io_uring where the kernel allows it, else on its own poll driver.
pub(crate) struct Compio;

impl Runtime for Compio {
    const NAME: &'static str = "compio";
    type Listener = TcpListener;
    type Stream = TcpStream;

    fn block_on<F: Future>(future: F) -> F::Output {
        compio::runtime::Runtime::new().unwrap().block_on(future)
    }

    fn spawn<F: Future + 'static>(future: F) -> impl Future<Output = F::Output> + 'static {
        Sure(compio::runtime::spawn(future))
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> + 'static {
        compio::time::sleep(duration)
    }

    fn spawn_blocking<T: Send + 'static>(
        job: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> + 'static {
        Sure(compio::runtime::spawn_blocking(job))
    }

    async fn bind() -> (Self::Listener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    async fn accept(listener: &Self::Listener) -> Self::Stream {
        listener.accept().await.unwrap().0
    }

    async fn connect(address: SocketAddr) -> Self::Stream {
        TcpStream::connect(address).await.unwrap()
    }

    async fn read(stream: &mut Self::Stream, buffer: Vec<u8>) -> (usize, Vec<u8>) {
        let BufResult(result, buffer) = AsyncRead::read(stream, buffer).await;
        (result.unwrap(), buffer)
    }

    async fn write_all(stream: &mut Self::Stream, buffer: Vec<u8>, length: usize) -> Vec<u8> {
        let BufResult(result, slice) = AsyncWriteExt::write_all(stream, buffer.slice(..length)).await;
        result.unwrap();
        slice.into_inner()
    }
}
