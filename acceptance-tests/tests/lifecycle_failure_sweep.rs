//! For every resource type and each k: the k-th remote call of a create, an update or a delete fails, once before it did
//! anything (`reset`) and once after it did everything (`drop_after`), with a provider that does not retry. Protects: no
//! object is missing from state for good, none is doubled, and a second run, by a fresh process, converges.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests are tests too; clippy knows only the functions marked so"
)]

use std::time::Duration;

use acceptance_tests::host::{Answer, Instance, Session};
use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::{tools, wait_until};
use serde_json::{Value, json};

/// No operation makes more calls than this; a sweep that reaches it goes round in circles.
const MOST_CALLS: u64 = 60;
/// How long the controller may take to make a gateway that a test begins with. Far more than it takes.
const GATEWAY_LIMIT: Duration = Duration::from_secs(60);

/// A resource type in the sweep.
struct Swept {
    sandbox: Sandbox,
    provider: Value,
    type_name: &'static str,
    created: Value,
    changed: Value,
}

/// One operation of the sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Create,
    Update,
    Delete,
}

/// What exists, by what a user would miss or pay for: IDs of the load balancers differ from run to run, and what hangs
/// below them is the controller's to build and clear in its own time.
fn essence(sandbox: &Sandbox) -> Value {
    let mut inventory = sandbox.inventory().unwrap();
    inventory["alb"] = json!({"load_balancers": balancers(&inventory)});
    let rules = inventory["cloud"]["security_group_rules_added"].as_array_mut().unwrap();
    rules.iter_mut().for_each(|rule| rule["rule_id"] = Value::Null);
    rules.sort_by_key(Value::to_string);
    inventory
}

fn balancers(inventory: &Value) -> Option<usize> {
    inventory["alb"]["load_balancers"].as_array().map(Vec::len)
}

impl Swept {
    fn new(arguments: &[&str], type_name: &'static str, configure: impl Fn(&Sandbox) -> (Value, Value)) -> Self {
        let mut all = vec!["--time-scale", "0.01"];
        all.extend(arguments);
        let sandbox = Sandbox::start_with(&all).unwrap();
        let provider = json!({"fleet_id": sandbox.ready.fleet_id, "max_retries": 0});
        let (created, changed) = configure(&sandbox);
        Self { sandbox, provider, type_name, created, changed }
    }

    async fn session(&self) -> Session {
        Session::start(&self.sandbox.environment(), &self.provider).await.unwrap()
    }

    /// One run of a fresh process: refreshes what there is, and applies.
    async fn run(&self, config: &Value, prior: &Instance) -> Answer {
        let session = self.session().await;
        let prior = if prior.state.is_null() {
            prior.clone()
        } else {
            let read = session.read(self.type_name, prior).await.unwrap();
            assert!(read.errors.is_empty(), "{}: {:?}", self.type_name, read.errors);
            read.instance
        };
        let answer = if prior.state.is_null() && config.is_null() {
            Answer { instance: prior, errors: Vec::new(), warnings: Vec::new() }
        } else {
            session.apply(self.type_name, config, &prior).await.unwrap()
        };
        session.end().await.unwrap();
        answer
    }

    /// The same without any fault, which must succeed; what is tainted is replaced, as core does it.
    async fn converge(&self, config: &Value, prior: &Instance, told: &str) -> Instance {
        let prior = if prior.tainted && !config.is_null() {
            let deleted = self.run(&Value::Null, prior).await;
            assert!(deleted.errors.is_empty(), "{told}: deleting what is tainted: {:?}", deleted.errors);
            Instance::default()
        } else {
            prior.clone()
        };
        let answer = self.run(config, &prior).await;
        assert!(answer.errors.is_empty(), "{told}: {:?}\n{}", answer.errors, self.recent_calls());
        answer.instance
    }

    fn recent_calls(&self) -> String {
        let calls = self.sandbox.calls().unwrap();
        let lines: Vec<String> = calls.iter().rev().take(25).rev().map(ToString::to_string).collect();
        lines.join("\n")
    }

    /// Fails each call of one operation in turn. Answers how many calls there were.
    async fn sweep(&self, operation: Operation, fault: &str) -> u64 {
        let nothing = essence(&self.sandbox);
        let (target, start) = match operation {
            Operation::Create => (&self.created, &Value::Null),
            Operation::Update => (&self.changed, &self.created),
            Operation::Delete => (&Value::Null, &self.created),
        };
        let mut wanted = None;
        for k in 0..=MOST_CALLS {
            // The first round spoils no call, and shows what an undisturbed run makes.
            let undisturbed = k == 0;
            let told = format!("{} {operation:?}, call {k}, {fault}", self.type_name);
            let before = if start.is_null() {
                Instance::default()
            } else {
                self.converge(start, &Instance::default(), &told).await
            };
            let session = self.session().await;
            self.sandbox.forget_calls().unwrap();
            let rule = (!undisturbed).then(|| self.sandbox.fault(&format!("*={fault},call={k}")).unwrap());
            let answer = session.apply(self.type_name, target, &before).await.unwrap();
            let fired = rule.map(|rule| self.sandbox.fired(rule).unwrap());
            self.sandbox.no_faults().unwrap();
            session.end().await.unwrap();
            if fired.is_none_or(|times| times == 0) {
                assert!(answer.errors.is_empty(), "{told}: undisturbed, {:?}", answer.errors);
            }
            let settled = self.converge(target, &answer.instance, &told).await;
            let inventory = essence(&self.sandbox);
            let wanted = wanted.get_or_insert_with(|| inventory.clone());
            assert_eq!(&inventory, wanted, "{told}: not what an undisturbed run makes\n{}", self.recent_calls());
            assert_eq!(settled.state.is_null(), target.is_null(), "{told}: {}", settled.state);
            self.converge(&Value::Null, &settled, &told).await;
            assert_eq!(essence(&self.sandbox), nothing, "{told}: something is left");
            if fired == Some(0) {
                return k - 1;
            }
        }
        panic!("{} {operation:?} makes more than {MOST_CALLS} calls", self.type_name)
    }

    async fn sweep_all(&self) {
        for fault in ["reset", "drop_after"] {
            self.sweep_each(&[Operation::Create, Operation::Update, Operation::Delete], fault).await;
        }
    }

    async fn sweep_each(&self, operations: &[Operation], fault: &str) {
        for operation in operations {
            let calls = self.sweep(*operation, fault).await;
            println!("{} {operation:?} with {fault}: {calls} calls, each failed once", self.type_name);
            assert!(calls > 0, "{} {operation:?} made no call", self.type_name);
        }
    }
}

/// Its only settings that change in place are local: an update makes no call. Joining calls and polling take real time,
/// so the two faults run side by side.
async fn association(fault: &str) {
    let swept = Swept::new(&[], "ackone_fleet_cluster_association", |sandbox| {
        let member = json!({"cluster_id": sandbox.ready.member_ids[0]});
        (member.clone(), member)
    });
    swept.sweep_each(&[Operation::Create, Operation::Delete], fault).await;
}

#[tokio::test]
async fn no_refused_call_loses_or_doubles_an_association() {
    association("reset").await;
}

#[tokio::test]
async fn no_lost_answer_loses_or_doubles_an_association() {
    association("drop_after").await;
}

#[tokio::test]
async fn no_failing_call_loses_or_doubles_a_rule() {
    let swept = Swept::new(&["--attached", "--closed-security-groups"], "ackone_backend_access", |sandbox| {
        let created = json!({"name": "swept", "cluster_ids": sandbox.ready.member_ids,
            "vswitch_ids": sandbox.ready.vswitch_ids});
        // One vSwitch leaves, a range comes, and the other one's rules are made anew with another priority.
        let mut changed = created.clone();
        changed["vswitch_ids"] = json!([sandbox.ready.vswitch_ids[0]]);
        changed["source_cidrs"] = json!(["10.0.8.0/24"]);
        changed["priority"] = json!(5);
        (created, changed)
    });
    swept.sweep_all().await;
}

#[tokio::test]
async fn no_failing_call_loses_or_doubles_a_namespace() {
    let swept = Swept::new(&["--attached"], "ackone_namespace", |_| {
        (json!({"name": "swept"}), json!({"name": "swept", "labels": {"team": "edge"}}))
    });
    swept.sweep_all().await;
}

#[tokio::test]
async fn no_failing_call_loses_or_doubles_a_secret() {
    let swept = Swept::new(&["--attached"], "ackone_tls_secret", |sandbox| {
        let folder = tempfile::tempdir().unwrap();
        sandbox.kubectl(folder.path(), &["create", "namespace", "swept"]).unwrap();
        tools::walkthrough_certificate(folder.path()).unwrap();
        let text = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        let created = json!({"namespace": "swept", "name": "grpc-secret",
            "certificate_pem": text("grpc.crt"), "private_key_pem": text("grpc.key")});
        let mut changed = created.clone();
        changed["labels"] = json!({"team": "edge"});
        (created, changed)
    });
    swept.sweep_all().await;
}

#[tokio::test]
async fn no_failing_call_loses_or_doubles_a_self_signed_secret() {
    let swept = Swept::new(&["--attached"], "ackone_tls_secret", |sandbox| {
        let folder = tempfile::tempdir().unwrap();
        sandbox.kubectl(folder.path(), &["create", "namespace", "swept"]).unwrap();
        let created = json!({"namespace": "swept", "name": "grpc-secret",
            "self_signed": {"common_name": "grpc.example.com", "key_algorithm": "ECDSA_P256"}});
        let mut changed = created.clone();
        changed["labels"] = json!({"team": "edge"});
        (created, changed)
    });
    swept.sweep_all().await;
}

fn gateway(sandbox: &Sandbox) -> Value {
    json!({
        "name": "ackone-gateway-demo", "ingress_class_name": "alb", "remote_clusters": sandbox.ready.member_ids,
        "zone_mappings": sandbox.ready.vswitch_ids.iter().map(|id| json!({"vswitch_id": id})).collect::<Vec<_>>(),
        "listeners": {"8001/HTTP": {}},
    })
}

#[tokio::test]
async fn no_failing_call_loses_or_doubles_a_gateway() {
    let swept = Swept::new(&["--attached"], "ackone_alb_gateway", |sandbox| {
        let created = gateway(sandbox);
        let mut changed = created.clone();
        changed["listeners"] = json!({"8001/HTTP": {"idle_timeout": 60}});
        // The proof of an update takes 15 s of quiet, each time; waits have tests of their own.
        changed["wait"] = json!(false);
        (created, changed)
    });
    swept.sweep_all().await;
}

#[tokio::test]
async fn no_failing_call_loses_or_doubles_a_grpc_ingress() {
    let swept = Swept::new(&["--attached"], "ackone_grpc_ingress", |sandbox| {
        let folder = tempfile::tempdir().unwrap();
        tools::walkthrough_certificate(folder.path()).unwrap();
        sandbox.walkthrough_yaml("gateway.yaml", folder.path()).unwrap();
        sandbox.kubectl(folder.path(), &["create", "namespace", "gateway-demo"]).unwrap();
        let secret = ["create", "secret", "tls", "grpc-secret", "--key", "grpc.key", "--cert", "grpc.crt"];
        sandbox.kubectl(folder.path(), &[secret.as_slice(), &["--namespace", "gateway-demo"]].concat()).unwrap();
        sandbox.kubectl(folder.path(), &["apply", "--filename", "gateway.yaml"]).unwrap();
        // The gateway is no part of the sweep: what the controller makes of it is there before anything is compared.
        wait_until("the gateway's load balancer", GATEWAY_LIMIT, || match balancers(&sandbox.inventory().unwrap()) {
            Some(1) => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .unwrap();
        let created = json!({
            "namespace": "gateway-demo", "name": "grpc-ingress", "ingress_class_name": "alb",
            "listen_ports": ["443/HTTPS"],
            "rules": [{"host": "grpc.example.com", "paths": [{"service_name": "grpc-service", "service_port": 50051}]}],
            "tls": [{"hosts": ["grpc.example.com"], "secret_name": "grpc-secret"}],
        });
        let mut changed = created.clone();
        changed["rules"][0]["paths"][0]["service_port"] = json!(50052);
        changed["wait"] = json!(false);
        (created, changed)
    });
    swept.sweep_all().await;
}

#[tokio::test]
async fn no_failing_call_loses_or_doubles_an_application_set() {
    let swept = Swept::new(&["--attached", "--bare-members"], "ackone_application_set", |sandbox| {
        let created = json!({
            "name": "swept", "application_name": "{{.metadata.annotations.cluster_name}}-swept",
            "source": {"repo_url": "https://github.com/ivan-cai/gitops-demo.git", "path": "manifests/directory/grpc",
                "target_revision": "main"},
            "destination": {"namespace": "gateway-demo"},
            "sync_policy": {"automated": {}, "sync_options": ["CreateNamespace=true"]},
            "expected_cluster_ids": sandbox.ready.member_ids,
        });
        let mut changed = created.clone();
        changed["sync_policy"]["automated"] = json!({"self_heal": true});
        (created, changed)
    });
    swept.sweep_all().await;
}
