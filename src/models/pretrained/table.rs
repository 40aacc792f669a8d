//! Where the encoders' weights lie on the Hugging Face hub, and what each file has to be.

/// One file on the hub.
pub(crate) struct Source {
    /// `owner/name`.
    pub(crate) repository: &'static str,
    /// A commit, or a branch where the commit is not known.
    pub(crate) revision: &'static str,
    /// The file's name in the repository.
    pub(crate) file: &'static str,
    /// What the file has to be, whatever the revision says. Without it, the sha256 that the hub announces is checked.
    pub(crate) sha256: Option<&'static str>,
}

impl Source {
    const fn timm(repository: &'static str, revision: &'static str, sha256: Option<&'static str>) -> Source {
        Source { repository, revision, file: "model.safetensors", sha256 }
    }
}

/// torchvision's VGG-16.
pub(crate) const VGG16: Source = Source::timm(
    "timm/vgg16.tv_in1k",
    "b8d8aa2dd860af9233c8c67385a8097fd6c35d3f",
    Some("57b026918159a6bf9faf8405c3a551903768e7138989d9c6224a14227203fad8"),
);

/// torchvision's VGG-19.
pub(crate) const VGG19: Source = Source::timm("timm/vgg19.tv_in1k", "main", None);

/// ResNet-34, trained by the recipe A1 of "ResNet strikes back".
pub(crate) const RESNET34: Source = Source::timm(
    "timm/resnet34.a1_in1k",
    "main",
    Some("829a220f9529d2b1ffdc8719d3273463001e0daf411eaf1916865d9db62c0ed2"),
);

/// ResNet-50, trained by the recipe A1 of "ResNet strikes back".
pub(crate) const RESNET50: Source = Source::timm(
    "timm/resnet50.a1_in1k",
    "767268603ca0cb0bfe326fa87277f19c419566ef",
    Some("773525d5821de224f8f30c33377b7a795d7863e08522698200d3217d3f2a41bb"),
);

/// torchvision's Inception v3.
pub(crate) const INCEPTION_V3: Source = Source::timm(
    "timm/inception_v3.tv_in1k",
    "main",
    Some("9c452c63a67fd03a38a78c401ba12d4be0e926df63c93403de3a29f6df20fefb"),
);

/// Keras' Xception, as Cadene carried it over to PyTorch.
pub(crate) const XCEPTION: Source = Source::timm("timm/legacy_xception.tf_in1k", "main", None);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_well_formed() {
        let is_hex = |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_hexdigit());
        for source in [VGG16, VGG19, RESNET34, RESNET50, INCEPTION_V3, XCEPTION] {
            assert!(source.repository.starts_with("timm/") && source.file == "model.safetensors");
            assert!(source.revision == "main" || is_hex(source.revision, 40), "{}", source.repository);
            assert!(source.sha256.is_none_or(|sha256| is_hex(sha256, 64)), "{}", source.repository);
        }
    }
}
