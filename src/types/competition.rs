//! Both halves of the competition's data.

use crate::types::Dataset;

/// The competition's data: labelled images to train on, and images to predict.
///
/// Open a folder with `Competition::open` or `Competition::clouds`, anyone's own data with `Competition::from_folders`, or
/// make one from code with `Competition::sample` or `Competition::sample_clouds`.
#[derive(Clone)]
pub struct Competition {
    /// Images with masks.
    pub train: Dataset,
    /// Images to predict.
    pub test: Dataset,
    /// What is missing or odd, counted.
    pub notes: Notes,
}

/// What is missing or odd in the competition's data, yet no error: counts, all 0 where nothing is.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Training images without a depth.
    pub train_without_depth: usize,
    /// Test images without a depth.
    pub test_without_depth: usize,
    /// Ids in `depths.csv` of which there is no image.
    pub depths_without_image: usize,
    /// Test images that `sample_submission.csv` does not list; a submission leaves them out.
    pub test_not_in_submission: usize,
    /// Files and folders beside the images that are no images.
    pub other_files: usize,
    /// Files and folders of the competition that are not there, such as `depths.csv`.
    pub missing: Vec<String>,
    /// True where the masks are read from `train.csv` because there is no folder of masks.
    pub masks_from_csv: bool,
}

impl Notes {
    /// The notes as sentences, none where all is well.
    pub fn lines(&self) -> Vec<String> {
        let counts = [
            (self.train_without_depth, "training images have no depth"),
            (self.test_without_depth, "test images have no depth"),
            (self.depths_without_image, "ids in depths.csv have no image"),
            (self.test_not_in_submission, "test images are not in sample_submission.csv"),
            (self.other_files, "other files lie beside the images and are left alone"),
        ];
        let missing = self.missing.iter().map(|name| format!("{name} is not there"));
        let counted = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}"));
        let masks = self.masks_from_csv.then(|| "masks are read from train.csv".to_string());
        missing.chain(masks).chain(counted).collect()
    }
}

impl std::fmt::Debug for Competition {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "Competition\n  train: {:?}\n  test:  {:?}", self.train, self.test)?;
        self.notes.lines().iter().try_for_each(|line| write!(f, "\n  note:  {line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_say_only_what_is_odd() {
        assert!(Notes::default().lines().is_empty());
        let notes =
            Notes { depths_without_image: 800, missing: vec!["train.csv".into()], ..Notes::default() };
        assert_eq!(notes.lines(), ["train.csv is not there", "800 ids in depths.csv have no image"]);
    }
}
