//! A task: its future, which stays on this thread, and its link, which wakers take anywhere.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::ready::Link;

/// A future, and what its wakers share.
pub(crate) struct Task {
    future: Pin<Box<dyn Future<Output = ()>>>,
    link: Arc<Link>,
}

impl Task {
    pub(crate) fn new(link: Arc<Link>, future: impl Future<Output = ()> + 'static) -> Self {
        Self {
            future: Box::pin(future),
            link,
        }
    }

    pub(crate) fn poll(&mut self) -> Poll<()> {
        self.link.clear();
        let waker = Waker::from(Arc::clone(&self.link));
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }
}
