//! Messages of `ackone_namespace`.

use super::{Message, error, warning};

pub(super) const MESSAGES: &[Message] = &[
    error(
        "Namespace in Use",
        "force_delete",
        "Ingresses, Secrets or Services remain in the Namespace, and a delete would take them along.",
        "Delete them first, let resources take their namespace from ackone_namespace, or apply force_delete = true before.",
    ),
    warning(
        "Namespace in Use Is Replaced",
        "the resource",
        "The Namespace is replaced by one of the same name although objects remain in it; they go with the old one.",
        "Make sure that what it held is made anew.",
    ),
    warning(
        "Namespace Not Looked Through",
        "the resource",
        "What remains in the Namespace could not be listed; the error beside it says why.",
        "Grant list on Ingresses, Secrets and Services, or apply force_delete = true first.",
    ),
];
