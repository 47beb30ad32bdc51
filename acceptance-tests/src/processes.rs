//! Processes below a Terraform that is running: the provider among its children, and signals to one or all of them.

use std::path::Path;
use std::process::Child;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::terraform::{Finished, finished};
use crate::{AcceptanceError, wait_until};

/// The processes whose parent is `parent` and whose executable has this name (proc(5): `stat`, `exe`).
#[must_use]
pub fn children(parent: u32, executable: &str) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| parent_of(*pid) == Some(parent))
        .filter(|pid| {
            let path = std::fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(executable))
        })
        .collect()
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold spaces; state and parent come behind it.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

fn pid(id: u32) -> Result<Pid, AcceptanceError> {
    let invalid = || std::io::Error::from(std::io::ErrorKind::InvalidInput);
    i32::try_from(id).ok().and_then(Pid::from_raw).ok_or_else(invalid).map_err(AcceptanceError::io("name a process"))
}

/// Kills one process, without giving it a chance to say anything.
///
/// # Errors
/// If it is gone already.
pub fn kill(id: u32) -> Result<(), AcceptanceError> {
    kill_process(pid(id)?, Signal::KILL).map_err(|error| AcceptanceError::io("kill a process")(error.into()))
}

/// Interrupts a process group, as a terminal does on Ctrl-C.
///
/// # Errors
/// If it is gone already.
pub fn interrupt_group(leader: &Child) -> Result<(), AcceptanceError> {
    kill_process_group(pid(leader.id())?, Signal::INT)
        .map_err(|error| AcceptanceError::io("interrupt a process group")(error.into()))
}

/// Waits for the end of a Terraform process whose output goes to pipes; kills it if it takes too long.
///
/// # Errors
/// If it does not end in time.
///
/// # Panics
/// If it shows a diagnostic that is neither in the provider's catalogue nor one of Terraform's own.
#[track_caller]
pub fn end(mut child: Child, limit: Duration) -> Result<Finished, AcceptanceError> {
    let waited = wait_until("the process to end", limit, || match child.try_wait() {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err("it is running".to_owned()),
        Err(error) => Err(error.to_string()),
    });
    if waited.is_err() {
        child.kill().map_err(AcceptanceError::io("kill a process"))?;
    }
    let output = child.wait_with_output().map_err(AcceptanceError::io("read a process's output"))?;
    let finished = finished(&output);
    crate::catalogue::hold(&finished.stdout, &finished.stderr);
    match waited {
        Ok(()) => Ok(finished),
        Err(_) => Err(AcceptanceError::Timeout {
            awaited: "the process to end".to_owned(),
            limit,
            last: format!("{}\n{}", finished.stdout, finished.stderr),
        }),
    }
}

/// The name of an executable file.
#[must_use]
pub fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
