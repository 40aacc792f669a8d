//! Colour maps: from an amplitude or a probability in `[0, 1]` to a colour.

/// How a grey image is coloured. Every map takes a value in `[0, 1]`.
///
/// ```
/// use tgs_salt::plot::Colormap;
/// assert_eq!(Colormap::Grey.rgb(1.0), [255, 255, 255]);
/// assert_eq!(Colormap::Seismic.rgb(0.5), [255, 255, 255]); // zero amplitude is white
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colormap {
    /// Black to white.
    Grey,
    /// Blue, white, red, as geophysicists look at reflections: 0.5 is zero amplitude and white.
    Seismic,
    /// Dark blue over green to yellow, equally steep everywhere: for probabilities.
    Probability,
}

/// What stands for a value that is not a number: a colour that no map has.
const NOT_A_NUMBER: [u8; 3] = [255, 0, 255];

impl Colormap {
    /// The colour of `value`; what is outside of `[0, 1]` gets the colour of the nearer end, NaN gets magenta.
    pub fn rgb(self, value: f32) -> [u8; 3] {
        if value.is_nan() {
            return NOT_A_NUMBER;
        }
        let stops = self.stops();
        let at = value.clamp(0.0, 1.0) * (stops.len() - 1) as f32;
        let below = (at as usize).min(stops.len() - 2);
        let share = at - below as f32;
        std::array::from_fn(|c| {
            let (low, high) = (f32::from(stops[below][c]), f32::from(stops[below + 1][c]));
            (low + share * (high - low)).round() as u8
        })
    }

    /// Equally spaced colours, at least two.
    fn stops(self) -> &'static [[u8; 3]] {
        match self {
            Colormap::Grey => &[[0, 0, 0], [255, 255, 255]],
            Colormap::Seismic => &[[0, 0, 77], [0, 0, 255], [255, 255, 255], [255, 0, 0], [128, 0, 0]],
            Colormap::Probability => {
                &[[68, 1, 84], [65, 68, 135], [42, 120, 142], [34, 168, 132], [122, 209, 81], [253, 231, 37]]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seismic_is_blue_white_red() {
        let [low, zero, high] = [0.25, 0.5, 0.75].map(|v| Colormap::Seismic.rgb(v));
        assert_eq!([low, zero, high], [[0, 0, 255], [255, 255, 255], [255, 0, 0]]);
    }

    #[test]
    fn ends_hold_what_is_outside_and_nan_stands_out() {
        for map in [Colormap::Grey, Colormap::Seismic, Colormap::Probability] {
            assert_eq!(map.rgb(-3.0), map.rgb(0.0));
            assert_eq!(map.rgb(f32::INFINITY), map.rgb(1.0));
            assert_eq!(map.rgb(f32::NAN), NOT_A_NUMBER);
            assert!((0..=1000).all(|v| map.rgb(v as f32 / 1000.0) != NOT_A_NUMBER));
        }
    }

    #[test]
    fn grey_and_probability_get_brighter() {
        let brightness = |c: [u8; 3]| 299 * c[0] as u32 + 587 * c[1] as u32 + 114 * c[2] as u32;
        for map in [Colormap::Grey, Colormap::Probability] {
            assert!((0..20).all(|v| {
                brightness(map.rgb(v as f32 / 20.0)) < brightness(map.rgb((v + 1) as f32 / 20.0))
            }));
        }
    }
}
