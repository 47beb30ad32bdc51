//! What becomes of each field of the ApplicationSet: the list that the guide "Field coverage" shows, held against `testdata/`.

use crate::resources::coverage::Handled::{LeftOut, PassedThrough, Typed};
use crate::resources::coverage::{Coverage, Field};

const fn typed(name: &'static str, attribute: &'static str) -> Field {
    Field { name, handled: Typed(attribute) }
}

const fn passed(name: &'static str) -> Field {
    Field { name, handled: PassedThrough("spec_json") }
}

const fn left_out(name: &'static str, reason: &'static str) -> Field {
    Field { name, handled: LeftOut(reason) }
}

/// The ApplicationSet.
pub(crate) const APPLICATION_SET: Coverage = Coverage {
    object: "ApplicationSet",
    resource: "ackone_application_set",
    fields: &[
        typed("metadata.name", "name"),
        typed("metadata.namespace", "namespace"),
        typed("metadata.labels", "labels"),
        typed("metadata.annotations", "annotations"),
        left_out("spec.goTemplate", "Always true with typed attributes; without them it is in `spec_json`."),
        typed("spec.goTemplateOptions", "go_template_options"),
        typed("spec.generators[].clusters.selector", "cluster_selector"),
        passed("spec.generators[].clusters.values"),
        passed("spec.generators[].clusters.flatList"),
        passed(
            "spec.generators[]: list, git, matrix, merge, scmProvider, pullRequest, clusterDecisionResource, plugin",
        ),
        typed("spec.template.metadata.name", "application_name"),
        left_out(
            "spec.template.metadata.namespace",
            "Argo CD makes Applications in the namespace of the set, whatever it says.",
        ),
        passed("spec.template.metadata: labels, annotations, finalizers"),
        typed("spec.template.spec.project", "project"),
        typed("spec.template.spec.source.repoURL", "source"),
        typed("spec.template.spec.source.path", "source"),
        typed("spec.template.spec.source.targetRevision", "source"),
        typed("spec.template.spec.source.chart", "source"),
        typed("spec.template.spec.source.directory", "source"),
        passed("spec.template.spec.source: helm, kustomize, plugin"),
        passed("spec.template.spec.sources"),
        typed("spec.template.spec.destination.name", "destination"),
        typed("spec.template.spec.destination.server", "destination"),
        typed("spec.template.spec.destination.namespace", "destination"),
        typed("spec.template.spec.syncPolicy.automated", "sync_policy"),
        typed("spec.template.spec.syncPolicy.syncOptions", "sync_policy"),
        typed("spec.template.spec.syncPolicy.retry", "sync_policy"),
        typed("spec.template.spec.syncPolicy.managedNamespaceMetadata", "sync_policy"),
        passed("spec.template.spec: ignoreDifferences, info, revisionHistoryLimit, sourceHydrator"),
        typed("spec.syncPolicy.preserveResourcesOnDeletion", "preserve_resources_on_deletion"),
        passed("spec.syncPolicy.applicationsSync"),
        passed("spec.strategy"),
        passed("spec: preservedFields, ignoreApplicationDifferences, templatePatch, applyNestedSelectors"),
        left_out("status", "Argo CD's own; `ready`, `reason` and `applications` are made from it."),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_typed_or_left_out_for_a_reason() {
        crate::resources::testing::holds_coverage(&APPLICATION_SET, include_str!("testdata/fields.tsv"));
    }
}
