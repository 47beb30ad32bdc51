//! Self-signed server certificates: made in memory, and judged later by what they say.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, RsaKeySize, SanType, date_time_ymd,
};
use zeroize::Zeroizing;

use super::facts::Facts;
use super::key::KeyAlgorithm;

/// A certificate is valid from this long before it is made, for clients whose clocks are behind.
const BACKDATED: SignedDuration = SignedDuration::from_mins(5);

/// What a self-signed certificate shall say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Common name of subject and issuer.
    pub common_name: String,
    /// Further DNS names. The common name is one of the names anyway, if it is a DNS name.
    pub dns_names: BTreeSet<String>,
    /// Organization of subject and issuer.
    pub organization: Option<String>,
    /// Days from now until it ends.
    pub validity_days: u32,
    /// Its key.
    pub algorithm: KeyAlgorithm,
}

/// A certificate with its key.
#[derive(Clone)]
pub struct Material {
    /// The certificate as PEM.
    pub certificate_pem: String,
    /// The key as PKCS#8 PEM.
    pub key_pem: Zeroizing<String>,
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Material").finish_non_exhaustive()
    }
}

/// Why none could be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenerateError {
    /// A name cannot stand in a certificate.
    #[error("{0:?} cannot stand in a certificate as a DNS name")]
    Name(String),
    /// The end of validity is no date.
    #[error("the end of validity is no date")]
    Validity,
    /// No generator for this kind of key.
    #[error("keys of this kind cannot be generated")]
    Algorithm,
    /// The cryptographic library failed.
    #[error("the cryptographic library failed")]
    Crypto,
}

impl Profile {
    /// The DNS names that the certificate has, the common name first.
    #[must_use]
    pub fn all_names(&self) -> Vec<String> {
        let common = Some(&self.common_name).filter(|name| is_dns_name(name));
        let rest = self.dns_names.iter().filter(|name| !name.eq_ignore_ascii_case(&self.common_name));
        common.into_iter().chain(rest).cloned().collect()
    }

    /// Whether a certificate says what this profile asks for, its dates and its key aside.
    #[must_use]
    pub fn fits(&self, facts: &Facts) -> bool {
        let lower = |names: &[String]| names.iter().map(|name| name.to_ascii_lowercase()).collect::<BTreeSet<_>>();
        facts.is_self_issued()
            && facts.common_name.as_deref() == Some(&self.common_name)
            && facts.organization == self.organization
            && lower(&facts.dns_names) == lower(&self.all_names())
    }

    /// Makes a key and a certificate, valid from now.
    ///
    /// # Errors
    /// If a value of the profile cannot stand in a certificate.
    pub fn generate(&self, now: Timestamp) -> Result<Material, GenerateError> {
        let key = match self.algorithm {
            KeyAlgorithm::Rsa(2048) => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048),
            KeyAlgorithm::Rsa(3072) => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_3072),
            KeyAlgorithm::Rsa(4096) => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_4096),
            KeyAlgorithm::EcdsaP256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
            KeyAlgorithm::EcdsaP384 => KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384),
            KeyAlgorithm::EcdsaP521 | KeyAlgorithm::Rsa(_) => return Err(GenerateError::Algorithm),
        }
        .map_err(|_| GenerateError::Crypto)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, self.common_name.as_str());
        if let Some(organization) = &self.organization {
            params.distinguished_name.push(DnType::OrganizationName, organization.as_str());
        }
        for name in self.all_names() {
            let dns = name.as_str().try_into().map_err(|_| GenerateError::Name(name.clone()))?;
            params.subject_alt_names.push(SanType::DnsName(dns));
        }
        params.is_ca = IsCa::NoCa;
        params.key_usages.push(KeyUsagePurpose::DigitalSignature);
        if matches!(self.algorithm, KeyAlgorithm::Rsa(_)) {
            params.key_usages.push(KeyUsagePurpose::KeyEncipherment);
        }
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        let start = now.checked_sub(BACKDATED).map_err(|_| GenerateError::Validity)?;
        let end = now
            .checked_add(SignedDuration::from_hours(24 * i64::from(self.validity_days)))
            .map_err(|_| GenerateError::Validity)?;
        let since_epoch = |at: Timestamp| u64::try_from(at.as_second()).map(Duration::from_secs);
        params.not_before = date_time_ymd(1970, 1, 1) + since_epoch(start).map_err(|_| GenerateError::Validity)?;
        params.not_after = date_time_ymd(1970, 1, 1) + since_epoch(end).map_err(|_| GenerateError::Validity)?;
        let certificate = params.self_signed(&key).map_err(|_| GenerateError::Crypto)?;
        Ok(Material { certificate_pem: certificate.pem(), key_pem: Zeroizing::new(key.serialize_pem()) })
    }
}

/// Whether a text is a DNS name as a certificate holds it, perhaps with a wildcard as its first label.
pub(crate) fn is_dns_name(name: &str) -> bool {
    let label = |label: &str| {
        let inner = |c: char| c.is_ascii_alphanumeric();
        label.len() <= 63
            && label.starts_with(inner)
            && label.ends_with(inner)
            && label.chars().all(|c| inner(c) || c == '-')
    };
    name.len() <= 253 && name.strip_prefix("*.").unwrap_or(name).split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::{PrivateKey, parse_chain};

    fn profile(algorithm: KeyAlgorithm) -> Profile {
        Profile {
            common_name: "grpc.example.com".to_owned(),
            dns_names: ["*.b.example".to_owned(), "GRPC.example.com".to_owned()].into(),
            organization: Some("Example".to_owned()),
            validity_days: 90,
            algorithm,
        }
    }

    #[test]
    fn what_is_generated_says_what_was_asked_and_fits_only_that() {
        let now: Timestamp = "2026-11-23T18:30:00Z".parse().unwrap();
        for algorithm in [KeyAlgorithm::Rsa(2048), KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384] {
            let wanted = profile(algorithm);
            let made = wanted.generate(now).unwrap();
            let chain = parse_chain(&made.certificate_pem).unwrap();
            let facts = Facts::from_der(&chain[0]).unwrap();
            assert_eq!(facts.dns_names, ["grpc.example.com", "*.b.example"]);
            assert_eq!(facts.not_after.to_string(), "2027-02-21T18:30:00Z");
            assert_eq!(facts.not_before.to_string(), "2026-11-23T18:25:00Z");
            let key = PrivateKey::from_pem(&made.key_pem).unwrap();
            assert!(key.matches(&chain[0]));
            assert_eq!(key.algorithm(), algorithm);
            assert!(wanted.fits(&facts));
            assert!(Profile { validity_days: 1, ..wanted.clone() }.fits(&facts), "dates are another matter");
            assert!(!Profile { organization: None, ..wanted.clone() }.fits(&facts));
            assert!(!Profile { common_name: "*.b.example".to_owned(), ..wanted.clone() }.fits(&facts));
            assert!(!Profile { dns_names: BTreeSet::new(), ..wanted }.fits(&facts));
            assert!(!format!("{made:?}").contains("PRIVATE"));
        }
        assert_eq!(profile(KeyAlgorithm::EcdsaP521).generate(now).unwrap_err(), GenerateError::Algorithm);
    }

    #[test]
    fn dns_names_are_told_from_other_text() {
        for name in ["a", "grpc.example.com", "*.example.com", "xn--bcher-kva.example"] {
            assert!(is_dns_name(name), "{name}");
        }
        for name in ["", "*", "a..b", "a b", "-a.example", "*.*.example", "a.*.example", "a_b.example", "a."] {
            assert!(!is_dns_name(name), "{name}");
        }
    }
}
