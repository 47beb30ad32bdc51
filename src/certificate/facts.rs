//! Reading certificates.

use std::net::IpAddr;

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use sha2::{Digest, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;
use zeroize::Zeroizing;

use super::algorithms::{PublicKeyFacts, SignatureName};

/// Why a text is not a certificate chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// There is no `CERTIFICATE` block.
    #[error("there is no PEM block of type CERTIFICATE")]
    NoCertificate,
    /// A PEM block is damaged, or its borders are not where a reader finds them.
    #[error("a PEM block is damaged, or its BEGIN and END do not stand on lines of their own")]
    DamagedPem,
    /// A block does not hold an X.509 certificate.
    #[error("certificate {0} of the text is not a valid X.509 certificate")]
    NotACertificate(usize),
}

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Common name of the subject.
    pub common_name: Option<String>,
    /// DNS names of the subject alternative name, in order.
    pub dns_names: Vec<String>,
    /// IP addresses of the subject alternative name, in order.
    pub ip_addresses: Vec<IpAddr>,
    /// Mail addresses of the subject alternative name, in order.
    pub email_addresses: Vec<String>,
    /// URIs of the subject alternative name, in order.
    pub uris: Vec<String>,
    /// Organization of the subject.
    pub organization: Option<String>,
    /// The issuer, as a distinguished name.
    pub issuer: String,
    /// The subject, as a distinguished name.
    pub subject: String,
    /// Start of validity.
    pub not_before: Timestamp,
    /// End of validity.
    pub not_after: Timestamp,
    /// Serial number, lower-case hex.
    pub serial: String,
    /// SHA-256 of the DER, lower-case hex.
    pub fingerprint_sha256: String,
    /// How it is signed.
    pub signature: SignatureName,
    /// Its key.
    pub key: PublicKeyFacts,
    /// Whether it may sign certificates.
    pub is_ca: bool,
    /// What its issuer calls the issuer's key, lower-case hex.
    pub authority_key_id: Option<String>,
    /// What it calls its own key, lower-case hex.
    pub subject_key_id: Option<String>,
}

impl Facts {
    /// Reads one DER certificate.
    ///
    /// # Errors
    /// If it is none.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| CertificateError::NotACertificate(1))?;
        if !rest.is_empty() {
            return Err(CertificateError::NotACertificate(1));
        }
        let names = Names::of(&certificate);
        let (mut authority_key_id, mut subject_key_id) = (None, None);
        for extension in certificate.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::AuthorityKeyIdentifier(key) => {
                    authority_key_id = key.key_identifier.as_ref().map(|id| hex::encode(id.0));
                }
                ParsedExtension::SubjectKeyIdentifier(id) => subject_key_id = Some(hex::encode(id.0)),
                _ => {}
            }
        }
        Ok(Self {
            common_name: common_name(certificate.subject()),
            dns_names: names.dns,
            ip_addresses: names.ip,
            email_addresses: names.email,
            uris: names.uri,
            organization: organization(certificate.subject()),
            issuer: certificate.issuer().to_string(),
            subject: certificate.subject().to_string(),
            not_before: time(certificate.validity().not_before.timestamp()),
            not_after: time(certificate.validity().not_after.timestamp()),
            serial: hex::encode(certificate.raw_serial()),
            fingerprint_sha256: hex::encode(Sha256::digest(der)),
            signature: SignatureName::of(&certificate.signature_algorithm),
            key: PublicKeyFacts::of(certificate.public_key()),
            is_ca: certificate.is_ca(),
            authority_key_id,
            subject_key_id,
        })
    }

    /// Whether subject and issuer are the same.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }

    /// Whether the certificate is good for a host: its DNS names decide, the common name only where there are none.
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        match (self.dns_names.as_slice(), &self.common_name) {
            ([], Some(name)) => covers(name, host),
            (names, _) => names.iter().any(|name| covers(name, host)),
        }
    }
}

/// A date of X.509. Its years are 0 to 9999; of those only the last day is outside what a [`Timestamp`] holds. As
/// `99991231235959Z` it stands for "no end" (RFC 5280 section 4.1.2.5), so the last instant there is means the same.
fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}

/// The subject alternative name, by kind.
#[derive(Default)]
struct Names {
    dns: Vec<String>,
    ip: Vec<IpAddr>,
    email: Vec<String>,
    uri: Vec<String>,
}

impl Names {
    fn of(certificate: &X509Certificate<'_>) -> Self {
        let mut names = Self::default();
        let Some(extension) = certificate.subject_alternative_name().ok().flatten() else { return names };
        for name in &extension.value.general_names {
            match name {
                GeneralName::DNSName(name) => names.dns.push((*name).to_owned()),
                GeneralName::RFC822Name(address) => names.email.push((*address).to_owned()),
                GeneralName::URI(uri) => names.uri.push((*uri).to_owned()),
                GeneralName::IPAddress(bytes) => names.ip.extend(ip_address(bytes)),
                _ => {}
            }
        }
        names
    }
}

/// 4 or 16 bytes (RFC 5280 section 4.2.1.6).
fn ip_address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

fn common_name(name: &X509Name<'_>) -> Option<String> {
    name.iter_common_name().next().and_then(|attribute| attribute.as_str().ok()).map(str::to_owned)
}

fn organization(name: &X509Name<'_>) -> Option<String> {
    name.iter_organization().next().and_then(|attribute| attribute.as_str().ok()).map(str::to_owned)
}

/// Whether a name in a certificate covers a host. A wildcard stands for exactly one label.
#[must_use]
pub fn covers(name: &str, host: &str) -> bool {
    if name.eq_ignore_ascii_case(host) {
        return true;
    }
    match (name.strip_prefix("*."), host.split_once('.')) {
        (Some(parent), Some((label, rest))) => !label.is_empty() && label != "*" && parent.eq_ignore_ascii_case(rest),
        _ => false,
    }
}

/// What a block of a certificate begins with (RFC 7468 section 5).
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";

/// The certificates of a PEM text, in order. Other blocks are passed over, and so is a byte order mark.
///
/// # Errors
/// If there is no certificate, or one of them is damaged.
pub fn parse_chain(pem: &str) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let text = pem.trim_start_matches('\u{feff}');
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(text.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|_| CertificateError::DamagedPem)?;
    // The reader knows borders only at the start of a line and passes over any other: another certificate would be taken
    // for the first.
    if text.matches(BEGIN).count() != chain.len() {
        return Err(CertificateError::DamagedPem);
    }
    if chain.is_empty() {
        return Err(CertificateError::NoCertificate);
    }
    for (index, certificate) in chain.iter().enumerate() {
        Facts::from_der(certificate).map_err(|_| CertificateError::NotACertificate(index + 1))?;
    }
    Ok(chain)
}

/// Whether two PEM texts mean the same chain: the same certificate first, and the same others behind it, in whatever order
/// (RFC 8446 section 4.4.2 has clients accept any). Texts without certificates are never the same.
#[must_use]
pub fn same_chain(a: &str, b: &str) -> bool {
    matches!((parse_chain(a), parse_chain(b)), (Ok(a), Ok(b)) if first_and_others(&a) == first_and_others(&b))
}

fn first_and_others<'a>(chain: &'a [CertificateDer<'_>]) -> Option<(&'a [u8], Vec<&'a [u8]>)> {
    let (first, others) = chain.split_first()?;
    let mut others: Vec<&[u8]> = others.iter().map(AsRef::as_ref).collect();
    others.sort_unstable();
    Some((first.as_ref(), others))
}

/// The certificates as PEM text, one after the other, and nothing else.
#[must_use]
pub fn to_pem(chain: &[CertificateDer<'_>]) -> String {
    chain.iter().map(|certificate| pem_block("CERTIFICATE", certificate)).collect()
}

/// One PEM block with lines of 64 characters (RFC 7468 section 2).
pub(super) fn pem_block(label: &str, der: &[u8]) -> String {
    let encoded = Zeroizing::new(STANDARD.encode(der));
    let mut text = format!("-----BEGIN {label}-----\n");
    for (index, character) in encoded.chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    text.push_str(&format!("\n-----END {label}-----\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_of_a_generated_certificate_are_read_back() {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters =
            rcgen::CertificateParams::new(vec!["grpc.example.com".to_owned(), "*.b.example".to_owned()]).unwrap();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, "grpc.example.com");
        let certificate = parameters.self_signed(&key).unwrap();
        let chain = parse_chain(&certificate.pem()).unwrap();
        let facts = Facts::from_der(&chain[0]).unwrap();
        assert_eq!(facts.common_name.as_deref(), Some("grpc.example.com"));
        assert_eq!(facts.dns_names, ["grpc.example.com", "*.b.example"]);
        assert_eq!(facts.fingerprint_sha256.len(), 64);
        assert!(facts.not_before < facts.not_after);
        assert!(facts.covers("x.B.example") && !facts.covers("x.y.b.example") && !facts.covers("b.example"));
    }

    #[test]
    fn white_space_and_the_order_of_issuers_mean_nothing_but_the_first_certificate_does() {
        let one = |name: &str| rcgen::generate_simple_self_signed([name.to_owned()]).unwrap().cert.pem();
        let [leaf, middle, root] = ["leaf.example", "middle.example", "root.example"].map(one);
        let chain = [leaf.as_str(), &middle, &root].concat();
        assert!(same_chain(
            &chain,
            &format!("\n{}\n\n{root}{middle}\n", leaf.replace("\r\n", "\n").replace('\n', "\r\n"))
        ));
        assert!(!same_chain(&chain, &[middle.as_str(), &leaf, &root].concat()), "another server's certificate");
        assert!(!same_chain(&chain, &[leaf.as_str(), &middle].concat()), "an issuer less");
        assert!(!same_chain("", "") && !same_chain("hello", "hello"));
    }

    #[test]
    fn what_is_no_certificate_says_why() {
        assert_eq!(parse_chain("hello"), Err(CertificateError::NoCertificate));
        let nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(parse_chain(nonsense), Err(CertificateError::NotACertificate(1)));
        let damaged = "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n";
        assert_eq!(parse_chain(damaged), Err(CertificateError::DamagedPem));
    }

    #[test]
    fn no_certificate_of_a_text_is_passed_over_in_silence() {
        let one = |name: &str| rcgen::generate_simple_self_signed([name.to_owned()]).unwrap().cert.pem();
        let [leaf, issuer] = ["leaf.example", "issuer.example"].map(one);
        let leaf = leaf.trim();
        let whole = parse_chain(&format!("{leaf}\n{issuer}")).unwrap();
        assert_eq!(parse_chain(&format!("\u{feff}{leaf}\n{issuer}")), Ok(whole));
        for (what, text) in [
            ("an indented first block", format!("  {leaf}\n{issuer}")),
            ("no line between the blocks", format!("{leaf}{issuer}")),
            ("a byte order mark between the blocks", format!("{leaf}\n\u{feff}{issuer}")),
            ("only an indented block", format!("  {leaf}\n")),
        ] {
            assert_eq!(parse_chain(&text), Err(CertificateError::DamagedPem), "{what}");
        }
    }

    #[test]
    fn a_certificate_without_an_end_is_read() {
        let mut parameters = rcgen::CertificateParams::new(vec!["forever.example".to_owned()]).unwrap();
        parameters.not_after = rcgen::date_time_ymd(9999, 12, 31) + std::time::Duration::from_secs(24 * 3600 - 1);
        let certificate = parameters.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        assert!(certificate.der().windows(15).any(|bytes| bytes == b"99991231235959Z"));
        let facts = Facts::from_der(certificate.der()).unwrap();
        assert_eq!(facts.not_after, Timestamp::MAX);
        assert_eq!(parse_chain(&certificate.pem()).unwrap().len(), 1);
    }
}
