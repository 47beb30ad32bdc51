//! Drives the provider from outside: with a plugin host of our own ([`host`]) and with real Terraform ([`terraform`]),
//! against a sandbox ([`sandbox`]) that each test has for itself. The sandbox's API server is the embedded one, or a real
//! one ([`real`]) where the environment names some.

pub mod answers;
pub mod caller;
pub mod calls;
pub mod catalogue;
pub mod configuration;
pub mod conformance;
pub mod control;
pub mod golden;
pub mod host;
pub mod material;
pub mod plan;
pub mod processes;
pub mod real;
pub mod sandbox;
pub mod situations;
pub mod terraform;
pub mod tools;

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

/// Why a test could not be run.
#[derive(Debug, thiserror::Error)]
pub enum AcceptanceError {
    /// There is no executable.
    #[error("there is no {0} beside the tests; run `cargo build --workspace --bins` first")]
    NoBinary(String),
    /// The operating system refused.
    #[error("could not {action}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The sandbox or Terraform answered with an error.
    #[error("{call}: {reason}")]
    Control {
        /// What was asked.
        call: String,
        /// What was wrong.
        reason: String,
    },
    /// Something did not happen in time.
    #[error("waited {limit:?} for {awaited}; last seen: {last}")]
    Timeout {
        /// What should have happened.
        awaited: String,
        /// How long the wait was.
        limit: Duration,
        /// The last state seen.
        last: String,
    },
}

impl AcceptanceError {
    pub(crate) const fn io(action: &'static str) -> impl Fn(std::io::Error) -> Self {
        move |source| Self::Io { action, source }
    }
}

/// An executable of this workspace: the one a variable names, or the one in the profile directory of the running test.
///
/// # Errors
/// If there is none.
pub fn beside_test(name: &str, variable: &str) -> Result<PathBuf, AcceptanceError> {
    let path = match std::env::var_os(variable) {
        Some(path) => PathBuf::from(path),
        None => {
            let test = std::env::current_exe().map_err(AcceptanceError::io("find the running test"))?;
            // A test lives in <profile>/deps, a binary one level higher.
            let folder =
                test.parent().map(|folder| if folder.ends_with("deps") { folder.join("..") } else { folder.into() });
            folder.unwrap_or_default().join(name)
        }
    };
    let path = path.canonicalize().unwrap_or(path);
    if path.is_file() { Ok(path) } else { Err(AcceptanceError::NoBinary(name.to_owned())) }
}

/// The root of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map_or(here.clone(), std::path::Path::to_path_buf)
}

/// Asks until the answer is `Ok`.
///
/// # Errors
/// With the last answer, when the limit has passed.
pub fn wait_until<T>(
    awaited: &str,
    limit: Duration,
    mut ask: impl FnMut() -> Result<T, String>,
) -> Result<T, AcceptanceError> {
    /// Least pause between two questions. It is as long as the question took, so that asking leaves the processor to others.
    const PAUSE: Duration = Duration::from_millis(20);
    let began = Instant::now();
    loop {
        let asked = Instant::now();
        match ask() {
            Ok(value) => return Ok(value),
            Err(last) if began.elapsed() >= limit => {
                return Err(AcceptanceError::Timeout { awaited: awaited.to_owned(), limit, last });
            }
            Err(_) => std::thread::sleep(asked.elapsed().max(PAUSE)),
        }
    }
}
