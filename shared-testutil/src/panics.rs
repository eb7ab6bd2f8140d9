//! Panics that a test asks for.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

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
