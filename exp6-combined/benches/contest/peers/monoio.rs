use std::future::{Future, pending};
use std::net::SocketAddr;
use std::time::Duration;

use monoio::buf::IoBuf;
use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::net::{TcpListener, TcpStream};
use monoio::{FusionDriver, RuntimeBuilder};

use crate::contest::runtime::Runtime;

/// On io_uring where the kernel allows it, else on epoll. With its default features, it takes no wakes from other threads.
pub(crate) struct Monoio;

impl Runtime for Monoio {
    const NAME: &'static str = "monoio";
    const JOBS: bool = false;
    type Listener = TcpListener;
    type Stream = TcpStream;

    fn block_on<F: Future>(future: F) -> F::Output {
        let runtime = RuntimeBuilder::<FusionDriver>::new().enable_timer().build();
        runtime.unwrap().block_on(future)
    }

    fn spawn<F: Future + 'static>(future: F) -> impl Future<Output = F::Output> + 'static {
        monoio::spawn(future)
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> + 'static {
        monoio::time::sleep(duration)
    }

    fn spawn_blocking<T: Send + 'static>(
        _job: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> + 'static {
        pending()
    }

    async fn bind() -> (Self::Listener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    async fn accept(listener: &Self::Listener) -> Self::Stream {
        listener.accept().await.unwrap().0
    }

    async fn connect(address: SocketAddr) -> Self::Stream {
        TcpStream::connect_addr(address).await.unwrap()
    }

    async fn read(stream: &mut Self::Stream, buffer: Vec<u8>) -> (usize, Vec<u8>) {
        let (result, buffer) = AsyncReadRent::read(stream, buffer).await;
        (result.unwrap(), buffer)
    }

    async fn write_all(stream: &mut Self::Stream, buffer: Vec<u8>, length: usize) -> Vec<u8> {
        let (result, slice) = AsyncWriteRentExt::write_all(stream, buffer.slice(..length)).await;
        result.unwrap();
        slice.into_inner()
    }
}
