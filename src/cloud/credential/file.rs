//! Reading small files that others write: never on a thread of the runtime, and never more than makes sense.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

/// The content of a file of at most `limit` bytes; [`io::ErrorKind::FileTooLarge`] if there is more.
pub(super) async fn read_small(path: &Path, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let path = path.to_owned();
    let read = tokio::task::spawn_blocking(move || read_now(path, limit));
    read.await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

fn read_now(path: PathBuf, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    // One byte more than the limit shows that there is more. Room for all of it at once: growing would leave copies
    // behind that nobody wipes.
    let mut content = Zeroizing::new(Vec::with_capacity(limit.saturating_add(1)));
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path)?.take(most).read_to_end(&mut content)?;
    if content.len() > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_read_up_to_the_limit_and_no_further() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys");
        std::fs::write(&path, "12345678").unwrap();
        assert_eq!(read_small(&path, 8).await.unwrap().as_slice(), b"12345678");
        assert_eq!(read_small(&path, 7).await.unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        let none = read_small(&directory.path().join("none"), 8).await.unwrap_err();
        assert_eq!(none.kind(), io::ErrorKind::NotFound);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_file_without_end_is_given_up() {
        let endless = read_small(Path::new("/dev/zero"), 1024).await.unwrap_err();
        assert_eq!(endless.kind(), io::ErrorKind::FileTooLarge);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_reader_that_hangs_holds_up_nobody_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        // The runtime has this one thread: were the pipe read on it, no timer could fire.
        let read = tokio::time::timeout(std::time::Duration::from_millis(50), read_small(&path, 8)).await;
        assert!(read.is_err(), "nobody writes");
        // Lets the reader go, which the end of the runtime waits for.
        std::fs::write(&path, "").unwrap();
    }
}
