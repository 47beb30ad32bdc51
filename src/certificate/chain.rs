//! What is wrong with a chain that a server shall present.

use rustls_pki_types::CertificateDer;

use super::facts::{CertificateError, Facts};

/// Signature algorithms that clients no longer accept, by object identifier (RFC 8017 appendix C, RFC 3279 2.2.3).
const BROKEN_SIGNATURES: [(&str, &str); 3] = [
    ("1.2.840.113549.1.1.4", "MD5 with RSA"),
    ("1.2.840.113549.1.1.5", "SHA-1 with RSA"),
    ("1.2.840.10045.4.1", "SHA-1 with ECDSA"),
];
/// RSA keys below this many bits are refused by clients (CA/Browser Forum baseline requirements 6.1.5).
const MIN_RSA_BITS: usize = 2048;

/// A fault of a chain. Positions count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainProblem {
    /// The certificate at `position` was not issued by the one after it.
    OutOfOrder {
        /// Which.
        position: usize,
        /// Its issuer.
        issuer: String,
        /// Subject of the certificate after it.
        next_subject: String,
    },
    /// The first certificate is a certificate authority's, and others follow: the server's own must come first.
    AuthorityFirst {
        /// Its subject.
        subject: String,
    },
    /// The server's certificate has no common name, which the ALB certificate service requires.
    NoCommonName,
    /// A signature that clients refuse.
    BrokenSignature {
        /// Which certificate.
        position: usize,
        /// The algorithm.
        algorithm: &'static str,
    },
    /// The server's RSA key is too short.
    ShortKey {
        /// Its length in bits.
        bits: usize,
    },
}

/// Looks for faults in the order of names, the first certificate, and the algorithms. Signatures are not verified.
///
/// # Errors
/// If a certificate cannot be read.
pub fn chain_problems(chain: &[CertificateDer<'_>]) -> Result<Vec<ChainProblem>, CertificateError> {
    let facts: Vec<Facts> = chain.iter().map(|certificate| Facts::from_der(certificate)).collect::<Result<_, _>>()?;
    let mut problems = Vec::new();
    let Some(first) = facts.first() else { return Err(CertificateError::NoCertificate) };
    if first.is_ca && facts.len() > 1 {
        problems.push(ChainProblem::AuthorityFirst { subject: first.subject.clone() });
    } else {
        for (index, (certificate, next)) in facts.iter().zip(facts.iter().skip(1)).enumerate() {
            if certificate.issuer != next.subject {
                problems.push(ChainProblem::OutOfOrder {
                    position: index + 1,
                    issuer: certificate.issuer.clone(),
                    next_subject: next.subject.clone(),
                });
            }
        }
    }
    if first.common_name.as_deref().is_none_or(str::is_empty) {
        problems.push(ChainProblem::NoCommonName);
    }
    for (index, certificate) in facts.iter().enumerate() {
        let broken = BROKEN_SIGNATURES.iter().find(|(oid, _)| *oid == certificate.signature_algorithm);
        // Nobody verifies the signature of a root.
        if let Some((_, algorithm)) = broken
            && !(index > 0 && certificate.is_self_issued())
        {
            problems.push(ChainProblem::BrokenSignature { position: index + 1, algorithm });
        }
    }
    if let Some(bits) = first.rsa_bits.filter(|bits| *bits < MIN_RSA_BITS) {
        problems.push(ChainProblem::ShortKey { bits });
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};

    use super::*;

    fn params(name: Option<&str>, authority: bool) -> CertificateParams {
        let mut params = CertificateParams::new(vec!["grpc.example.com".to_owned()]).unwrap();
        params.distinguished_name = DistinguishedName::new();
        if let Some(name) = name {
            params.distinguished_name.push(DnType::CommonName, name);
        }
        if authority {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        params
    }

    /// A server certificate and its authority's.
    fn two() -> [CertificateDer<'static>; 2] {
        let (ca_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let ca = params(Some("An Authority"), true);
        let ca_certificate = ca.self_signed(&ca_key).unwrap();
        let leaf = params(Some("grpc.example.com"), false).signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
        [leaf.der().clone(), ca_certificate.der().clone()]
    }

    #[test]
    fn a_chain_in_order_has_no_problems_and_one_turned_around_says_so() {
        let [leaf, ca] = two();
        assert_eq!(chain_problems(&[leaf.clone(), ca.clone()]), Ok(Vec::new()));
        assert_eq!(chain_problems(std::slice::from_ref(&leaf)), Ok(Vec::new()), "the authority may be left out");
        let turned = chain_problems(&[ca, leaf.clone()]).unwrap();
        assert_eq!(turned, [ChainProblem::AuthorityFirst { subject: "CN=An Authority".to_owned() }]);
        let [_, other] = two();
        let [stranger, _] = two();
        assert!(chain_problems(&[leaf.clone(), other]).unwrap().is_empty(), "names decide, and they are equal");
        let strange = chain_problems(&[leaf, stranger]).unwrap();
        assert!(matches!(strange.as_slice(), [ChainProblem::OutOfOrder { position: 1, .. }]), "{strange:?}");
    }

    #[test]
    fn a_certificate_without_common_name_is_found() {
        let key = KeyPair::generate().unwrap();
        let certificate = params(None, false).self_signed(&key).unwrap();
        assert_eq!(chain_problems(&[certificate.der().clone()]), Ok(vec![ChainProblem::NoCommonName]));
        assert_eq!(chain_problems(&[]), Err(CertificateError::NoCertificate));
    }
}
