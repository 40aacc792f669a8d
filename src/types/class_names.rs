//! What classes are called.

/// Names of classes that nobody has named.
pub(crate) fn numbered(classes: usize) -> Vec<String> {
    match classes {
        1 => vec!["salt".into()],
        _ => (1..=classes).map(|class| format!("class {class}")).collect(),
    }
}

/// The names of the classes of both: where nobody has named those of one side, of which there are as many, those of the other.
/// `None` where they are other classes.
pub(crate) fn common_names<'a>(own: &'a [String], theirs: &'a [String]) -> Option<&'a [String]> {
    let unnamed = |names: &[String]| own.len() == theirs.len() && names == numbered(names.len());
    match own == theirs || unnamed(theirs) {
        true => Some(own),
        false => unnamed(own).then_some(theirs),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_somebody_gave_count() {
        let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
        let (named, other, unnamed) = (names(&["fish", "sugar"]), names(&["fish", "gravel"]), numbered(2));
        assert_eq!(common_names(&named, &named), Some(&named[..]));
        assert_eq!(common_names(&named, &unnamed), Some(&named[..]));
        assert_eq!(common_names(&unnamed, &named), Some(&named[..]));
        assert_eq!(common_names(&named, &other), None);
        assert_eq!(common_names(&numbered(1), &named), None);
        assert_eq!(common_names(&numbered(3), &unnamed), None);
    }
}
