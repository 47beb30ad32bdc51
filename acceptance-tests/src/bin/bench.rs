//! Sizes and times of the provider, each beside something measured in the same run. `scripts/bench` builds what it needs.
//!
//! Nothing is asserted: machines differ, and so does one machine from hour to hour. Ratios are what to read.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use acceptance_tests::host::{HostIdentity, Launch};
use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::terraform::Workspace;
use tfplugin_proto::tfplugin6::get_provider_schema;
use tokio::time::Instant;

type Failure = Box<dyn std::error::Error>;

/// Starts of a process; the first is dropped, it may read from disk.
const STARTS: usize = 31;
/// Runs of a Terraform command.
const RUNS: usize = 5;

/// The cookie that tells a plugin that a host starts it (Terraform `internal/plugin/discovery`).
const COOKIE: (&str, &str) =
    ("TF_PLUGIN_MAGIC_COOKIE", "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2");

fn main() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let provider = PathBuf::from(std::env::var_os("ACKONE_PROVIDER_BINARY").ok_or("run scripts/bench")?);
    let peer = std::env::var_os("ACKONE_PEER").map(PathBuf::from).filter(|peer| peer.is_file());

    say("Size of the executable");
    let size = |path: &Path| std::fs::metadata(path).map(|metadata| metadata.len());
    let own = size(&provider)?;
    row("provider (release, stripped)", &format!("{own} bytes, {:.1} MB", megabytes(own)));
    if let Some(peer) = &peer {
        let other = size(peer)?;
        row(
            "Go peer (hashicorp/time)",
            &format!("{other} bytes, {:.1} MB; the provider is {:.2} of it", megabytes(other), ratio(own, other)),
        );
    }

    say(&format!("Process start, {} runs: median (fastest to slowest)", STARTS - 1));
    let floor = repeat(STARTS, run_true)?;
    row("floor: the program true, start to end", &spread(&floor));
    let ours = repeat(STARTS, || handshake(&provider, "6"))?;
    row("provider, start to handshake", &spread(&ours));
    let schema = repeat(STARTS, || runtime.block_on(schema(&provider)))?;
    let times: Vec<Duration> = schema.iter().map(|seen| seen.after).collect();
    row("provider, start to schema answer", &spread(&times));
    let resident: Vec<u64> = schema.iter().map(|seen| seen.resident_kib).collect();
    row("provider, resident after the schema", &format!("{:.1} MB", median_of(&resident) as f64 / 1024.0));
    if let Some(peer) = &peer {
        let theirs = repeat(STARTS, || handshake(peer, "5"))?;
        let share = median(&ours).as_secs_f64() / median(&theirs).as_secs_f64();
        row(
            "Go peer, start to handshake",
            &format!("{}; the provider takes 1/{:.0} of it", spread(&theirs), 1.0 / share),
        );
    } else {
        row("Go peer", "not measured: there is no Go here to build it with");
    }

    say(&format!("Terraform on the walkthrough, against the sandbox, {RUNS} runs each"));
    walkthrough()?;
    Ok(())
}

fn walkthrough() -> Result<(), Failure> {
    let floor = Workspace::detached()?;
    floor.write("main.tf", "resource \"terraform_data\" \"floor\" {\n  count = 7\n}\n")?;
    check("init", floor.init()?.ok())?;
    let floor_plan = timed(RUNS, || floor.run(&["plan", "-no-color"]).map(|finished| finished.ok()))?;
    row("floor: plan of 7 builtin terraform_data", &spread(&floor_plan));
    let mut plans = Vec::new();
    let mut applies = Vec::new();
    let mut empty = Vec::new();
    let mut destroys = Vec::new();
    for _ in 0..RUNS {
        let sandbox = Sandbox::start()?;
        let workspace = Workspace::walkthrough(&sandbox)?;
        plans.extend(timed(1, || workspace.plan().map(|finished| finished.code == 2))?);
        applies.extend(timed(1, || workspace.apply().map(|finished| finished.ok()))?);
        empty.extend(timed(1, || workspace.plan().map(|finished| finished.code == 0))?);
        destroys.extend(timed(1, || workspace.destroy().map(|finished| finished.ok()))?);
    }
    let against = |times: &[Duration]| median(times).as_secs_f64() / median(&floor_plan).as_secs_f64();
    row("plan (create)", &format!("{}; {:.1} times the floor", spread(&plans), against(&plans)));
    row("apply, waits of the sandbox included", &spread(&applies));
    row("plan (no changes, proof included)", &format!("{}; {:.1} times the floor", spread(&empty), against(&empty)));
    row("destroy", &spread(&destroys));
    Ok(())
}

fn check(what: &str, ok: bool) -> Result<(), Failure> {
    if ok { Ok(()) } else { Err(format!("{what} failed").into()) }
}

fn timed<E: std::error::Error + 'static>(
    runs: usize,
    mut run: impl FnMut() -> Result<bool, E>,
) -> Result<Vec<Duration>, Failure> {
    repeat(runs, || {
        let started = Instant::now();
        check("a Terraform command", run()?)?;
        Ok(started.elapsed())
    })
}

fn repeat<T>(runs: usize, mut run: impl FnMut() -> Result<T, Failure>) -> Result<Vec<T>, Failure> {
    let mut seen: Vec<T> = (0..runs).map(|_| run()).collect::<Result<_, _>>()?;
    if runs > RUNS {
        seen.remove(0);
    }
    Ok(seen)
}

fn run_true() -> Result<Duration, Failure> {
    let started = Instant::now();
    Command::new("true").stdin(Stdio::null()).status()?;
    Ok(started.elapsed())
}

/// Ends a process that was started for measuring.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        if self.0.kill().is_ok() && self.0.wait().is_err() {
            eprintln!("a measured process could not be waited for");
        }
    }
}

/// From start to the handshake line, with mutual TLS asked for.
fn handshake(binary: &Path, protocol: &str) -> Result<Duration, Failure> {
    let identity = HostIdentity::generate()?;
    let mut command = Command::new(binary);
    command
        .env(COOKIE.0, COOKIE.1)
        .env("PLUGIN_PROTOCOL_VERSIONS", protocol)
        .env("PLUGIN_CLIENT_CERT", identity.pem())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let started = Instant::now();
    let mut child = Started(command.spawn()?);
    let stdout = child.0.stdout.take().ok_or("no stdout")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    let after = started.elapsed();
    check("the handshake", line.starts_with("1|"))?;
    Ok(after)
}

struct Seen {
    after: Duration,
    resident_kib: u64,
}

async fn schema(binary: &Path) -> Result<Seen, Failure> {
    let started = Instant::now();
    let plugin = Launch::executable(binary.to_path_buf())?.start().await?;
    let connection = plugin.connect().await?;
    connection.provider().get_provider_schema(get_provider_schema::Request {}).await?;
    let after = started.elapsed();
    let status = std::fs::read_to_string(format!("/proc/{}/status", plugin.id().unwrap_or_default()))?;
    let resident_kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.trim().parse().ok())
        .unwrap_or_default();
    plugin.shut_down().await?;
    Ok(Seen { after, resident_kib })
}

fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn median_of(values: &[u64]) -> u64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn spread(times: &[Duration]) -> String {
    let text = |time: Duration| {
        if time < Duration::from_secs(1) {
            format!("{:.1} ms", time.as_secs_f64() * 1e3)
        } else {
            format!("{:.2} s", time.as_secs_f64())
        }
    };
    let least = times.iter().min().copied().unwrap_or_default();
    let most = times.iter().max().copied().unwrap_or_default();
    format!("{} ({} to {})", text(median(times)), text(least), text(most))
}

fn megabytes(bytes: u64) -> f64 {
    ratio(bytes, 1_000_000)
}

#[expect(clippy::cast_precision_loss, reason = "for printing with one digit")]
fn ratio(a: u64, b: u64) -> f64 {
    a as f64 / b as f64
}

#[expect(clippy::print_stdout, reason = "the result of the program")]
fn say(title: &str) {
    println!("\n{title}");
}

#[expect(clippy::print_stdout, reason = "the result of the program")]
fn row(name: &str, text: &str) {
    println!("  {name:<42} {text}");
}
