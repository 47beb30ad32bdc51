//! Messages of the machinery: checks of values, state, plans, and the protocol with the host.

use super::{Message, error, warning};

/// Why a message of the protocol has no golden.
const NEVER_ASKED: &str = "Terraform does not ask for what the provider does not announce";

pub(super) const MESSAGES: &[Message] = &[
    error(
        "Missing Required Value",
        "the attribute",
        "A required attribute is set to something that is null, such as an unset variable.",
        "Give it a value, or look why its source is null.",
    ),
    error(
        "Unsuitable Value",
        "the attribute",
        "A value has a shape that the attribute cannot hold.",
        "Give a value of the type that the message names.",
    )
    .not_rendered("Terraform converts or refuses values of another type itself"),
    error(
        "Invalid Duration",
        "timeouts.*, connect_timeout, request_timeout, deadline, attempt_timeout",
        "The text is no positive duration.",
        "Write a number with a unit, such as 90s, 10m or 1h30m.",
    ),
    error(
        "Invalid Choice",
        "on_failure, on_wait_timeout",
        "The value is none of the attribute's choices.",
        "Write one of those that the message lists.",
    ),
    error(
        "Write-Only Attribute Not Supported",
        "private_key_pem_wo",
        "The host is older than write-only attributes.",
        "Upgrade to Terraform or OpenTofu 1.11, or use the attribute's stored counterpart.",
    )
    .not_rendered("Terraform before 1.11 refuses write-only attributes itself, with a message of its own"),
    error(
        "Undecodable State",
        "the resource",
        "The stored state does not fit the schema.",
        "Restore it from a backup if it was edited; else report it.",
    ),
    error(
        "Unknown {} Version",
        "the resource",
        "The state was written by a newer version of the provider.",
        "Use the version that wrote it, or a newer one.",
    )
    .not_rendered("Terraform refuses a state of a newer schema version itself"),
    error(
        "Unknown State Version",
        "the resource",
        "The state has a schema version that no release has written.",
        "Use the version of the provider that wrote the state.",
    )
    .not_rendered("Terraform refuses a state of a newer schema version itself"),
    error(
        "Unsupported State Format",
        "the resource",
        "The state was written by Terraform 0.11 or earlier.",
        "Upgrade it with Terraform 0.12 first.",
    )
    .not_rendered("Terraform since 1.0 does not read such a state file"),
    error("Missing State", "the resource", "The host asked to upgrade a state without sending it.", "Report it to the host.")
        .not_rendered("Terraform always sends the state"),
    error(
        "Unsupported Move Source",
        "the moved block",
        "State of another resource type cannot be taken over.",
        "Import the object, and remove the other resource with a removed block.",
    )
    .not_rendered(NEVER_ASKED),
    warning(
        "Plan Not Checked",
        "the resource",
        "The look at the world stopped at a programming error; the plan itself is not affected.",
        "Report it.",
    )
    .not_rendered("a programming error: none is known"),
    error("Provider Panic", "the resource", "The provider stopped at a programming error.", "Report it with the log.")
        .not_rendered("a programming error: none is known"),
    error(
        "Undecodable Value",
        "the attribute",
        "The host sent a value that does not fit the schema, for instance because the provider was replaced during the run.",
        "Run the command again.",
    )
    .not_rendered("Terraform encodes by the schema that the same process gave it"),
    error("Unencodable Value", "the attribute", "The provider's answer does not fit its own schema.", "Report it.")
        .not_rendered("a programming error: none is known"),
    error(
        "Unsupported {}",
        "the block",
        "This version of the provider has no such type or function.",
        "Check the spelling and the version.",
    )
    .not_rendered(NEVER_ASKED),
    error(
        "Unsupported Configuration Generation",
        "the resource",
        "The host asked the provider to generate configuration, which it leaves to the host.",
        "Report it to the host.",
    )
    .not_rendered(NEVER_ASKED),
];
