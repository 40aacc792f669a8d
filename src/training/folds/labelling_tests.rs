use super::*;

fn mask(pixels: [u8; 4]) -> Mask {
    Mask::new(2, 2, pixels.to_vec()).unwrap()
}

fn probabilities(maps: &[[f32; 4]]) -> Probabilities {
    let ids = (0..maps.len()).map(|i| format!("id{i}")).collect();
    Probabilities::new(ids, maps.iter().map(|map| Image::new(2, 2, map.to_vec()).unwrap()).collect())
}

fn trusted(all: &[Probabilities], trust: Trust) -> Vec<bool> {
    let config = PseudoLabels::default().trust(trust);
    trusted_masks(all, &config).unwrap().iter().map(Option::is_some).collect()
}

#[test]
fn confidence_counts_sure_pixels_of_the_mean() {
    let maps = [[0.1, 0.9, 0.5, 0.05], [0.3, 0.7, 0.1, 0.9], [0.01, 0.02, 0.03, 0.04]];
    let trust = |share| Trust::Confidence { low: 0.2, high: 0.8, share };
    assert_eq!(trusted(&[probabilities(&maps)], trust(0.75)), [true, false, true]);
    assert_eq!(trusted(&[probabilities(&maps)], trust(0.5)), [true, true, true]);
    assert_eq!(trusted(&[probabilities(&maps)], trust(1.0)), [false, false, true]);
    let opposite = maps.map(|map| map.map(|p| 1.0 - p));
    assert_eq!(trusted(&[probabilities(&maps), probabilities(&opposite)], trust(0.5)), [false; 3]);
}

#[test]
fn agreement_is_the_mean_iou_of_all_pairs() {
    let [one, two, none] = [mask([1, 0, 0, 0]), mask([1, 1, 0, 0]), mask([0; 4])];
    assert_eq!(agreement(&[&none, &none]).unwrap(), 1.0);
    assert_eq!(agreement(&[&one, &two]).unwrap(), 0.5);
    assert_eq!(agreement(&[&one, &none]).unwrap(), 0.0);
    assert_eq!(agreement(&[&one, &two, &two]).unwrap(), 2.0 / 3.0);
    let (low, high) = (probabilities(&[[0.9, 0.1, 0.1, 0.1]]), probabilities(&[[0.9, 0.9, 0.1, 0.1]]));
    assert_eq!(trusted(&[low.clone(), high.clone()], Trust::Agreement { iou: 0.5 }), [true]);
    assert_eq!(trusted(&[low, high], Trust::Agreement { iou: 0.51 }), [false]);
}

#[test]
fn labels_are_kept_at_the_share_of_training() {
    // Empty and filled ones by turns, as long as there are both.
    let labels = |empty: usize, filled: usize| {
        let kinds = (0..empty.max(filled)).flat_map(|i| [(i < empty, [0; 4]), (i < filled, [1, 0, 0, 0])]);
        let kinds = kinds.enumerate().filter(|(_, (is_there, _))| *is_there);
        kinds.map(|(i, (_, pixels))| (i, Label::of(&mask(pixels)))).collect::<Vec<_>>()
    };
    for (empty, filled, share) in
        [(60, 30, 0.4), (10, 90, 0.4), (20, 30, 0.4), (7, 5, 0.0), (7, 5, 1.0), (0, 9, 0.4)]
    {
        let kept = balanced(labels(empty, filled), share, 1);
        let kept_empty = kept.iter().filter(|(_, label)| label.is_empty()).count();
        let kept_filled = kept.len() - kept_empty;
        assert!(kept.windows(2).all(|pair| pair[0].0 < pair[1].0), "in order");
        assert!((kept_empty as f64 - share * kept.len() as f64).abs() <= 0.5, "{kept_empty} + {kept_filled}");
        assert!(kept_empty == empty || kept_filled == filled, "one kind is kept whole");
    }
    let ids = |seed| balanced(labels(60, 30), 0.4, seed).iter().map(|(i, _)| *i).collect::<Vec<_>>();
    assert_eq!(ids(1), ids(1));
    assert_ne!(ids(1), ids(2));
}
