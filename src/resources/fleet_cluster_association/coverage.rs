//! What becomes of each field of the Fleet member (AttachClusterToHub): the list that the guide "Field coverage" shows, held against `testdata/`.

use crate::resources::coverage::Handled::{LeftOut, Typed};
use crate::resources::coverage::{Coverage, Field};

/// The Fleet member (AttachClusterToHub).
pub(crate) const MEMBER: Coverage = Coverage {
    object: "Fleet member (AttachClusterToHub)",
    resource: "ackone_fleet_cluster_association",
    fields: &[
        Field { name: "ClusterId", handled: Typed("fleet_id") },
        Field { name: "ClusterIds", handled: Typed("cluster_id") },
        Field { name: "AttachToMesh", handled: LeftOut("Service mesh is another product; the gateway needs none.") },
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_typed_or_left_out_for_a_reason() {
        crate::resources::testing::holds_coverage(&MEMBER, include_str!("testdata/fields.tsv"));
    }
}
