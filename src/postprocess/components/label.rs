//! Labels of connected pixels, by union-find in two passes.

use super::Connectivity;

/// The label of each pixel that has `value`, from 1 in the order of their first pixels, row by row; 0 for the other
/// pixels. Beside them the number of labels.
pub(super) fn label(pixels: &[u8], width: usize, value: u8, connectivity: Connectivity) -> (Vec<u32>, usize) {
    let mut labels = vec![0u32; pixels.len()];
    // The label that each provisional one was joined to: itself or a smaller one. 0 stands for no label.
    let mut parents = vec![0u32];
    for at in (0..pixels.len()).filter(|&at| pixels[at] == value) {
        let joined = before(at, width, connectivity).into_iter().flatten().map(|other| labels[other]);
        let mut own = 0;
        for other in joined.filter(|&other| other > 0) {
            own = if own == 0 { root(&mut parents, other) } else { join(&mut parents, own, other) };
        }
        if own == 0 {
            own = parents.len() as u32;
            parents.push(own);
        }
        labels[at] = own;
    }
    let (final_labels, count) = numbered(&parents);
    labels.iter_mut().for_each(|label| *label = final_labels[*label as usize]);
    (labels, count)
}

/// The neighbours that come before a pixel.
fn before(at: usize, width: usize, connectivity: Connectivity) -> [Option<usize>; 4] {
    let (is_left, is_right, has_row) = (at.is_multiple_of(width), at % width + 1 == width, at >= width);
    let diagonal = has_row && connectivity == Connectivity::Eight;
    [
        (!is_left).then(|| at - 1),
        has_row.then(|| at - width),
        (diagonal && !is_left).then(|| at - width - 1),
        (diagonal && !is_right).then(|| at - width + 1),
    ]
}

/// The label that stands for `label`; the way there is halved.
fn root(parents: &mut [u32], mut label: u32) -> u32 {
    while parents[label as usize] != label {
        let up = parents[parents[label as usize] as usize];
        parents[label as usize] = up;
        label = up;
    }
    label
}

/// Joins two labels and gives the smaller root, that of the earlier pixel.
fn join(parents: &mut [u32], a: u32, b: u32) -> u32 {
    let (a, b) = (root(parents, a), root(parents, b));
    parents[a.max(b) as usize] = a.min(b);
    a.min(b)
}

/// The final number of each provisional label. A parent is never above its label, so it has its number already.
fn numbered(parents: &[u32]) -> (Vec<u32>, usize) {
    let (mut numbers, mut count) = (vec![0u32; parents.len()], 0);
    for (label, &parent) in parents.iter().enumerate().skip(1) {
        let is_root = parent as usize == label;
        count += u32::from(is_root);
        numbers[label] = if is_root { count } else { numbers[parent as usize] };
    }
    (numbers, count as usize)
}
