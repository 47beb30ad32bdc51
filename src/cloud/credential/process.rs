//! Keys from an external program: the CLI's mode `External`.
//!
//! The program gets no input and must print one JSON document within a minute. Its error output is not read and its output
//! is never quoted: either may hold a key. Nor are its arguments, which may hold a password. No shell is involved; the
//! command is split as the official SDKs split it.

use std::{process::Stdio, time::Duration};

use futures_util::future::{BoxFuture, FutureExt};
use serde::Deserialize;
use tokio::{
    io::AsyncReadExt,
    process::{Child, Command},
};
use zeroize::Zeroizing;

use super::{CredentialError, CredentialSource, Credentials, keys_document};
use crate::cloud::{
    id::AccessKeyId,
    secret::{AccessKeySecret, SecretString, SecurityToken},
};

/// How long the program may take, as in the CLI.
const LIMIT: Duration = Duration::from_secs(60);
/// How much it may print, in bytes.
const MAX_OUTPUT: usize = keys_document::MAX_BYTES;

/// Runs a program for keys, afresh at each fetch.
#[derive(Clone, Debug)]
pub struct ProcessSource {
    command: SecretString,
    limit: Duration,
}

#[derive(Deserialize)]
struct Printed {
    #[serde(default)]
    mode: Option<String>,
    #[serde(default)]
    access_key_id: Option<String>,
    #[serde(default)]
    access_key_secret: Option<SecretString>,
    #[serde(default)]
    sts_token: Option<SecretString>,
    #[serde(default)]
    expiration: Option<String>,
}

impl ProcessSource {
    /// Runs `command`. Nothing is started yet.
    #[must_use]
    pub fn new(command: SecretString) -> Self {
        Self { command, limit: LIMIT }
    }

    async fn credentials(&self) -> Result<Credentials, CredentialError> {
        let failed = |reason: String| CredentialError::ProcessFailed { reason };
        let arguments = split(self.command.expose()).map_err(|wrong| failed(wrong.to_owned()))?;
        let [program, arguments @ ..] = arguments.as_slice() else {
            return Err(failed("process_command is empty".to_owned()));
        };
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        // A group of its own, so that what the program starts ends with it.
        command.process_group(0);
        let mut child = command.spawn().map_err(|error| failed(format!("it cannot be started: {}", error.kind())))?;
        let mut group = Group(child.id());
        let finished = tokio::time::timeout(self.limit, output(&mut child)).await;
        if child.id().is_none() {
            // It has ended by itself: its number may be somebody else's by now.
            group.0 = None;
        }
        drop(group);
        let output = match finished {
            Ok(output) => output.map_err(failed)?,
            Err(_) => return Err(failed(format!("it did not end within {} s and was stopped", self.limit.as_secs()))),
        };
        read(&output).map_err(failed)
    }
}

/// The program and all it has started; ended when this is dropped, be it for the time limit or an interrupt.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        let id = self.0.and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
        if let Some(id) = id
            && let Err(error) = rustix::process::kill_process_group(id, rustix::process::Signal::KILL)
            && error != rustix::io::Errno::SRCH
        {
            tracing::debug!(%error, "the credential process could not be stopped");
        }
    }
}

/// What a child prints until it ends successfully.
async fn output(child: &mut Child) -> Result<Zeroizing<Vec<u8>>, String> {
    let mut printed = Zeroizing::new(Vec::new());
    if let Some(stdout) = child.stdout.take() {
        // One byte more than allowed tells "full" from "too much".
        let most = u64::try_from(MAX_OUTPUT).unwrap_or(u64::MAX).saturating_add(1);
        let read = stdout.take(most).read_to_end(&mut printed).await;
        read.map_err(|error| format!("its output cannot be read: {}", error.kind()))?;
    }
    if printed.len() > MAX_OUTPUT {
        return Err(format!("it printed more than {MAX_OUTPUT} bytes"));
    }
    let status = child.wait().await.map_err(|error| format!("its end cannot be awaited: {}", error.kind()))?;
    if status.success() { Ok(printed) } else { Err(format!("it failed ({status})")) }
}

/// Reads what the program printed, or says what is wrong without quoting it.
fn read(output: &[u8]) -> Result<Credentials, String> {
    let printed: Printed = serde_json::from_slice(output).map_err(|error| {
        let what = if error.is_data() { "not the JSON of keys" } else { "not JSON" };
        format!("its output is {what} (line {}, column {})", error.line(), error.column())
    })?;
    if !keys_document::is_object(output) {
        return Err("its output is not the JSON of keys".to_owned());
    }
    let mode = printed.mode.unwrap_or_default();
    let sts = mode.eq_ignore_ascii_case("StsToken");
    if !mode.is_empty() && !sts && !mode.eq_ignore_ascii_case("AK") {
        return Err("its output has a mode other than AK and StsToken".to_owned());
    }
    let missing = |member: &str| format!("its output has no {member}");
    let id = printed.access_key_id.filter(|id| !id.is_empty()).ok_or_else(|| missing("access_key_id"))?;
    let secret = printed.access_key_secret.filter(|secret| !secret.is_empty());
    let token = printed.sts_token.filter(|token| !token.is_empty());
    if sts && token.is_none() {
        return Err(missing("sts_token"));
    }
    let expires_at = match printed.expiration.filter(|text| !text.is_empty()) {
        Some(text) => Some(keys_document::end(&text).ok_or("its output's expiration is not a date")?),
        None => None,
    };
    Ok(Credentials {
        access_key_id: AccessKeyId::new(id),
        access_key_secret: AccessKeySecret::from(secret.ok_or_else(|| missing("access_key_secret"))?),
        security_token: token.map(SecurityToken::from),
        expires_at,
    })
}

/// Splits a command into words: white space separates; single quotes keep all, double quotes all but `\"`, `\\`, `` \` ``
/// and `\$`; a backslash outside of quotes keeps the next character.
fn split(command: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    // None between words; an empty word can only come from quotes, and is dropped, as the SDKs do.
    let mut word = String::new();
    let mut quote = None;
    let mut letters = command.chars().peekable();
    while let Some(c) = letters.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('"'), '\\') => match letters.next_if(|next| matches!(next, '"' | '\\' | '`' | '$')) {
                Some(kept) => word.push(kept),
                None => word.push('\\'),
            },
            (Some(_), c) => word.push(c),
            (None, '\'' | '"') => quote = Some(c),
            (None, '\\') => word.push(letters.next().ok_or("process_command ends with a backslash")?),
            (None, c) if c.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            (None, c) => word.push(c),
        }
    }
    if quote.is_some() {
        return Err("process_command has a quote that is not closed");
    }
    if !word.is_empty() {
        words.push(word);
    }
    Ok(words)
}

impl CredentialSource for ProcessSource {
    fn name(&self) -> String {
        let words = split(self.command.expose()).unwrap_or_default();
        words.first().map_or_else(|| "external process".to_owned(), |program| format!("external process {program:?}"))
    }

    fn fetch(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        self.credentials().boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    async fn fetch(command: &str, limit: Duration) -> Result<Credentials, CredentialError> {
        ProcessSource { command: SecretString::new(command), limit }.fetch().await
    }

    /// A program that a shell runs.
    fn script(text: &str) -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("give keys");
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        let command = format!("\"{}\" canary-argument", path.display());
        (folder, command)
    }

    #[test]
    fn a_command_is_split_as_the_official_sdks_split_it() {
        for (command, expected) in [
            ("a  b\tc", vec!["a", "b", "c"]),
            (r#""/opt/my tool" --x='y z' \"q\ r"#, vec!["/opt/my tool", "--x=y z", "\"q r"]),
            (r#""a\"b\\c\$d\n" 'e\f'"#, vec![r#"a"b\c$d\n"#, r"e\f"]),
            ("a$HOME `b`", vec!["a$HOME", "`b`"]),
            ("  ", vec![]),
        ] {
            assert_eq!(split(command).unwrap(), expected, "{command}");
        }
        assert!(split("a 'b").is_err() && split("a \"b").is_err() && split("a\\").is_err());
    }

    #[tokio::test]
    async fn keys_are_read_from_what_a_program_prints() {
        let (_folder, command) = script(
            r#"echo '{"mode":"StsToken","access_key_id":"STS.1","access_key_secret":"s","sts_token":"t","expiration":"2024-05-06T08:00:00Z"}'"#,
        );
        let keys = fetch(&command, LIMIT).await.unwrap();
        assert_eq!((keys.access_key_id.as_str(), keys.security_token.unwrap().expose()), ("STS.1", "t"));
        assert_eq!(keys.expires_at.unwrap().to_string(), "2024-05-06T08:00:00Z");
        let (_folder, command) = script(r#"echo '{"mode":"AK","access_key_id":"i","access_key_secret":"s"}'"#);
        let keys = fetch(&command, LIMIT).await.unwrap();
        assert!(keys.security_token.is_none() && keys.expires_at.is_none());
    }

    #[tokio::test]
    async fn how_a_program_fails_is_said_without_its_output_and_arguments() {
        for (text, expected) in [
            ("echo canary-output; echo canary-error >&2; exit 3", "it failed (exit status: 3)"),
            ("echo canary-output", "its output is not JSON (line 1, column 1)"),
            ("echo '[\"canary-output\"]'", "its output is not the JSON of keys"),
            ("echo '{\"mode\":\"canary-mode\"}'", "its output has a mode other than AK and StsToken"),
            ("echo '{\"mode\":\"AK\",\"access_key_id\":\"i\"}'", "its output has no access_key_secret"),
            (
                "echo '{\"mode\":\"StsToken\",\"access_key_id\":\"i\",\"access_key_secret\":\"canary-secret\"}'",
                "its output has no sts_token",
            ),
            (
                "echo '{\"access_key_id\":\"i\",\"access_key_secret\":\"s\",\"expiration\":\"canary\"}'",
                "its output's expiration is not a date",
            ),
            ("head -c 70000 /dev/zero", "it printed more than 65536 bytes"),
            ("exec 1>&-; kill -9 $$", "it failed (signal: 9"),
        ] {
            let (_folder, command) = script(text);
            let source = ProcessSource { command: SecretString::new(command), limit: LIMIT };
            let error = source.fetch().await.unwrap_err();
            let shown = format!("{error} {error:?} {source:?} {}", source.name());
            assert!(error.to_string().starts_with(expected), "{text}: {error}");
            assert!(!shown.contains("canary"), "{shown}");
        }
        let error = fetch("/nonexistent/program canary", LIMIT).await.unwrap_err().to_string();
        assert_eq!(error, "it cannot be started: entity not found");
    }

    #[tokio::test]
    async fn a_program_that_does_not_end_is_stopped_with_all_it_started() {
        let (folder, command) = script(r#"sleep 600 & echo $! > "$0.pid"; wait"#);
        let error = fetch(&command, Duration::from_secs(1)).await.unwrap_err().to_string();
        assert_eq!(error, "it did not end within 1 s and was stopped");
        let id = fs::read_to_string(folder.path().join("give keys.pid")).unwrap();
        let id = rustix::process::Pid::from_raw(id.trim().parse().unwrap()).unwrap();
        // Killed, and then gone or waiting for its new parent to reap it.
        let gone = || match fs::read_to_string(format!("/proc/{}/stat", id.as_raw_nonzero())) {
            Ok(stat) => stat.contains(") Z "),
            Err(_) => true,
        };
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        while !gone() {
            assert!(tokio::time::Instant::now() < deadline, "what the program started still runs");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
