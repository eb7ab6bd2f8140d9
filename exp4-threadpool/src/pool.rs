//! The pool of threads. In a file of its own, because one of exp6's `fast/` can take its place.

pub(crate) use threadpool::ThreadPool;
