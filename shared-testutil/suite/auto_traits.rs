//! What may leave its thread and what may not. The compiler checks it: otherwise this file does not compile.

use std::error::Error;
use std::fmt::{Debug, Display};
use std::rc::Rc;

use crate::sched::{Elapsed, JoinError, JoinHandle, Scheduler, Sleep};

/// Does not compile if the type is `Send`: two traits would apply then, and the compiler could not choose.
macro_rules! assert_not_send {
    ($type:ty) => {{
        trait Ambiguous<A> {
            fn choose() {}
        }
        impl<T: ?Sized> Ambiguous<()> for T {}
        struct WhenSend;
        impl<T: ?Sized + Send> Ambiguous<WhenSend> for T {}
        <$type as Ambiguous<_>>::choose();
    }};
}

/// The same for `Sync`.
macro_rules! assert_not_sync {
    ($type:ty) => {{
        trait Ambiguous<A> {
            fn choose() {}
        }
        impl<T: ?Sized> Ambiguous<()> for T {}
        struct WhenSync;
        impl<T: ?Sized + Sync> Ambiguous<WhenSync> for T {}
        <$type as Ambiguous<_>>::choose();
    }};
}

fn assert_send_and_sync<T: Send + Sync>() {}

fn assert_unpin<T: Unpin>() {}

#[test]
fn a_scheduler_stays_on_its_thread() {
    assert_not_send!(Scheduler);
    assert_not_sync!(Scheduler);
}

#[test]
fn a_handle_stays_on_its_thread_whatever_it_gives() {
    assert_not_send!(JoinHandle<()>);
    assert_not_sync!(JoinHandle<()>);
    assert_not_send!(JoinHandle<Rc<u32>>);
    assert_not_sync!(JoinHandle<Rc<u32>>);
}

#[test]
fn a_handle_can_be_awaited_by_reference() {
    struct NotUnpin(#[allow(dead_code, reason = "only its type matters")] std::marker::PhantomPinned);
    assert_unpin::<JoinHandle<NotUnpin>>();
}

#[test]
fn a_sleep_is_plain_data() {
    assert_send_and_sync::<Sleep>();
    assert_unpin::<Sleep>();
}

#[test]
fn errors_go_anywhere() {
    fn assert_error<T: Error + Debug + Display + Send + Sync + Unpin + 'static>() {}
    assert_error::<JoinError>();
    assert_error::<Elapsed>();
}
