//! A panic over one image, as an error that names it.

use crate::{Error, Result};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What `make` gives of the image. A panic in a decoder, or in what is done to the image, would cost a notebook the variables of its
/// cell, without telling which image it was. All that it can leave half done is the sample, which is dropped with it.
///
/// # Errors
/// [`Error::Image`] with the text of a panic.
pub(super) fn guarded<T>(id: &str, make: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(make)).unwrap_or_else(|panic| {
        let why = format!("reading it panicked: {}; leave it out, and report it", text(&*panic));
        Err(Error::Image { id: id.into(), why })
    })
}

/// In one line, what `panic!` was given.
fn text(panic: &(dyn Any + Send)) -> String {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    let text = owned.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a text");
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_of_one_line_with_the_id() {
        let line = |make: &dyn Fn() -> Result<()>| guarded("abc", make).unwrap_err().to_string();
        assert_eq!(
            line(&|| panic!("no such block")),
            "image abc: reading it panicked: no such block; leave it out, and report it"
        );
        assert!(line(&|| panic!("row {}\n  of {}", 7, 9)).contains("panicked: row 7 of 9;"));
        assert!(line(&|| std::panic::panic_any(1)).contains("without a text"));
        let other = || Err(Error::Id { id: "abc".into(), why: "as it is".into() });
        assert_eq!(line(&other), "id `abc`: as it is");
        assert_eq!(guarded("abc", || Ok(3)).unwrap(), 3);
    }
}
