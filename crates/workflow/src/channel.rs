//! Channels: the fields of a state, each with a reducer.

/// Adds the new items behind the old ones.
pub fn append<T>(old: &mut Vec<T>, new: Vec<T>) {
    old.extend(new);
}

/// Adds the new number to the old one.
pub fn add<T: std::ops::AddAssign>(old: &mut T, new: T) {
    *old += new;
}

/// Keeps the larger of both.
pub fn maximum<T: PartialOrd>(old: &mut T, new: T) {
    if new > *old {
        *old = new;
    }
}

/// Adds the new entries, which replace old ones of the same key.
pub fn merge<K: Ord, V>(old: &mut std::collections::BTreeMap<K, V>, new: std::collections::BTreeMap<K, V>) {
    old.extend(new);
}

/// Defines a state whose fields are channels, and its update, in which each field that is set is a write.
///
/// `field: Type => reducer` names a function `fn(&mut Type, Type)`, for example [`append`](crate::append) or
/// [`add`](crate::add). A field without one holds the last value, and may be written by one node per superstep.
///
/// ```
/// use workflow::{WorkflowState, append};
///
/// workflow::channels! {
///     #[derive(Debug, Default, PartialEq)]
///     pub struct Draft, DraftUpdate {
///         title: String,
///         notes: Vec<String> => append,
///     }
/// }
///
/// let mut draft = Draft::default();
/// draft.apply(DraftUpdate { notes: Some(vec!["short".into()]), ..Default::default() });
/// draft.apply(DraftUpdate { title: Some("On ink".into()), notes: Some(vec!["dry".into()]) });
/// assert_eq!(draft, Draft { title: "On ink".into(), notes: vec!["short".into(), "dry".into()] });
/// ```
#[macro_export]
macro_rules! channels {
    (
        $(#[$meta:meta])*
        $visibility:vis struct $state:ident, $update:ident {
            $($(#[$field_meta:meta])* $field:ident: $type:ty $(=> $reducer:path)?),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, ::serde::Serialize, ::serde::Deserialize)]
        $visibility struct $state {
            $($(#[$field_meta])* pub $field: $type),+
        }

        /// What a node changes: the channels that are set.
        #[derive(Debug, Clone, Default, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(default)]
        $visibility struct $update {
            $(#[serde(skip_serializing_if = "Option::is_none")] pub $field: Option<$type>),+
        }

        impl $crate::WorkflowState for $state {
            type Update = $update;

            fn apply(&mut self, update: $update) {
                $(if let Some(value) = update.$field {
                    $crate::channels!(@reduce self.$field, value $(, $reducer)?);
                })+
            }

            fn exclusive_writes(&self, update: &$update) -> Vec<String> {
                let mut written = Vec::new();
                $($crate::channels!(@exclusive written, update.$field, $field $(, $reducer)?);)+
                written
            }
        }
    };
    (@reduce $old:expr, $new:expr) => { $old = $new };
    (@reduce $old:expr, $new:expr, $reducer:path) => { $reducer(&mut $old, $new) };
    (@exclusive $written:ident, $value:expr, $name:ident) => {
        if $value.is_some() {
            $written.push(stringify!($name).to_owned());
        }
    };
    (@exclusive $written:ident, $value:expr, $name:ident, $reducer:path) => {};
}
