//! Panics that a test asks for.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Once;

/// Calls `f`, which has to panic with a text, and returns that.
///
/// # Panics
///
/// If `f` does not panic, or panics with something else.
#[track_caller]
pub fn message_of_panic<T>(f: impl FnOnce() -> T) -> String {
    let Err(payload) = catch_unwind(AssertUnwindSafe(f)) else {
        panic!("it ought to panic, but returns");
    };
    message_in(payload.as_ref()).expect("a text to panic with").to_owned()
}

thread_local! {
    /// The line of the thread's latest panic.
    static LINE: Cell<Option<u32>> = const { Cell::new(None) };
}

/// Calls `f`, which has to panic, and returns the line that the panic names.
///
/// # Panics
///
/// If `f` does not panic.
#[track_caller]
pub fn line_of_panic<T>(f: impl FnOnce() -> T) -> u32 {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            LINE.set(info.location().map(panic::Location::line));
            previous(info);
        }));
    });
    LINE.set(None);
    assert!(
        catch_unwind(AssertUnwindSafe(f)).is_err(),
        "it ought to panic, but returns"
    );
    LINE.get().expect("a panic has a place")
}

/// The text in a panic's payload, if it is one.
#[must_use]
pub fn message_in(payload: &(dyn Any + Send)) -> Option<&str> {
    match payload.downcast_ref::<&str>() {
        Some(text) => Some(text),
        None => payload.downcast_ref::<String>().map(String::as_str),
    }
}

#[cfg(test)]
mod tests {
    use std::panic::panic_any;

    use super::*;

    #[test]
    fn the_message_is_found_whether_it_has_arguments_or_not() {
        assert_eq!(message_of_panic(|| panic!("plain")), "plain");
        let number = 7;
        assert_eq!(message_of_panic(|| panic!("number {number}")), "number 7");
        assert_eq!(message_in(&7), None);
    }

    #[test]
    fn the_line_is_that_of_the_panic() {
        let line = line_of_panic(|| panic!("here"));
        assert_eq!(line, line!() - 1);
    }

    #[test]
    #[should_panic(expected = "but returns")]
    fn no_panic_fails() {
        let _message = message_of_panic(|| 7);
    }

    #[test]
    #[should_panic(expected = "a text to panic with")]
    fn a_panic_with_something_else_fails() {
        let _message = message_of_panic(|| panic_any(7));
    }
}
