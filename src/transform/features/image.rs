//! The features of an image, as its methods.

use super::Feature;
use super::plane::Plane;
use crate::types::{Image, check_size};
use crate::{Error, Result};

impl Image {
    /// A picture of the same size computed of this one; its values are in the range that [`Feature`] lists, which is not
    /// always `[0, 1]`.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let sample = Competition::sample()?.train.samples()?.remove(0);
    /// let envelope = sample.image.feature(Feature::Envelope)?;
    /// assert_eq!((envelope.height, envelope.width), (101, 101));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Config`] when a parameter of the feature is out of its range or a pixel is not a finite number,
    /// [`Error::Shape`] when the image is too small (24 × 24 for [`Feature::Hog`], 2 rows for [`Feature::Frequency`] and
    /// [`Feature::SecondY`], 2 columns for [`Feature::SecondX`]) or its public fields no longer agree in size.
    pub fn feature(&self, feature: Feature) -> Result<Image> {
        feature.check()?;
        let plane = self.plane()?;
        let [rows, columns] = feature.least_size();
        if self.height < rows || self.width < columns {
            return Err(Error::Shape {
                what: format!("image for {feature}"),
                expected: format!("at least {rows}×{columns} pixels"),
                got: format!("{}×{}", self.height, self.width),
                hint: "give a larger image".into(),
            });
        }
        let values = feature.compute(&plane).values;
        Image::new(self.height, self.width, values.into_iter().map(|v| v as f32).collect())
    }

    fn plane(&self) -> Result<Plane> {
        let Image { height, width, pixels } = self;
        if let Some(odd) = pixels.iter().find(|pixel| !pixel.is_finite()) {
            let expected = "finite amplitudes".into();
            return Err(Error::Config { field: "pixel", got: odd.to_string(), expected });
        }
        check_size("Image::feature", *height, *width, pixels.len())?;
        let values = pixels.iter().map(|&pixel| f64::from(pixel)).collect();
        Ok(Plane { height: *height, width: *width, values })
    }
}
