//! Attributes of `ackone_tls_secret`.

use std::time::Duration;

use super::model::{RENEW_BEFORE_DAYS, VALIDITY_DAYS};
use super::rules;
use crate::framework::resource::timeouts_attribute;
use crate::framework::schema::{Attribute, IdentityAttribute, IdentitySchema, Nesting, OnUpdate, Schema};
use crate::framework::types::Type;
use crate::framework::value::Value;
use crate::resources::kubernetes_attributes as shared;

/// Default of `timeouts.create` and `timeouts.update`.
pub(super) const WRITE_TIMEOUT: Duration = Duration::from_mins(5);
/// Default of `timeouts.delete`.
pub(super) const DELETE_TIMEOUT: Duration = Duration::from_mins(5);

pub(super) fn schema() -> Schema {
    let mut attributes = vec![
        shared::id("`<namespace>/<name>`."),
        shared::fleet_id(),
        Attribute::string("namespace", "Namespace of the Secret: that of the Ingresses which name it.")
            .required()
            .replaces()
            .check(shared::label_name("Namespace")),
        Attribute::string("name", "Name of the Secret, for `tls` of Ingresses.")
            .required()
            .replaces()
            .check(shared::untagged_name("Secret")),
    ];
    attributes.extend(material());
    attributes.extend([
        shared::labels("Secret"),
        shared::annotations("Secret"),
        Attribute::bool(
            "ignore_users",
            "Whether a delete goes on although Ingresses of the namespace still name the Secret. Without its Secret an Ingress \
             stops its whole gateway from being reconciled. Default `false`. It must be applied before the delete.",
        )
        .default_value(Value::Bool(false))
        .local(),
        shared::adopt("a Secret of type `kubernetes.io/tls`"),
        timeouts_attribute(WRITE_TIMEOUT, WRITE_TIMEOUT, DELETE_TIMEOUT),
    ]);
    attributes.extend(computed());
    Schema::new(
        "A Secret of type `kubernetes.io/tls` in an ACK One Fleet: the certificate and key that a gateway serves. Give either a \
         certificate with its key, or `self_signed`.",
        attributes,
    )
}

fn material() -> [Attribute; 5] {
    [
        Attribute::string(
            "certificate_pem",
            "Certificate chain as PEM, the server's own certificate first. It must have a common name, which the ALB certificate \
             service requires. With `self_signed` it is computed.",
        )
        .optional_computed()
        .same_if(rules::same_certificates)
        .check(rules::certificate),
        Attribute::string(
            "private_key_pem_wo",
            "Private key as PEM (PKCS#8, PKCS#1 or SEC 1; RSA or ECDSA), write-only: it is in neither plan nor state, and may \
             come from an ephemeral resource. Needs Terraform 1.11 or later. A changed key is found by a keyed digest; changed \
             keys in the Secret too.",
        )
        .write_only()
        .check(rules::private_key),
        Attribute::string(
            "private_key_pem_wo_version",
            "Version of `private_key_pem_wo`, any text or number. With it, only a new version or a new certificate updates the \
             key: for keys that a source makes afresh in every run.",
        ),
        Attribute::string(
            "private_key_pem",
            "Private key as PEM, kept in state as a sensitive value: for hosts without write-only attributes.",
        )
        .sensitive()
        .same_if(rules::same_keys)
        .check(rules::private_key),
        Attribute::nested(
            "self_signed",
            Nesting::Single,
            vec![
                Attribute::string("common_name", "Common name, usually the host. Up to 64 characters.")
                    .required()
                    .check(rules::common_name),
                Attribute::value(
                    "dns_names",
                    Type::set(Type::String),
                    "Further DNS names, wildcards included. The common name is always one of the names.",
                )
                .check_each(rules::dns_name),
                Attribute::string("organization", "Organization of the subject. Up to 64 characters.")
                    .check(rules::organization),
                Attribute::number("validity_days", "Days from its making until the certificate ends. Default `365`.")
                    .default_value(Value::int(VALIDITY_DAYS))
                    .check(rules::days),
                Attribute::number(
                    "renew_before_days",
                    "Days before its end from which a plan renews the certificate. Default `30`.",
                )
                .default_value(Value::int(RENEW_BEFORE_DAYS))
                .check(rules::days),
                Attribute::string(
                    "key_algorithm",
                    "`RSA_2048` (the default, accepted by every client), `RSA_3072`, `RSA_4096`, `ECDSA_P256` or `ECDSA_P384`.",
                )
                .default_value(Value::string("RSA_2048"))
                .check(shared::one_of(
                    "Invalid Key Algorithm",
                    &["RSA_2048", "RSA_3072", "RSA_4096", "ECDSA_P256", "ECDSA_P384"],
                )),
            ],
            "Makes a self-signed certificate and its key during apply. The key is only in the Secret, never in plan or state. The \
             certificate is renewed in place, with a new key, when it is near its end or any of these values changes.",
        ),
    ]
}

fn computed() -> [Attribute; 10] {
    [
        Attribute::string("subject_common_name", "Common name of the certificate.").computed().on_update(OnUpdate::Hold),
        Attribute::value("dns_names", Type::list(Type::String), "DNS names of the certificate.")
            .computed()
            .on_update(OnUpdate::Hold),
        Attribute::string("issuer", "Issuer of the certificate.").computed().on_update(OnUpdate::Hold),
        Attribute::string("serial", "Serial number of the certificate, in hex.").computed().on_update(OnUpdate::Hold),
        Attribute::string("not_before", "Start of its validity, RFC 3339.").computed().on_update(OnUpdate::Hold),
        Attribute::string("not_after", "End of its validity, RFC 3339.").computed().on_update(OnUpdate::Hold),
        Attribute::string("fingerprint_sha256", "SHA-256 of the certificate (DER), in hex.")
            .computed()
            .on_update(OnUpdate::Hold),
        Attribute::bool(
            "renewal_due",
            "Whether the last refresh found that the next apply has to make a new self-signed certificate. Always `false` for a \
             certificate of your own.",
        )
        .computed()
        .on_update(OnUpdate::Recompute),
        shared::effective_labels().on_update(OnUpdate::Hold),
        shared::effective_annotations().on_update(OnUpdate::Hold),
    ]
}

pub(super) fn identity_schema() -> IdentitySchema {
    let entry = |name, required_for_import, description| IdentityAttribute { name, required_for_import, description };
    IdentitySchema {
        version: 0,
        attributes: vec![
            entry("fleet_id", false, "The Fleet that holds the Secret."),
            entry("namespace", true, "Namespace of the Secret."),
            entry("name", true, "Name of the Secret."),
        ],
    }
}
