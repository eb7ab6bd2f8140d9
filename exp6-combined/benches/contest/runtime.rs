//! What the workloads ask of a runtime, so that the same code runs on all of them.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// A runtime for one thread, used as its documentation says.
///
/// Buffers are passed by value, because the completion-based runtimes ask for that; the others lend them on.
pub(crate) trait Runtime: 'static {
    const NAME: &'static str;
    /// Whether it has a pool for blocking work, and takes wakes from other threads as it is built here.
    const JOBS: bool = true;
    type Listener: 'static;
    type Stream: 'static;

    /// Builds the runtime on this thread and drives `future` to its end.
    fn block_on<F: Future>(future: F) -> F::Output;

    fn spawn<F: Future + 'static>(future: F) -> impl Future<Output = F::Output> + 'static;

    /// The runtime's own, or else a wake of oneself, which is what most of them have.
    fn yield_now() -> impl Future<Output = ()> {
        wake_oneself()
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> + 'static;

    fn spawn_blocking<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static)
    -> impl Future<Output = T> + 'static;

    /// Listens at a free port of the loopback device.
    async fn bind() -> (Self::Listener, SocketAddr);
    async fn accept(listener: &Self::Listener) -> Self::Stream;
    async fn connect(address: SocketAddr) -> Self::Stream;

    /// Reads once, into the front of the buffer. Zero is the end of the stream.
    async fn read(stream: &mut Self::Stream, buffer: Vec<u8>) -> (usize, Vec<u8>);
    /// Writes the first `length` bytes.
    async fn write_all(stream: &mut Self::Stream, buffer: Vec<u8>, length: usize) -> Vec<u8>;
}

async fn wake_oneself() {
    let mut yielded = false;
    poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A handle whose task is known not to fail. As large as the handle itself.
pub(crate) struct Sure<H>(pub(crate) H);

impl<T, E, H: Future<Output = Result<T, E>> + Unpin> Future for Sure<H> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        Pin::new(&mut self.0).poll(cx).map(|result| match result {
            Ok(output) => output,
            Err(_) => panic!("a task failed"),
        })
    }
}
