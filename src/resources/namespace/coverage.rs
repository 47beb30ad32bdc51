//! What becomes of each field of the Namespace: the list that the guide "Field coverage" shows, held against `testdata/`.

use crate::resources::coverage::Handled::{LeftOut, Typed};
use crate::resources::coverage::{Coverage, Field};

/// The Namespace.
pub(crate) const NAMESPACE: Coverage = Coverage {
    object: "Namespace",
    resource: "ackone_namespace",
    fields: &[
        Field { name: "metadata.name", handled: Typed("name") },
        Field { name: "metadata.labels", handled: Typed("labels") },
        Field { name: "metadata.annotations", handled: Typed("annotations") },
        Field {
            name: "metadata.finalizers",
            handled: LeftOut("Those of others; removing one would leave behind what it guards."),
        },
        Field { name: "spec.finalizers", handled: LeftOut("The namespace controller's own.") },
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_typed_or_left_out_for_a_reason() {
        crate::resources::testing::holds_coverage(&NAMESPACE, include_str!("testdata/fields.tsv"));
    }
}
