//! Consuming setters of the fields of a settings struct.

/// `setters! { Settings, /// What it is. name: Type, … }`: a method per field, with the field's name.
macro_rules! setters {
    ($settings:ident, $($(#[$doc:meta])+ $field:ident: $kind:ty,)+) => {
        $(
            $(#[$doc])+
            pub fn $field(mut self, $field: $kind) -> $settings {
                self.$field = $field;
                self
            }
        )+
    };
}
