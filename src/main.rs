//! The provider executable: panic hook, logging, serve. Decides nothing.

use std::process::ExitCode;
use std::sync::Arc;

use ackone::cancel::Cancel;
use ackone::clock::{Clock, SystemClock};
use ackone::plugin::{self, Environment, Mode, Options};
use ackone::protocol::server::Server;
use ackone::provider::AckoneProvider;

fn main() -> ExitCode {
    plugin::install_panic_hook();
    let mode = match Mode::from_arguments(std::env::args_os().skip(1)) {
        Ok(mode) => mode,
        Err(error) => {
            eprintln!("{error}; try --help");
            return ExitCode::FAILURE;
        }
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let version = env!("CARGO_PKG_VERSION");
    let variables =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let provider = Arc::new(AckoneProvider::new(variables.collect(), clock.clone(), version));
    let server = Server::new(provider, Cancel::new(), clock.clone());
    plugin::serve(server, Options { mode, environment: Environment::from_process(), version, clock })
}
