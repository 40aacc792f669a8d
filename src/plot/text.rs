//! Numbers as people read them, the same in figures and cards.

/// `18000` as `18,000`.
pub(crate) fn count(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 image`, `18,000 images`.
pub(crate) fn counted(n: usize, what: &str) -> String {
    format!("{} {what}{}", count(n), if n == 1 { "" } else { "s" })
}

/// A whole number below 10¹⁵, rounded: `−1,500`.
pub(crate) fn thousands(v: f64) -> String {
    let sign = if v.round() < 0.0 { "−" } else { "" };
    format!("{sign}{}", count(v.abs().round() as usize))
}

/// A share in `[0, 1]` as per cent; small ones are not rounded to nothing.
pub(crate) fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    match percent > 0.0 && percent < 0.1 {
        true => format!("{percent:.2} %"),
        false => format!("{percent:.1} %"),
    }
}

/// A depth in feet.
pub(crate) fn feet(z: f32) -> String {
    if z.fract() == 0.0 { format!("{z} ft") } else { format!("{z:.1} ft") }
}

/// Seconds as people say them.
pub(crate) fn duration(seconds: f64) -> String {
    let whole = seconds.round().max(0.0) as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, _) => format!("{seconds:.1} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        let counts = [0, 999, 1000, 18_000, 1_234_567].map(count);
        assert_eq!(counts, ["0", "999", "1,000", "18,000", "1,234,567"]);
        assert_eq!([0.0, 1.0 / 10201.0, 0.2534, 1.0].map(percent), ["0.0 %", "0.01 %", "25.3 %", "100.0 %"]);
        assert_eq!(
            [0.04, 61.0, 3723.9, f64::NAN].map(duration),
            ["0.0 s", "1 min 1 s", "1 h 2 min", "NaN s"]
        );
        assert_eq!([1, 0, 1200].map(|n| counted(n, "mask")), ["1 mask", "0 masks", "1,200 masks"]);
        assert_eq!([feet(906.0), feet(50.25)], ["906 ft", "50.2 ft"]);
    }
}
