//! What a competition wants its submission to look like.

/// Which rows a submission has, what they are called, and how large their masks are. Of a whole test set, also where a dataset is
/// a part of it or one of its classes.
#[derive(Clone, Default)]
pub(crate) struct SubmissionFormat {
    /// The rows of `sample_submission.csv` in its order.
    pub(crate) order: Option<Vec<String>>,
    /// Rows are of an image and a class, `id_class`, of one class too.
    pub(crate) by_class: bool,
    /// Height and width of the masks, where the competition's are not those of its images.
    pub(crate) size: Option<(usize, usize)>,
}

impl SubmissionFormat {
    /// Whether masks of these classes have a row for each of them. Several always have.
    pub(crate) fn is_by_class(&self, class_names: &[String]) -> bool {
        self.by_class || class_names.len() != 1
    }

    /// What the row of an image and a class is called.
    pub(crate) fn row(id: &str, class: &str) -> String {
        format!("{id}_{class}")
    }

    /// Whether a row is of a class.
    pub(crate) fn is_of_class(row: &str, class: &str) -> bool {
        row.strip_suffix(class).is_some_and(|id| id.ends_with('_'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_of_the_class_that_it_ends_with() {
        for (id, class) in [("x.jpg", "Fish"), ("a_b.jpg", "Fish"), ("", "a"), ("x", "two words")] {
            assert!(SubmissionFormat::is_of_class(&SubmissionFormat::row(id, class), class));
        }
        assert!(!SubmissionFormat::is_of_class("x.jpg_Starfish", "fish"));
        assert!(!SubmissionFormat::is_of_class("Fish", "Fish"));
    }
}
