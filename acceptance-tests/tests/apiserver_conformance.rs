//! The conformance list on both servers: what a real kube-apiserver answers is recorded, and the embedded server must
//! answer the same, but for a short list of differences with reasons. Where there is a real server, the record is checked
//! against it too (or written anew with `ACKONE_UPDATE=1`), and the sandbox's door in front of it must change no answer.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "helpers of tests are tests too")]

use std::collections::BTreeMap;

use acceptance_tests::conformance::{self, Comparison, FILES, Made, Means, Recorded, Server};
use acceptance_tests::real::{self, Lease};
use acceptance_tests::sandbox::Sandbox;

/// Cases about who may do what, which the sandbox's door decides and not the server behind it.
const OF_THE_DOOR: &str = "who may";

fn quiet(real: Option<Lease>) -> Sandbox {
    let sandbox = Sandbox::start_on(real, &[]).unwrap();
    // The cases make objects that the controller would take up.
    sandbox.pause_controller().unwrap();
    sandbox
}

fn lease() -> Lease {
    real::lease().unwrap().expect("run this with scripts/kube-apiserver, which names real servers")
}

fn direct(sandbox: &Sandbox) -> Server {
    let lease = sandbox.real().unwrap();
    Server::new(lease.kubeconfig(), Means::Real { store_url: lease.store_url().unwrap() }).unwrap()
}

fn through_the_door(sandbox: &Sandbox) -> Server {
    Server::new(&sandbox.kubeconfig().unwrap(), Means::Sandbox(sandbox.control.clone())).unwrap()
}

fn tell(server: &str, file: &str, comparison: &Comparison) {
    let equal: usize = comparison.equal.values().sum();
    let areas: Vec<String> = comparison.equal.iter().map(|(area, count)| format!("{area} {count}")).collect();
    println!("\nnote: {server}, {file}: {equal} answers equal ({})", areas.join(", "));
}

#[test]
fn the_embedded_server_answers_as_the_real_one_did() {
    let accepted = conformance::accepted().unwrap();
    let mut different = BTreeMap::new();
    for file in FILES {
        let cases = conformance::cases(file).unwrap();
        let sandbox = quiet(None);
        let answers = conformance::run(&through_the_door(&sandbox), &cases, &Made::new().unwrap()).unwrap();
        let comparison = conformance::compare(&cases, &conformance::recorded(file).unwrap(), &answers);
        tell("embedded server", file, &comparison);
        assert_eq!(comparison.missing, Vec::<String>::new(), "{file}: cases without a recorded answer");
        different.extend(comparison.different);
    }
    println!(
        "\nnote: embedded server: {} answers differ, {} of them accepted with a reason",
        different.len(),
        accepted.len()
    );
    for (name, reason) in &accepted {
        assert!(different.remove(name).is_some(), "{name:?} is equal now: take it off the list ({reason})");
    }
    let told: Vec<String> = different.iter().map(|(name, told)| format!("{name}: {told}")).collect();
    assert!(told.is_empty(), "{} unexpected differences:\n{}", told.len(), told.join("\n"));
}

#[test]
#[ignore = "needs a real API server: scripts/kube-apiserver run 1 cargo test ... -- --ignored"]
fn the_real_server_answers_as_recorded() {
    let writes = std::env::var_os("ACKONE_UPDATE").is_some();
    for file in FILES {
        let cases = conformance::cases(file).unwrap();
        let sandbox = quiet(Some(lease()));
        let version = real::version(sandbox.real().unwrap().kubeconfig()).unwrap();
        let answers = conformance::run(&direct(&sandbox), &cases, &Made::new().unwrap()).unwrap();
        if writes {
            conformance::record(file, &answers).unwrap();
        }
        let comparison = conformance::compare(&cases, &conformance::recorded(file).unwrap(), &answers);
        tell(&format!("kube-apiserver {version}"), file, &comparison);
        assert_eq!(comparison.missing, Vec::<String>::new(), "{file}: cases without a recorded answer");
        let told: Vec<&String> = comparison.different.values().collect();
        assert!(told.is_empty(), "{} answers are not as recorded:\n{told:#?}", told.len());
    }
}

#[test]
#[ignore = "needs a real API server: scripts/kube-apiserver run 1 cargo test ... -- --ignored"]
fn the_door_in_front_of_the_real_server_changes_no_answer() {
    for file in FILES {
        let cases: Vec<_> = conformance::cases(file)
            .unwrap()
            .into_iter()
            .filter(|case| case.area != OF_THE_DOOR && case.area != "expired")
            .collect();
        let sandbox = quiet(Some(lease()));
        let answers: Vec<Recorded> =
            conformance::run(&through_the_door(&sandbox), &cases, &Made::new().unwrap()).unwrap();
        let comparison = conformance::compare(&cases, &conformance::recorded(file).unwrap(), &answers);
        tell("real server behind the sandbox's door", file, &comparison);
        let told: Vec<&String> = comparison.different.values().collect();
        assert!(told.is_empty(), "{} answers differ:\n{told:#?}", told.len());
    }
}
