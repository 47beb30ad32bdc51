//! Messages and services of the Terraform plugin protocol, of go-plugin, and of the public gRPC services that the
//! provider asks of a gateway. No logic lives here.
//!
//! The `.proto` files in `proto/` are our own text of public contracts, each naming its source; the Rust code in
//! `src/generated/` is checked in and written by `cargo xtask codegen`. Servers and clients are generated for every
//! service; a client takes any [`tonic::client::GrpcService`], so the caller owns connection and TLS.
//!
//! Used by the provider's `plugin` and `protocol` modules, by its gRPC data source, by the sandbox and by the plugin
//! host of the acceptance tests. Nothing else may look inside these types.
//!
//! Maps are ordered, `google.protobuf.Timestamp` is [`prost_types::Timestamp`], `google.protobuf.Empty` is `()`. The
//! values a practitioner hands over ([`tfplugin6::DynamicValue`], [`tfplugin6::RawState`]) do not show in `Debug`.

use std::fmt;

/// Wraps one generated file: its text is not ours to lint or to document.
macro_rules! generated {
    ($(#[$doc:meta])* $name:ident, $file:literal) => {
        $(#[$doc])*
        #[allow(
            missing_docs,
            unreachable_pub,
            unused_qualifications,
            elided_lifetimes_in_paths,
            missing_debug_implementations,
            rustdoc::all,
            clippy::all,
            clippy::restriction,
            clippy::pedantic,
            reason = "generated code; which of these lints fire depends on the generator's version"
        )]
        pub mod $name {
            include!(concat!("generated/", $file));
        }
    };
}

generated!(
    /// The Terraform plugin protocol 6.11 (package `tfplugin6`): what a host calls on a provider.
    ///
    /// Every method of [`provider_server::Provider`](tfplugin6::provider_server::Provider) has a default that answers
    /// `UNIMPLEMENTED`; server streams are [`tonic::codegen::BoxStream`].
    tfplugin6,
    "tfplugin6.rs"
);
generated!(
    /// go-plugin's own services (package `plugin`): shutdown, standard streams, connection broker.
    plugin,
    "plugin.rs"
);
generated!(
    /// The gRPC health checking protocol (package `grpc.health.v1`).
    health_v1,
    "grpc.health.v1.rs"
);
generated!(
    /// gRPC server reflection, version 1 (package `grpc.reflection.v1`).
    reflection_v1,
    "grpc.reflection.v1.rs"
);
generated!(
    /// gRPC server reflection before version 1 (package `grpc.reflection.v1alpha`).
    reflection_v1alpha,
    "grpc.reflection.v1alpha.rs"
);

/// Shows sizes only: the bytes hold configuration and state, secrets included.
impl fmt::Debug for tfplugin6::DynamicValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamicValue")
            .field("msgpack_bytes", &self.msgpack.len())
            .field("json_bytes", &self.json.len())
            .finish()
    }
}

/// Shows sizes only: the bytes hold state, secrets included.
impl fmt::Debug for tfplugin6::RawState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawState")
            .field("json_bytes", &self.json.len())
            .field("flatmap_entries", &self.flatmap.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::tfplugin6::{DynamicValue, RawState, apply_resource_change};

    #[test]
    fn debug_of_a_request_does_not_show_values() {
        let value = DynamicValue { msgpack: b"hunter2".to_vec(), json: b"hunter2".to_vec() };
        let state = RawState {
            json: b"hunter2".to_vec(),
            flatmap: [("password".to_owned(), "hunter2".to_owned())].into_iter().collect(),
        };
        let request = apply_resource_change::Request { planned_state: Some(value), ..Default::default() };

        let text = format!("{request:?} {state:?}");

        assert!(text.contains("msgpack_bytes: 7") && text.contains("flatmap_entries: 1"), "{text}");
        for spelling in ["hunter2", "password", "104, 117, 110, 116"] {
            assert!(!text.contains(spelling), "{text}");
        }
    }
}
