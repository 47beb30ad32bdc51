//! The file that carries the sandbox from one run to the next.
//!
//! JSON with one key for the cloud and one for each other part. It holds access keys and Secrets, so it is written for
//! its owner only, and always whole: to a neighbouring file first, then renamed.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

/// The only version there is.
const VERSION: u32 = 1;

/// What lies in the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    /// The version of this shape.
    pub version: u32,
    /// The cloud's state.
    pub world: Value,
    /// The other parts' states by name.
    #[serde(default)]
    pub parts: BTreeMap<String, Value>,
}

impl Saved {
    /// A saved state of the current version.
    pub fn new(world: Value, parts: BTreeMap<String, Value>) -> Self {
        Self { version: VERSION, world, parts }
    }
}

/// Why a file could not be read or written.
#[derive(Debug, Error)]
pub enum FileError {
    /// The file system refused.
    #[error("{doing} {path}: {source}", path = path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The content is not ours.
    #[error("{path} is not a state file of this sandbox: {reason}", path = path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
}

/// Reads a state file; `None` when there is none yet.
///
/// # Errors
/// When it cannot be read or is of another shape or version.
pub fn load(path: &Path) -> Result<Option<Saved>, FileError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(FileError::Io { doing: "cannot read", path: path.to_owned(), source }),
    };
    let content = |reason: String| FileError::Content { path: path.to_owned(), reason };
    let saved: Saved = serde_json::from_str(&text).map_err(|error| content(error.to_string()))?;
    if saved.version != VERSION {
        return Err(content(format!("its version is {}, this is version {VERSION}", saved.version)));
    }
    Ok(Some(saved))
}

/// Writes a file whole or not at all, readable by its owner only.
///
/// # Errors
/// When the file system refuses.
pub fn write_private(path: &Path, content: &[u8]) -> Result<(), FileError> {
    let io = |doing: &'static str| {
        let path = path.to_owned();
        move |source| FileError::Io { doing, path, source }
    };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary).map_err(io("cannot write beside"))?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(io("cannot write"))?;
    std::fs::rename(&temporary, path).map_err(io("cannot replace"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read_back_and_belongs_to_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        assert!(load(&path).unwrap().is_none());
        let saved = Saved::new(json!({"a": 1}), BTreeMap::from([("kubernetes".to_owned(), json!([]))]));
        write_private(&path, &serde_json::to_vec(&saved).unwrap()).unwrap();
        let back = load(&path).unwrap().unwrap();
        assert_eq!((back.world, back.parts), (saved.world, saved.parts));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_foreign_file_is_named_and_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        for (text, expected) in
            [("{}", "missing field"), (r#"{"version":9,"world":{}}"#, "its version is 9"), ("x", "expected value")]
        {
            std::fs::write(&path, text).unwrap();
            let message = load(&path).unwrap_err().to_string();
            assert!(message.contains(expected) && message.contains("state.json"), "{message}");
        }
    }
}
