use super::*;

/// Rows of `.` and `#`.
fn mask(rows: &str) -> Mask {
    let rows: Vec<&str> = rows.split(' ').collect();
    let pixels = rows.iter().flat_map(|row| row.bytes().map(|byte| u8::from(byte == b'#'))).collect();
    Mask::new(rows.len(), rows[0].len(), pixels).unwrap()
}

fn only(name: &str) -> SeamRules {
    let on = SeamRules::NAMES.map(|other| other == name);
    assert!(on.contains(&true), "{name}");
    SeamRules::none().switched(on)
}

const ALL: SeamRules = SeamRules {
    vertical_above: true,
    full_above: true,
    none_above: true,
    part_above: true,
    vertical_below: true,
    none_below: true,
    reach: 3,
};

/// What one rule makes of a tile, in which a mask above and one below is or is not.
fn check(name: &str, tile: &str, above: Option<&str>, below: Option<&str>, expected: &str) {
    let (above, below) = (above.map(mask), below.map(mask));
    let made = |rules: SeamRules| rules.mask(&mask(tile), above.as_ref(), below.as_ref()).unwrap();
    assert_eq!(made(only(name)).pixels(), mask(expected).pixels(), "{name} of {tile}");
    assert_eq!(made(SeamRules::none()).pixels(), mask(tile).pixels(), "no rule changes a mask");
    let mut others = ALL.switches();
    others[SeamRules::NAMES.iter().position(|other| *other == name).unwrap()] = false;
    if expected != tile && below.is_none() {
        let without = made(SeamRules::none().switched(others));
        assert_eq!(without.pixels(), mask(tile).pixels(), "{name} alone decides this");
    }
}

#[test]
fn what_comes_from_above() {
    check("vertical_above", "... .#.", Some("##. ##."), None, "##. ##.");
    check("vertical_above", "... ...", Some("#.# #.#"), None, "#.# #.#");
    // Not vertical, though its lowest row is the same; nor is a full or an empty one.
    check("vertical_above", "... .#.", Some("#.. ##."), None, "... .#.");
    check("vertical_above", "... .#.", Some("### ###"), None, "... .#.");
    check("vertical_above", "... .#.", Some("... ..."), None, "... .#.");
    check("full_above", "##. .#.", Some("#.. ###"), None, "... ...");
    check("full_above", "##. .#.", Some("### ###"), None, "... ...");
    check("full_above", "##. .#.", Some("### ##."), None, "##. .#.");
    check("none_above", "##. .#.", Some("### ..."), None, "... ...");
    check("none_above", "##. .#.", Some("... ..."), None, "... ...");
    check("none_above", "##. .#.", Some("... #.."), None, "##. .#.");
    check("part_above", "... .#.", Some("#.. ##."), None, "##. ##.");
    check("part_above", "... .#.", Some("##. ##."), None, "... .#.");
}

#[test]
fn what_comes_from_below() {
    check("vertical_below", "...# #..# #..#", None, Some("##.. ##.. ##.."), "##.. ##.. ##..");
    check("vertical_below", "...# ...# ....", None, Some("##.. ##.. #..."), "...# ...# ....");
    check("vertical_below", "...# ...#", None, Some("#### ####"), "...# ...#");
    check("none_below", "##.. ##..", None, Some(".... ...."), ".... ....");
    check("none_below", "##.. ###.", None, Some(".... ...."), "##.. ###.");
    check("none_below", "##.. ##..", None, Some(".... ...#"), "##.. ##..");
}

#[test]
fn above_decides_before_below() {
    let (tile, vertical, empty) = (mask("#.. #.."), mask(".#. .#."), mask("... ..."));
    let made = |above: &Mask, below: &Mask| ALL.mask(&tile, Some(above), Some(below)).unwrap();
    assert_eq!(made(&vertical, &empty).pixels(), vertical.pixels());
    assert!(made(&empty, &empty).is_empty());
    // Known salt in the topmost row below forbids to empty the tile; the rule for below then has its say.
    assert_eq!(made(&empty, &vertical).pixels(), vertical.pixels());
    assert_eq!(made(&mask("... ###"), &mask("#.. ...")).pixels(), tile.pixels());
    assert!(made(&mask("... ###"), &mask("... #..")).is_empty());
    // Without neighbours nothing changes.
    assert_eq!(ALL.mask(&tile, None, None).unwrap().pixels(), tile.pixels());
}

#[test]
fn rules_read_well_and_sizes_have_to_agree() {
    let line = format!("{:?}", SeamRules::none().full_above(true).none_below(true).reach(1));
    assert_eq!(line, "SeamRules: full_above, none_below, known masks up to 1 above");
    assert_eq!(format!("{:?}", SeamRules::none()), "SeamRules: none");
    assert_eq!(SeamRules::none().switched(ALL.switches()), ALL);
    assert_eq!(serde_json::from_str::<SeamRules>("{}").unwrap(), SeamRules::default());
    let error = ALL.mask(&mask("##"), Some(&mask("# #")), None).unwrap_err().to_string();
    assert!(error.contains("the tile above") && error.contains("got 2×1"), "{error}");
    let two = Mask::stack(&[mask("##"), mask("##")]).unwrap();
    let error = ALL.mask(&mask("##"), None, Some(&two)).unwrap_err().to_string();
    assert!(error.contains("the tile below") && error.contains("expected 1 class"), "{error}");
}
