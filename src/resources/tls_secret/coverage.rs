//! What becomes of each field of the Secret: the list that the guide "Field coverage" shows, held against `testdata/`.

use crate::resources::coverage::Handled::{LeftOut, Typed};
use crate::resources::coverage::{Coverage, Field};

/// The Secret.
pub(crate) const SECRET: Coverage = Coverage {
    object: "Secret",
    resource: "ackone_tls_secret",
    fields: &[
        Field { name: "metadata.name", handled: Typed("name") },
        Field { name: "metadata.namespace", handled: Typed("namespace") },
        Field { name: "metadata.labels", handled: Typed("labels") },
        Field { name: "metadata.annotations", handled: Typed("annotations") },
        Field {
            name: "type",
            handled: LeftOut(
                "Always kubernetes.io/tls, which the API never changes; another type is another resource.",
            ),
        },
        Field { name: "data[tls.crt]", handled: Typed("certificate_pem") },
        Field { name: "data[tls.key]", handled: Typed("private_key_pem_wo") },
        Field {
            name: "stringData",
            handled: LeftOut("Another way to write data, which the API server does not keep."),
        },
        Field {
            name: "immutable",
            handled: LeftOut("Would stop every renewal; one that somebody else set is kept and told of."),
        },
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_typed_or_left_out_for_a_reason() {
        crate::resources::testing::holds_coverage(&SECRET, include_str!("testdata/fields.tsv"));
    }
}
