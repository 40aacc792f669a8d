//! One image with its depth and mask.

use crate::types::{Image, Mask};
use crate::{Error, Result};

/// One image with what is known about it.
#[derive(Clone, PartialEq)]
pub struct Sample {
    /// The id of the competition, as in `train.csv`.
    pub id: String,
    /// Depth of the image in feet, as the competition gives it; `None` where `depths.csv` does not say.
    pub z: Option<f32>,
    /// The seismic image.
    pub image: Image,
    /// Where the salt is; `None` in test data.
    pub mask: Option<Mask>,
}

impl std::fmt::Debug for Sample {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "Sample {}, ", self.id)?;
        match self.z {
            Some(z) => write!(f, "{z} ft, ")?,
            None => write!(f, "no depth, ")?,
        }
        match &self.mask {
            Some(mask) => write!(f, "{:?}, {mask:?}", self.image),
            None => write!(f, "{:?}, no mask", self.image),
        }
    }
}

/// An id becomes the name of a file and a field of a CSV: it has to be a plain name.
pub(crate) fn check_id(id: &str) -> Result<()> {
    // Nearly every id is letters and digits; the rest is looked at by character.
    let why = if !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Ok(());
    } else if id.is_empty() {
        "is empty"
    } else if id == "." || id == ".." || id.contains(['/', '\\', ':']) {
        "is a path"
    } else if id.chars().any(|c| c.is_control() || c == '"') {
        "has a control character or a quote"
    } else {
        return Ok(());
    };
    Err(Error::Id {
        id: id.escape_debug().to_string(),
        why: format!("{why}; expected a plain name such as 575d24d81d"),
    })
}

/// Sorts by id; equal ids stay in the order given.
pub(crate) fn sort_by_id<T>(items: Vec<T>, id: impl Fn(&T) -> &str) -> Vec<T> {
    // The first eight bytes as a number decide nearly every comparison without a look at the text.
    let prefix =
        |id: &str| id.bytes().chain([0; 8]).take(8).fold(0u64, |number, b| number << 8 | u64::from(b));
    let mut keys: Vec<(u64, &str, usize)> =
        items.iter().enumerate().map(|(i, item)| (prefix(id(item)), id(item), i)).collect();
    keys.sort_unstable();
    let order: Vec<usize> = keys.into_iter().map(|key| key.2).collect();
    let mut items: Vec<Option<T>> = items.into_iter().map(Some).collect();
    order.into_iter().filter_map(|i| items[i].take()).collect()
}

/// A mask covers its image pixel by pixel.
pub(crate) fn check_sizes(id: &str, image: (usize, usize), mask: &Mask) -> Result<()> {
    if image == (mask.height(), mask.width()) {
        return Ok(());
    }
    Err(Error::Shape {
        what: format!("mask of {id}"),
        expected: format!("{}×{} as its image", image.0, image.1),
        got: format!("{}×{}", mask.height(), mask.width()),
        hint: "image and mask have to be of the same size".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_plain_names() {
        for id in ["575d24d81d", "a", "über-1", "a.b", "..a"] {
            assert!(check_id(id).is_ok(), "{id}");
        }
        for id in ["", ".", "..", "../x", "a/b", "/etc/passwd", "C:x", "a\\b", "a\nb", "a\0", "a\"b"] {
            let error = check_id(id).unwrap_err();
            assert!(matches!(error, Error::Id { .. }));
            assert!(!error.to_string().contains('\n'), "{error}");
        }
    }

    #[test]
    fn sorting_is_that_of_text_and_stable() {
        let ids =
            ["b", "", "abcdefgh", "abcdefghi", "a", "abcdefgh", "ü", "abcdefg", "a\u{1}", "zz", "abcdefg0"];
        let mut expected: Vec<(&str, usize)> = ids.into_iter().zip(0..).collect();
        let sorted = sort_by_id(expected.clone(), |item| item.0);
        expected.sort();
        assert_eq!(sorted, expected);
    }

    #[test]
    fn debug_is_one_line() {
        let image = Image::new(1, 2, vec![0.0, 1.0]).unwrap();
        let sample = Sample { id: "a".into(), z: Some(306.0), image, mask: None };
        assert_eq!(format!("{sample:?}"), "Sample a, 306 ft, Image 1×2, mean 0.500, no mask");
    }
}
