//! The whole job on a folder of clouds.

use std::fs;

use tgs_salt::prelude::*;

use crate::{Folder, jpeg};

#[test]
fn the_recipe_for_clouds_goes_from_the_folder_to_the_submission() {
    let folder = Folder(tempfile::tempdir().unwrap());
    let (mut labels, mut asked) = (String::new(), String::new());
    for i in 0..10 {
        folder.write(&format!("train_images/{i}.jpg"), jpeg(60, 90));
        for (class, name) in ["Fish", "Flower", "Gravel", "Sugar"].iter().enumerate() {
            let runs = if (i + class) % 2 == 0 { "1 600" } else { "" };
            labels += &format!("{i}.jpg_{name},{runs}\n");
            asked += &if i < 2 { format!("x{i}.jpg_{name},1 1\n") } else { String::new() };
        }
    }
    folder.labels(&labels);
    folder.write("test_images/x0.jpg", jpeg(60, 90));
    folder.write("test_images/x1.jpg", jpeg(60, 90));
    folder.write("sample_submission.csv", format!("Image_Label,EncodedPixels\n{asked}"));

    let path = folder.path().join("submission.csv");
    let recipe = RunConfig::recipe(Recipe::CloudsNested);
    assert!(recipe.rule.dice && recipe.rule.min_size);
    let tiny = recipe.architecture.clone().depth(2).base_filters(2).input_size(32, 48);
    let train = recipe.train.clone().epochs(1).run_folder(folder.path().join("run"));
    let config = recipe.architecture(tiny).train(train).submission(&path);
    let report = tgs_salt::run(folder.path(), &config).unwrap();
    assert_eq!(report.rules.class_names, ["Fish", "Flower", "Gravel", "Sugar"]);
    assert_eq!((report.rules.chosen.len(), report.all_empty), (4, 0.5));
    let dice = report.rules.chosen.iter().map(|chosen| chosen.score.dice).sum::<f64>() / 4.0;
    assert_eq!(report.score.dice, dice);
    assert!(format!("{report:?}").contains("\nGravel: above "), "{report:?}");
    let text = fs::read_to_string(&path).unwrap();
    let name = |line: &str| line.split(',').next().unwrap_or_default().to_owned();
    let rows: Vec<String> = text.lines().map(name).collect();
    let expected: Vec<String> =
        std::iter::once("Image_Label".into()).chain(asked.lines().map(name)).collect();
    assert_eq!(rows, expected);
    // A network for salt says so before anything is trained.
    let line = tgs_salt::run(folder.path(), &RunConfig::default()).unwrap_err().to_string();
    assert!(line.contains("classes"), "{line}");
}
