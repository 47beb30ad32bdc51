//! The binary `ackone-sandbox`: reads the command line, starts the sandbox, waits, stops it.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use ackone_sandbox::ask;
use ackone_sandbox::control::LEFTOVERS;
use ackone_sandbox::plug::Plugged;
use ackone_sandbox::ready::Ready;
use ackone_sandbox::running::{Foundation, Sandbox, parent_ended};
use ackone_sandbox::settings::{
    AskArgs, CallsArgs, Command, CommandLine, EnvArgs, EnvFormat, InventoryArgs, LogFormat, RunArgs,
};
use ackone_sandbox::world::{Clock, Secret};
use clap::Parser;
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

mod log_lines;

/// Keeps the access key secret the same from start to start without showing it to other users.
const SECRET_VARIABLE: &str = "ACKONE_SANDBOX_ACCESS_KEY_SECRET";

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let line = CommandLine::parse();
    let outcome = match line.command {
        Some(Command::Env(args)) => env(&args),
        Some(Command::Inventory(args)) => inventory(&args),
        Some(Command::Calls(args)) => calls(&args),
        Some(Command::Gateways(args)) => asked(&args, "/v1/gateways").and_then(|value| print(&value)),
        Some(Command::Run(args)) => run(*args),
        None => run(line.run),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ackone-sandbox: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut args: RunArgs) -> Result<(), Failure> {
    start_log(args.log_format);
    #[expect(clippy::disallowed_methods, reason = "the environment is read here, once, at start-up")]
    let secret = std::env::var(SECRET_VARIABLE).ok().filter(|secret| !secret.is_empty());
    args.access_key_secret = secret.map(Secret::new);
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve(&args))
}

async fn serve(args: &RunArgs) -> Result<(), Failure> {
    // Handlers first: a signal while starting must end the sandbox cleanly too.
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let foundation = Foundation::lay(args, Clock::system())?;
    let plugged = Plugged::start(args, &foundation).await?;
    let sandbox = Sandbox::start(args, foundation, plugged.side()).await?;
    if !args.quiet {
        let mut out = std::io::stdout();
        let colour = out.is_terminal();
        out.write_all(sandbox.ready().text(colour).as_bytes())?;
        out.flush()?;
    }
    tokio::select! {
        _ = interrupt.recv() => tracing::info!("interrupted"),
        _ = terminate.recv() => tracing::info!("terminated"),
        () = sandbox.shutdown_requested() => tracing::info!("asked to stop"),
        () = parent_ended(args.parent_pid) => tracing::info!("the parent process has ended"),
    }
    plugged.stop().await;
    Ok(sandbox.stop().await?)
}

/// The ready file as it is and as it reads.
fn ready(path: &Path) -> Result<(String, Ready), Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| explain(path, &error))?;
    let ready = serde_json::from_str(&text).map_err(|error| explain(path, &error))?;
    Ok((text, ready))
}

fn asked(args: &AskArgs, path: &str) -> Result<Value, Failure> {
    let (_, ready) = ready(&args.ready_file)?;
    Ok(ask::get(&ready.control_url, path)?)
}

fn print(value: &Value) -> Result<(), Failure> {
    Ok(writeln!(std::io::stdout(), "{value:#}")?)
}

fn inventory(args: &InventoryArgs) -> Result<(), Failure> {
    let mut all = asked(&args.ask, "/v1/inventory")?;
    if !args.leftovers
        && let Some(fields) = all.as_object_mut()
    {
        fields.remove(LEFTOVERS);
    }
    print(&all)
}

fn calls(args: &CallsArgs) -> Result<(), Failure> {
    let all = asked(&args.ask, "/v1/calls")?;
    print(if args.counters { all.get("counters").unwrap_or(&Value::Null) } else { &all })
}

fn env(args: &EnvArgs) -> Result<(), Failure> {
    let (text, ready) = ready(&args.ready_file)?;
    let printed = match args.format {
        EnvFormat::Shell => ready.shell(),
        EnvFormat::Hcl => ready.hcl(),
        EnvFormat::Json => text,
    };
    Ok(std::io::stdout().write_all(printed.as_bytes())?)
}

fn explain(path: &Path, error: &dyn std::fmt::Display) -> String {
    format!(
        "cannot use {}: {error}\nIs a sandbox running that was started with --ready-file {}?",
        path.display(),
        path.display()
    )
}

fn start_log(format: LogFormat) {
    // Our own events; libraries only when something is wrong.
    let targets = tracing_subscriber::filter::Targets::new()
        .with_default(tracing::Level::WARN)
        .with_target("ackone_sandbox", tracing::Level::INFO);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(targets);
    match format {
        LogFormat::Text => registry.with(layer.event_format(log_lines::Text)).init(),
        LogFormat::Json => registry.with(layer.event_format(log_lines::Json)).init(),
        LogFormat::Off => {}
    }
}
