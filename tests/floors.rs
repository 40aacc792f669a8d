//! The house rules that a compiler does not check: imports point down, files and functions stay short.

use std::path::{Path, PathBuf};

/// Modules by floor, from the ground up. Modules of one floor do not import each other.
const FLOORS: [&[&str]; 10] = [
    &["error", "setters"],
    &["types"],
    &["io", "synthetic", "metrics", "transform", "postprocess"],
    &["nn"],
    &["losses"],
    &["models"],
    &["inference"],
    &["training"],
    &["plot"],
    &["pipeline"],
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = vec![];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(sources(&path)),
            false if path.extension().is_some_and(|extension| extension == "rs") => files.push(path),
            false => {}
        }
    }
    files.sort();
    files
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn module_of(path: &Path) -> String {
    let first = path.strip_prefix(src()).unwrap().components().next().unwrap();
    first.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_string()
}

fn floor_of(module: &str) -> Option<usize> {
    FLOORS.iter().position(|modules| modules.contains(&module))
}

/// Every `crate::module` that the code outside tests and comments names.
fn imports(source: &str) -> Vec<String> {
    let code = source.split("\nmod tests").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let name = |rest: &str| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    lines.flat_map(|line| line.split("crate::").skip(1).map(name).collect::<Vec<_>>()).collect()
}

#[test]
fn imports_point_strictly_down() {
    let mut wrong = vec![];
    for path in sources(&src()) {
        let module = module_of(&path);
        if ["lib", "prelude"].contains(&module.as_str()) {
            continue;
        }
        let floor =
            floor_of(&module).unwrap_or_else(|| panic!("{module} is on no floor; see tests/floors.rs"));
        for import in imports(&std::fs::read_to_string(&path).unwrap()) {
            let is_down = floor_of(&import).is_none_or(|other| other < floor);
            if import != module && !is_down {
                wrong.push(format!("{} imports {import}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "imports that go up or sideways:\n{}", wrong.join("\n"));
}

#[test]
fn the_scan_sees_imports() {
    let source = "use crate::types::Mask;\n// crate::plot\nlet x = crate::io::y();\n#[cfg(test)]\nmod tests { use crate::plot; }";
    assert_eq!(imports(source), ["types", "io"]);
    assert!(floor_of("types") < floor_of("io") && floor_of("nobody").is_none());
}

#[test]
fn files_stay_within_300_lines() {
    let length = |path: &PathBuf| std::fs::read_to_string(path).unwrap().lines().count();
    let long: Vec<String> = sources(&src())
        .iter()
        .filter(|path| length(path) > 300)
        .map(|path| format!("{}: {} lines", path.display(), length(path)))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn functions_stay_within_40_lines() {
    let mut long = vec![];
    for path in sources(&src()) {
        let source = std::fs::read_to_string(&path).unwrap();
        let code = source.split("\nmod tests").next().unwrap_or_default();
        let lines: Vec<&str> = code.lines().collect();
        for (start, line) in lines.iter().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let is_fn = line.contains("fn ") && !line.trim_start().starts_with("//") && !line.ends_with(';');
            let close = format!("{}}}", " ".repeat(indent));
            if is_fn
                && let Some(length) = lines[start..].iter().position(|line| *line == close)
                && length + 1 > 40
                && !line.trim_end().ends_with('}')
            {
                long.push(format!("{}:{}: {} lines", path.display(), start + 1, length + 1));
            }
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}
