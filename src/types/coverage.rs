//! Classes of salt coverage, by which the field stratifies its splits.

/// The class of a coverage: `ceil(10 · coverage)`, so 0 is "no salt", 1 is "up to 10 %", … 10 is "over 90 %".
///
/// A coverage outside `[0, 1]` gets the nearest class; what is not a number gets 0.
///
/// ```
/// use tgs_salt::types::coverage_class;
/// assert_eq!(coverage_class(0.0), 0);
/// assert_eq!(coverage_class(0.0001), 1);
/// assert_eq!(coverage_class(0.1), 1);
/// assert_eq!(coverage_class(1.0), 10);
/// ```
pub fn coverage_class(coverage: f64) -> usize {
    // The cast saturates: negative numbers and NaN become 0.
    ((10.0 * coverage).ceil() as usize).min(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_changes_just_above_each_tenth() {
        for class in 1..10 {
            let tenth = class as f64 / 10.0;
            assert_eq!(coverage_class(tenth), class);
            assert_eq!(coverage_class(tenth + 1e-9), class + 1);
        }
        assert_eq!([coverage_class(-1.0), coverage_class(f64::NAN), coverage_class(7.0)], [0, 0, 10]);
    }
}
