//! What every layer needs to write a log event: the names of the fields, and a wrapper for values that must not show.
//!
//! Used by all modules together with `tracing`; `plugin::logging` turns events into lines. Nothing here writes anything.
//! HashiCorp's field names (`tf_…`) are those of terraform-plugin-log and terraform-plugin-go (`internal/logging/keys.go`),
//! so that a reader of Terraform's log can filter our lines like those of any provider. A constant is used as
//! `debug!({ keys::RPC } = name, "…")`.

use std::fmt;

/// Field names of log events and spans.
pub mod keys {
    /// Name of the RPC, such as `PlanResourceChange`.
    pub const RPC: &str = "tf_rpc";
    /// Identifier of one call, the same on all its lines.
    pub const REQUEST_ID: &str = "tf_req_id";
    /// Duration of a finished call in milliseconds.
    pub const REQUEST_DURATION_MS: &str = "tf_req_duration_ms";
    /// Address of the provider, as users write it in `required_providers`.
    pub const PROVIDER_ADDRESS: &str = "tf_provider_addr";
    /// Protocol version spoken, such as `6.11`.
    pub const PROTOCOL_VERSION: &str = "tf_proto_version";
    /// Managed resource type of the call.
    pub const RESOURCE_TYPE: &str = "tf_resource_type";
    /// Data source type of the call.
    pub const DATA_SOURCE_TYPE: &str = "tf_data_source_type";
    /// Ephemeral resource type of the call.
    pub const EPHEMERAL_RESOURCE_TYPE: &str = "tf_ephemeral_resource_type";
    /// Name of the called function.
    pub const FUNCTION_NAME: &str = "tf_function_name";
    /// Place in the configuration.
    pub const ATTRIBUTE_PATH: &str = "tf_attribute_path";
    /// Number of error diagnostics in an answer.
    pub const DIAGNOSTIC_ERROR_COUNT: &str = "diagnostic_error_count";
    /// Number of warning diagnostics in an answer.
    pub const DIAGNOSTIC_WARNING_COUNT: &str = "diagnostic_warning_count";
    /// Summary of a diagnostic.
    pub const DIAGNOSTIC_SUMMARY: &str = "diagnostic_summary";
    /// Cause of a failure.
    pub const ERROR: &str = "error";
    /// Alibaba Cloud action, in the service's spelling.
    pub const CLOUD_ACTION: &str = "cloud_action";
    /// Request ID that Alibaba Cloud answered with.
    pub const CLOUD_REQUEST_ID: &str = "cloud_request_id";
    /// Error code that Alibaba Cloud answered with.
    pub const CLOUD_CODE: &str = "cloud_code";
    /// Kind of the Kubernetes object.
    pub const K8S_KIND: &str = "k8s_kind";
    /// Name of the Kubernetes object.
    pub const K8S_NAME: &str = "k8s_name";
}

/// A value that may travel through code that prints, but never shows in its output.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Redacted<T>(T);

impl<T> Redacted<T> {
    /// Hides a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The hidden value, for the one place that needs it.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(redacted)")
    }
}

impl<T> fmt::Display for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::Redacted;

    #[test]
    fn a_redacted_value_shows_in_no_format() {
        let secret = Redacted::new("hunter2");
        assert_eq!(format!("{secret} {secret:?} {secret:#?}"), "(redacted) (redacted) (redacted)");
        assert_eq!(*secret.expose(), "hunter2");
    }
}
