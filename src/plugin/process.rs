//! When and how this process ends: what may end it, and what a user sees of a panic.
//!
//! Used by `plugin::serve`, whose main thread waits here while the runtime's threads serve. That thread runs no async
//! code, so a handler that blocks every worker cannot keep the process alive. Facts: Terraform kills a provider two
//! seconds after `Shutdown` and kills nothing when it dies itself; Ctrl-C reaches the whole process group; go-plugin
//! (`client.go`, `log_entry.go`) shows text to the user only from a line that begins with `panic: `.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, Write as _};
use std::panic::PanicHookInfo;
use std::sync::mpsc;
use std::thread;

use rustix::event::{PollFd, PollFlags};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{debug, warn};

/// What ended the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The host called `Shutdown`.
    ShutdownCalled,
    /// SIGTERM.
    Terminated,
    /// SIGINT in debug mode.
    Interrupted,
    /// Nobody holds the other end of stdout any more.
    HostGone,
    /// The server stopped by itself.
    ServerStopped,
}

/// Tells the supervisor that the process has to end. The first one to tell is heard.
#[derive(Debug, Clone)]
pub(crate) struct EndSender(mpsc::Sender<End>);

impl EndSender {
    pub(crate) fn send(&self, end: End) {
        if self.0.send(end).is_err() {
            debug!(?end, "the process is ending already");
        }
    }
}

/// A channel from everything that can end the process to the thread that does.
pub(crate) fn end_channel() -> (EndSender, mpsc::Receiver<End>) {
    let (sender, receiver) = mpsc::channel();
    (EndSender(sender), receiver)
}

/// The signals of this process, taken over.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Takes the signals over. Must happen before the handshake line: from then on a Ctrl-C must not end the process.
    /// Needs a runtime around it.
    pub(crate) fn install() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Reports SIGTERM. SIGINT ends a debugged process only: a host sends `StopProvider` after a Ctrl-C and needs us to
    /// answer its running calls.
    pub(crate) async fn watch(mut self, debugged: bool, end: EndSender) {
        loop {
            tokio::select! {
                Some(()) = self.terminate.recv() => end.send(End::Terminated),
                Some(()) = self.interrupt.recv() => {
                    if debugged {
                        end.send(End::Interrupted);
                    } else {
                        debug!("ignored an interrupt: the host decides");
                    }
                }
                else => return,
            }
        }
    }
}

/// Watches the stdout pipe from a thread of its own. The host holds the other end as long as it lives; when it is gone
/// without having called `Shutdown`, this process would otherwise run for ever.
pub(crate) fn watch_host(end: EndSender) -> io::Result<()> {
    thread::Builder::new().name("host-watch".to_owned()).spawn(move || {
        let stdout = io::stdout();
        loop {
            // No events asked for: errors and hang-ups are reported anyway.
            let mut watched = [PollFd::new(&stdout, PollFlags::empty())];
            match rustix::event::poll(&mut watched, None) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return end.send(End::HostGone),
                Err(error) => return warn!(%error, "cannot notice the end of the host"),
            }
        }
    })?;
    Ok(())
}

/// Makes panics readable for the host, which shows a text to its user only when the first line begins with `panic: `.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        let text = panic_text(panic, thread::current().name());
        // One write, so that no log line of another thread lands in between. Nothing can be done when it fails.
        drop(io::stderr().write_all(text.as_bytes()));
    }));
}

fn panic_text(panic: &PanicHookInfo<'_>, thread: Option<&str>) -> String {
    let message = panic.payload_as_str().unwrap_or("(no message)");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = thread.unwrap_or("unnamed");
    let mut text = format!("panic: {message}\n\nthread {thread:?} at {place}\n");
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        text.push_str(&format!("{backtrace}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn the_first_end_is_the_one_that_is_heard() {
        let (end, ends) = end_channel();
        end.send(End::Terminated);
        end.send(End::HostGone);
        assert_eq!(ends.recv(), Ok(End::Terminated));
        drop(ends);
        end.send(End::ShutdownCalled); // nobody listens, and nothing breaks
    }

    #[test]
    fn a_panic_begins_with_the_word_the_host_looks_for_and_names_its_place() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let hook = std::panic::take_hook();
        let record = seen.clone();
        std::panic::set_hook(Box::new(move |panic| {
            record.lock().unwrap().push(panic_text(panic, Some("rpc")));
        }));
        let outcome = thread::spawn(|| panic!("lost {}", "count")).join();
        std::panic::set_hook(hook);

        assert!(outcome.is_err());
        let seen = seen.lock().unwrap();
        let text = seen.iter().find(|text| text.contains("lost count")).unwrap();
        assert!(text.starts_with("panic: lost count\n\nthread \"rpc\" at src/plugin/process.rs:"), "{text}");
    }
}
