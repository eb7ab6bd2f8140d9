//! The pool of threads, by another name.

pub(crate) use threadpool::ThreadPool;
