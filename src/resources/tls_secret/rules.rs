//! What users may write: pure checks. No text of them contains a key or a certificate.
//!
//! Rules V52 and V53 of the ALB Ingress doctor (both keys present, PEM, matching, a common name) come from the ALB
//! certificate service, which refuses an upload otherwise; the limits of names from RFC 5280 appendix A.1.

use jiff::{SignedDuration, Timestamp};

use super::model::{Plan, RENEW_BEFORE_DAYS, VALIDITY_DAYS, facts_of};
use crate::certificate::{ChainProblem, Facts, PrivateKey, chain_problems, is_dns_name, parse_chain, same_chain};
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::model::{Attr, Secret};
use crate::framework::path::Path;
use crate::framework::schema::Problem;
use crate::framework::value::Value;

/// Longest common name and organization (RFC 5280, `ub-common-name`, `ub-organization-name`).
const MAX_NAME: usize = 64;
/// Ten years: longer is a typing error.
const MAX_DAYS: i64 = 3650;
/// An end nearer than this is warned of.
const SOON: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Whether two texts hold the same chain.
pub(super) fn same_certificates(a: &Value, b: &Value) -> bool {
    matches!((a.as_str(), b.as_str()), (Some(a), Some(b)) if same_chain(a, b))
}

/// Whether two texts hold the same key.
pub(super) fn same_keys(a: &Value, b: &Value) -> bool {
    let key = |value: &Value| value.as_str().and_then(|text| PrivateKey::from_pem(text).ok());
    matches!((key(a), key(b)), (Some(a), Some(b)) if a == b)
}

/// `certificate_pem`.
pub(super) fn certificate(value: &Value) -> Result<(), Problem> {
    let text = value.as_str().unwrap_or_default();
    if text.contains("PRIVATE KEY-----") {
        return Err(Problem::new(
            "Private Key in Certificate",
            "certificate_pem also holds a private key, which would be shown in plans and kept in state. Put the key into \
             private_key_pem_wo and leave only the certificates here.",
        ));
    }
    parse_chain(text).map(|_| ()).map_err(|error| {
        Problem::new(
            "Invalid Certificate",
            format!(
                "certificate_pem is no PEM certificate chain: {error}. Give the server's certificate, then its issuers."
            ),
        )
    })
}

/// `private_key_pem` and `private_key_pem_wo`.
pub(super) fn private_key(value: &Value) -> Result<(), Problem> {
    PrivateKey::from_pem(value.as_str().unwrap_or_default()).map(|_| ()).map_err(|error| {
        Problem::new(
            "Invalid Private Key",
            format!("The private key cannot be used: {error}. Give one unencrypted PEM key (PKCS#8, PKCS#1 or SEC 1)."),
        )
    })
}

fn short_name(what: &str, value: &Value) -> Result<(), Problem> {
    let text = value.as_str().unwrap_or_default();
    let length = text.chars().count();
    if length == 0 || length > MAX_NAME || text.chars().any(char::is_control) {
        return Err(Problem::new(
            format!("Invalid {what}"),
            format!(
                "{text:?} has {length} characters. A certificate holds 1 to {MAX_NAME}, without control characters."
            ),
        ));
    }
    Ok(())
}

/// `self_signed.common_name`.
pub(super) fn common_name(value: &Value) -> Result<(), Problem> {
    short_name("Common Name", value)
}

/// `self_signed.organization`.
pub(super) fn organization(value: &Value) -> Result<(), Problem> {
    short_name("Organization", value)
}

/// `self_signed.dns_names`.
pub(super) fn dns_name(value: &Value) -> Result<(), Problem> {
    let name = value.as_str().unwrap_or_default();
    if is_dns_name(name) {
        return Ok(());
    }
    Err(Problem::new(
        "Invalid DNS Name",
        format!(
            "{name:?} is no DNS name. Write a host such as \"grpc.example.com\", or \"*.example.com\" for one label."
        ),
    ))
}

/// `self_signed.validity_days` and `renew_before_days`.
pub(super) fn days(value: &Value) -> Result<(), Problem> {
    match value.as_i64() {
        Some(1..=MAX_DAYS) => Ok(()),
        _ => Err(Problem::new("Invalid Number of Days", format!("Write a whole number from 1 to {MAX_DAYS}."))),
    }
}

/// The configured key and the attribute that holds it.
pub(super) fn configured_key(config: &Plan) -> Option<(&Secret, Path)> {
    let write_only = config.private_key_pem_wo.known().map(|key| (key, Path::attribute("private_key_pem_wo")));
    write_only.or_else(|| config.private_key_pem.known().map(|key| (key, Path::attribute("private_key_pem"))))
}

/// What involves several attributes.
pub(super) fn validate(config: &Plan, diagnostics: &mut Diagnostics) {
    v52_both_parts(config, diagnostics);
    if config.private_key_pem_wo_version.known().is_some() && config.private_key_pem_wo.is_null() {
        diagnostics.error(
            Path::attribute("private_key_pem_wo_version"),
            "Version Without Key",
            "private_key_pem_wo_version is the version of private_key_pem_wo, which is not set. Set both or neither.",
        );
    }
    if let Some(wanted) = config.self_signed.known() {
        let days = |days: &Attr<i64>, default| match days {
            Attr::Known(days) => Some(*days),
            Attr::Null => Some(default),
            Attr::Unknown => None,
        };
        let validity = days(&wanted.validity_days, VALIDITY_DAYS);
        let before = days(&wanted.renew_before_days, RENEW_BEFORE_DAYS);
        if let (Some(validity), Some(before)) = (validity, before)
            && before >= validity
        {
            diagnostics.error(
                Path::attribute("self_signed").attr("renew_before_days"),
                "Renewal Without End",
                format!(
                    "A certificate valid for {validity} days that is renewed {before} days before its end would be renewed in \
                     every run. Choose fewer renew_before_days, or more validity_days."
                ),
            );
        }
    }
    if let Some(certificate) = config.certificate_pem.known() {
        v53_chain(certificate, diagnostics);
        if let Some((key, path)) = configured_key(config) {
            diagnostics.extend(v52_mismatch(certificate, key, path).map(Diagnostics::from).unwrap_or_default());
        }
    }
}

/// V52: the Secret has both parts, by exactly one way to come by them.
pub(super) fn v52_both_parts(config: &Plan, diagnostics: &mut Diagnostics) {
    let keys = [
        ("private_key_pem_wo", config.private_key_pem_wo.is_null(), config.private_key_pem_wo.is_unknown()),
        ("private_key_pem", config.private_key_pem.is_null(), config.private_key_pem.is_unknown()),
    ];
    let certificate = ("certificate_pem", config.certificate_pem.is_null(), config.certificate_pem.is_unknown());
    if config.self_signed.known().is_some() {
        for (name, ..) in std::iter::once(&certificate).chain(&keys).filter(|(_, null, unknown)| !null && !unknown) {
            diagnostics.error(
                Path::attribute(*name),
                "Two Sources of a Certificate",
                format!("{name} and self_signed are both set. Give a certificate with its key, or self_signed."),
            );
        }
        return;
    }
    if keys.iter().all(|(_, null, unknown)| !null && !unknown) {
        diagnostics.error(
            Path::attribute("private_key_pem"),
            "Two Private Keys",
            "private_key_pem and private_key_pem_wo are both set. Keep one: private_key_pem_wo stays out of state.",
        );
    }
    if config.self_signed.is_unknown() {
        return;
    }
    let no_key = keys.iter().all(|(_, null, _)| *null);
    match (config.certificate_pem.is_null(), no_key) {
        (true, true) => diagnostics.error(
            Path::root(),
            "No Certificate",
            "Nothing says which certificate the Secret holds. Set certificate_pem and private_key_pem_wo, or self_signed.",
        ),
        (false, true) => diagnostics.error(
            Path::attribute("certificate_pem"),
            "Certificate Without Key",
            "certificate_pem needs its private key: set private_key_pem_wo, or private_key_pem where write-only attributes are \
             not supported.",
        ),
        (true, false) => diagnostics.error(
            Path::root(),
            "Key Without Certificate",
            "The private key needs its certificate: set certificate_pem.",
        ),
        (false, false) => {}
    }
}

/// V53: the server's certificate has a common name and comes first, followed by its issuers.
pub(super) fn v53_chain(certificate_pem: &str, diagnostics: &mut Diagnostics) {
    let Ok(problems) = parse_chain(certificate_pem).and_then(|chain| chain_problems(&chain)) else { return };
    let path = || Path::attribute("certificate_pem");
    for problem in problems {
        match problem {
            ChainProblem::OutOfOrder { position, issuer, next_subject } => diagnostics.error(
                path(),
                "Certificate Chain Out of Order",
                format!(
                    "Certificate {position} was issued by {issuer:?}, but the next one is {next_subject:?}. Begin with the \
                     server's certificate and let each be followed by its issuer."
                ),
            ),
            ChainProblem::AuthorityFirst { subject } => diagnostics.error(
                path(),
                "Certificate Chain Out of Order",
                format!(
                    "The first certificate, {subject:?}, is a certificate authority's. Begin with the server's certificate and \
                     let each be followed by its issuer."
                ),
            ),
            ChainProblem::NoCommonName => diagnostics.error(
                path(),
                "Certificate Without Common Name",
                "The server's certificate has no common name, without which the ALB certificate service refuses it \
                 (HttpsCertCommonNameEmpty). Have it issued with one.",
            ),
            ChainProblem::AnotherIssuerKey { position, issuer } => diagnostics.warn(
                path(),
                "Certificate Chain Does Not Connect",
                format!(
                    "Certificate {position} was issued by {issuer:?}. The next one has that name, but by its key identifier another key, \
                     as after an authority has renewed its own certificate. Clients cannot verify such a chain. Give the issuer's \
                     certificate that came with the server's."
                ),
            ),
            ChainProblem::NoAlternativeName { common_name } => diagnostics.warn(
                path(),
                "Certificate Without Alternative Names",
                format!(
                    "The server's certificate names its host only as common name ({common_name:?}). gRPC clients and browsers look \
                     at the subject alternative names alone and refuse it. Have it issued with its hosts as DNS names."
                ),
            ),
            ChainProblem::BrokenSignature { position, algorithm } => diagnostics.warn(
                path(),
                "Weak Certificate Signature",
                format!("Certificate {position} is signed with {algorithm}, which clients no longer accept."),
            ),
            ChainProblem::ShortKey { position, bits } => diagnostics.warn(
                path(),
                "Weak Certificate Key",
                format!("Certificate {position} has an RSA key of {bits} bits; clients want at least 2048."),
            ),
            ChainProblem::UnusualKey { position, key } => diagnostics.warn(
                path(),
                "Unusual Certificate Key",
                format!(
                    "The key of certificate {position} is {key}. TLS clients and ALB take RSA, and ECDSA with curve P-256, P-384 or \
                     P-521. Have it issued for such a key."
                ),
            ),
        }
    }
}

/// V52: the key is that of the certificate. Silent about what does not parse.
pub(super) fn v52_mismatch(certificate_pem: &str, key: &Secret, path: Path) -> Option<Diagnostic> {
    let chain = parse_chain(certificate_pem).ok()?;
    let key = PrivateKey::from_pem(key.expose()).ok()?;
    let first = chain.first()?;
    if key.matches(first) {
        return None;
    }
    let detail = if chain.iter().any(|certificate| key.matches(certificate)) {
        "The private key belongs to another certificate of certificate_pem than the first one. The server's certificate must come \
         first."
    } else {
        "The private key does not belong to the first certificate of certificate_pem. Give the key that the certificate was issued \
         for."
    };
    Some(Diagnostic::error("Key Does Not Match Certificate", detail).at(path))
}

/// V53: the certificate has not expired (an error) and does not end soon, nor has an issuer's (a warning).
pub(super) fn v53_dates(certificate_pem: &str, now: Timestamp) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    let Some(facts) = facts_of(certificate_pem) else { return diagnostics };
    let path = Path::attribute("certificate_pem");
    let chain = parse_chain(certificate_pem).unwrap_or_default();
    for (index, issuer) in chain.iter().enumerate().skip(1) {
        // Clients have roots of their own, and look at no other's date.
        if let Ok(issuer) = Facts::from_der(issuer)
            && issuer.not_after <= now
            && !issuer.is_self_issued()
        {
            diagnostics.warn(
                path.clone(),
                "Issuer Certificate Expired",
                format!(
                    "Certificate {} of the chain, {:?}, ended at {}. Clients cannot verify the server's certificate with it. Give \
                     the issuer's current one.",
                    index + 1,
                    issuer.subject,
                    issuer.not_after
                ),
            );
        }
    }
    if facts.not_after <= now {
        diagnostics.error(
            path,
            "Certificate Expired",
            format!(
                "The certificate ended at {}. The ALB certificate service refuses it. Give a valid one.",
                facts.not_after
            ),
        );
    } else if facts.not_after.duration_since(now) < SOON {
        diagnostics.warn(
            path,
            "Certificate Ends Soon",
            format!("The certificate ends at {}. Have it renewed in time.", facts.not_after),
        );
    } else if facts.not_before > now {
        diagnostics.warn(
            path,
            "Certificate Not Valid Yet",
            format!("The certificate is valid from {}. Clients refuse it until then.", facts.not_before),
        );
    }
    diagnostics
}
