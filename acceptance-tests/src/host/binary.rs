//! Where the executable under test is.

use std::path::PathBuf;

use super::HostError;

/// Names another executable than the one beside the tests, such as a release build.
const BINARY_VARIABLE: &str = "ACKONE_PROVIDER_BINARY";

/// The provider's executable: the one that `ACKONE_PROVIDER_BINARY` names, or the one `cargo build` left in the profile
/// directory of the running test.
///
/// # Errors
///
/// There is no such file.
pub fn provider_binary() -> Result<PathBuf, HostError> {
    let binary = match std::env::var_os(BINARY_VARIABLE) {
        Some(path) => PathBuf::from(path),
        None => {
            let test = std::env::current_exe().map_err(HostError::io("find the running test"))?;
            // A test lives in <profile>/deps, an example or a binary one level higher.
            let directory = test.parent().filter(|directory| !directory.ends_with("deps"));
            let profile = directory.or_else(|| test.parent()?.parent()).unwrap_or(&test);
            profile.join("terraform-provider-ackone")
        }
    };
    if binary.is_file() { Ok(binary) } else { Err(HostError::NoBinary(binary)) }
}
