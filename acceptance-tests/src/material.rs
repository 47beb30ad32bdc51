//! Certificates and keys with faults, for the messages that name them.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, SanType, date_time_ymd,
};

/// A certificate and its private key, as PEM.
#[derive(Clone)]
pub struct Material {
    /// The certificate, or a chain.
    pub certificate: String,
    /// The key.
    pub key: String,
}

impl std::fmt::Debug for Material {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Material").finish_non_exhaustive()
    }
}

/// From when and until when, as year, month and day.
pub type Validity = [(i32, u8, u8); 2];

/// Long enough for every test.
pub const LONG: Validity = [(2020, 1, 1), (2090, 1, 1)];

fn params(common_name: Option<&str>, names: &[&str], validity: Validity) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    if let Some(name) = common_name {
        params.distinguished_name.push(DnType::CommonName, name);
    }
    params.subject_alt_names =
        names.iter().filter_map(|name| Some(SanType::DnsName((*name).try_into().ok()?))).collect();
    let [(year, month, day), (end_year, end_month, end_day)] = validity;
    params.not_before = date_time_ymd(year, month, day);
    params.not_after = date_time_ymd(end_year, end_month, end_day);
    params
}

/// A self-signed certificate.
///
/// # Errors
/// If it cannot be made.
pub fn self_signed(common_name: Option<&str>, names: &[&str], validity: Validity) -> Result<Material, rcgen::Error> {
    let key = KeyPair::generate()?;
    let certificate = params(common_name, names, validity).self_signed(&key)?;
    Ok(Material { certificate: certificate.pem(), key: key.serialize_pem() })
}

/// A server's certificate with two issuers above it: server, intermediate, root.
///
/// # Errors
/// If it cannot be made.
pub fn chain(host: &str) -> Result<(Material, [String; 3]), rcgen::Error> {
    chain_of(host, LONG)
}

/// The same with an intermediate that is valid only so long.
///
/// # Errors
/// If it cannot be made.
pub fn chain_of(host: &str, intermediate: Validity) -> Result<(Material, [String; 3]), rcgen::Error> {
    let authority = |name: &str, validity: Validity| {
        let mut params = params(Some(name), &[], validity);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    };
    let (root_key, middle_key, key) = (KeyPair::generate()?, KeyPair::generate()?, KeyPair::generate()?);
    let root = authority("A Root", LONG);
    let root_certificate = root.self_signed(&root_key)?;
    let root = Issuer::new(root, root_key);
    let middle = authority("An Intermediate", intermediate);
    let middle_certificate = middle.signed_by(&middle_key, &root)?;
    let middle = Issuer::new(middle, middle_key);
    let mut leaf = params(Some(host), &[host], LONG);
    leaf.use_authority_key_identifier_extension = true;
    let leaf = leaf.signed_by(&key, &middle)?;
    let parts = [leaf.pem(), middle_certificate.pem(), root_certificate.pem()];
    Ok((Material { certificate: parts.concat(), key: key.serialize_pem() }, parts))
}
