//! The provider executable: panic hook, logging, serve. Decides nothing.

use std::process::ExitCode;
use std::sync::Arc;

use ackone::clock::SystemClock;
use ackone::plugin::{self, Environment, Mode, Options};

/// Answers every call with `UNIMPLEMENTED`.
struct Unserved;

impl tfplugin_proto::tfplugin6::provider_server::Provider for Unserved {}

fn main() -> ExitCode {
    plugin::install_panic_hook();
    let mode = match Mode::from_arguments(std::env::args_os().skip(1)) {
        Ok(mode) => mode,
        Err(error) => {
            eprintln!("{error}; try --help");
            return ExitCode::FAILURE;
        }
    };
    plugin::serve(
        Unserved,
        Options {
            mode,
            environment: Environment::from_process(),
            version: env!("CARGO_PKG_VERSION"),
            clock: Arc::new(SystemClock),
        },
    )
}
