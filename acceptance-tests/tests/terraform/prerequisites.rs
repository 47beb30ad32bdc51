//! The walkthrough with one of its prerequisites missing, each in turn. Protects: the plan or the apply names what is
//! missing, before or instead of a wait that runs out; the table of what is said is a page of the docs.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too; clippy knows only the functions marked so")]

use std::collections::BTreeSet;

use acceptance_tests::configuration::Blocks;
use acceptance_tests::golden;
use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::terraform::Workspace;
use serde_json::{Value, json};

/// Who says what is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// The plan, in a warning: the same run may still mend it.
    PlanWarning,
    /// The plan, in an error: nothing can mend it.
    PlanError,
    /// The apply, in an error.
    ApplyError,
    /// The apply, in a warning of what it made.
    ApplyWarning,
}

impl By {
    const fn name(self) -> &'static str {
        match self {
            Self::PlanWarning => "plan, warning",
            Self::PlanError => "plan, error",
            Self::ApplyError => "apply, error",
            Self::ApplyWarning => "apply, warning",
        }
    }
}

/// A prerequisite, and a world without it.
struct Case {
    prerequisite: &'static str,
    /// What is done to take it away.
    without: &'static str,
    /// How the sandbox starts.
    sandbox: &'static [&'static str],
    take_away: fn(&Sandbox, &mut Blocks),
    by: By,
    /// Title of the message, and what its text must name.
    says: (&'static str, &'static str),
}

const BARE: &[&str] = &["--bare-members", "--closed-security-groups"];
const PLAN: &[&str] = &["plan", "-json", "-lock=false"];
const APPLY: &[&str] = &["apply", "-json", "-auto-approve"];

fn cases() -> Vec<Case> {
    vec![
        Case {
            prerequisite: "The ALB service is activated",
            without: "The ALB API refuses every call",
            sandbox: BARE,
            take_away: |sandbox, _| {
                let refused =
                    "alb=error,status=400,code=OperationDenied.ServiceNotOpen,message=The service is not open.";
                sandbox.fault(refused).unwrap();
            },
            by: By::PlanWarning,
            says: ("ALB Service Not Usable", "activate it in the ALB console"),
        },
        Case {
            prerequisite: "The Fleet runs",
            without: "The Fleet is `inactive`",
            sandbox: BARE,
            take_away: |sandbox, _| {
                let path = format!("/v1/world/fleets/{}", sandbox.ready.fleet_id);
                sandbox.control.post(&path, &json!({"state": "inactive"})).unwrap();
            },
            by: By::PlanWarning,
            says: ("Fleet Not Running", "inactive"),
        },
        Case {
            prerequisite: "The user may get the Fleet's kubeconfig",
            without: "`adcp:DescribeHubClusterKubeconfig` is denied",
            sandbox: BARE,
            take_away: |sandbox, _| {
                let deny = json!({"deny": ["adcp:DescribeHubClusterKubeconfig"]});
                sandbox.control.post("/v1/world/permissions", &deny).unwrap();
            },
            by: By::ApplyError,
            says: ("Cloud Action Forbidden", "adcp:DescribeHubClusterKubeconfig"),
        },
        Case {
            prerequisite: "The members are associated with the Fleet",
            without: "No `ackone_fleet_cluster_association`",
            sandbox: BARE,
            take_away: |_, configuration| {
                configuration.without("resource \"ackone_fleet_cluster_association\"");
                configuration
                    .replace("for_each = ackone_fleet_cluster_association.member", "for_each = var.member_cluster_ids");
                configuration.replace("[each.value.cluster_id]", "[each.value]");
                configuration.replace(
                    "[for member in ackone_fleet_cluster_association.member : member.cluster_id]",
                    "var.member_cluster_ids",
                );
            },
            by: By::PlanWarning,
            says: ("Member Cluster Not Associated", "ackone_fleet_cluster_association"),
        },
        Case {
            prerequisite: "The members stand in the Fleet's VPC",
            without: "A member of another VPC",
            sandbox: BARE,
            take_away: |sandbox, configuration| {
                let ids = json!([sandbox.ready.member_ids.first().unwrap(), sandbox.id_of("other-vpc")]);
                configuration.replace("for_each = var.member_cluster_ids", &format!("for_each = toset({ids})"));
            },
            by: By::PlanWarning,
            says: ("Cluster in Another VPC", "other-vpc"),
        },
        Case {
            prerequisite: "The vSwitches stand in the Fleet's VPC",
            without: "A vSwitch of another VPC",
            sandbox: BARE,
            take_away: |sandbox, configuration| {
                let ids = json!([sandbox.id_of("gateway-i"), sandbox.id_of("other-vpc-h")]).to_string();
                configuration.replace("var.vswitch_ids", &ids);
            },
            by: By::PlanWarning,
            says: ("VSwitch in Another VPC", "vsw-bp1f4df60e644b2264c744"),
        },
        Case {
            prerequisite: "The vSwitches are in two zones",
            without: "Two vSwitches of one zone",
            sandbox: BARE,
            take_away: |sandbox, configuration| {
                let ids = json!([sandbox.id_of("gateway-h"), sandbox.id_of("same-zone-h")]).to_string();
                configuration.replace("var.vswitch_ids", &ids);
            },
            by: By::PlanError,
            says: ("VSwitches in One Zone", "cn-hangzhou-h"),
        },
        Case {
            prerequisite: "The members' security groups admit the vSwitches",
            without: "No `ackone_backend_access`",
            sandbox: BARE,
            take_away: |_, configuration| {
                configuration.without("resource \"ackone_backend_access\"");
                configuration.replace("  depends_on = [ackone_backend_access.member]\n", "");
            },
            by: By::PlanWarning,
            says: ("Security Group Closed", "ackone_backend_access"),
        },
        Case {
            prerequisite: "The namespace exists in the Fleet",
            without: "No `ackone_namespace`",
            sandbox: BARE,
            take_away: |_, configuration| {
                configuration.without("resource \"ackone_namespace\"");
                configuration.replace("ackone_namespace.demo.name", "\"gateway-demo\"");
            },
            by: By::ApplyError,
            says: ("Namespace Missing", "ackone_namespace"),
        },
        Case {
            prerequisite: "The certificate's Secret is in the Fleet",
            without: "No `ackone_tls_secret`",
            sandbox: BARE,
            take_away: |_, configuration| {
                configuration.without("resource \"ackone_tls_secret\"");
                configuration.replace("ackone_tls_secret.grpc.name", "\"grpc-secret\"");
            },
            by: By::PlanWarning,
            says: ("TLS Secret Missing", "gateway-demo/grpc-secret"),
        },
        Case {
            prerequisite: "The certificate covers the host",
            without: "A certificate for another name",
            sandbox: BARE,
            take_away: |_, configuration| {
                configuration.replace("common_name = var.host", "common_name = \"other.example.com\"");
                configuration.replace("dns_names   = [var.host]", "dns_names   = [\"other.example.com\"]");
            },
            by: By::PlanWarning,
            says: ("Host Not in Certificate", "grpc.example.com"),
        },
        Case {
            prerequisite: "The gRPC service runs on the members",
            without: "No `ackone_application_set`",
            sandbox: BARE,
            take_away: |_, configuration| {
                configuration.without("resource \"ackone_application_set\"");
                configuration.replace("  depends_on = [ackone_application_set.grpc]\n", "");
                // The proof fails too, at its deadline; the route is told before.
                configuration
                    .replace("on_failure           = \"report\"", "on_failure = \"report\"\n  deadline = \"3s\"");
            },
            by: By::ApplyWarning,
            says: ("No Backend Behind the Route", "gateway-demo/grpc-service"),
        },
    ]
}

/// The diagnostics of a run: severity, title and text.
fn told(stdout: &str) -> Vec<(String, String, String)> {
    let diagnostic = |line: &str| {
        let event: Value = serde_json::from_str(line).ok()?;
        let diagnostic = event.get("diagnostic")?;
        let text = |name: &str| diagnostic.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Some((text("severity"), text("summary"), text("detail")))
    };
    stdout.lines().filter_map(diagnostic).collect()
}

#[test]
fn each_missing_prerequisite_is_named() {
    let mut rows = String::from("| | Prerequisite | Taken away | Who says it | Message |\n|---|---|---|---|---|\n");
    let mut wrong = Vec::new();
    let all = cases();
    let names: BTreeSet<&str> = all.iter().map(|case| case.prerequisite).collect();
    assert_eq!((all.len(), names.len()), (12, 12));
    for (number, Case { prerequisite, without, sandbox, take_away, by, says: (title, names) }) in
        all.into_iter().enumerate()
    {
        let sandbox = Sandbox::start_with(sandbox).unwrap();
        let workspace = Workspace::walkthrough(&sandbox).unwrap();
        let mut configuration = Blocks::of(&workspace, "main.tf").unwrap();
        take_away(&sandbox, &mut configuration);
        workspace.write("main.tf", configuration.text()).unwrap();
        let (severity, arguments): (&str, &[&str]) = match by {
            By::PlanWarning => ("warning", PLAN),
            By::PlanError => ("error", PLAN),
            By::ApplyError => ("error", APPLY),
            By::ApplyWarning => ("warning", APPLY),
        };
        let finished = workspace.run(arguments).unwrap();
        let told = told(&finished.stdout);
        let hit = |(level, summary, detail): &&(String, String, String)| {
            level == severity && summary.contains(title) && (summary.contains(names) || detail.contains(names))
        };
        match told.iter().find(hit) {
            Some((_, summary, _)) => {
                rows.push_str(&format!("| {} | {prerequisite} | {without} | {} | {summary} |\n", number + 1, by.name()))
            }
            None => wrong.push(format!("{prerequisite}: no {severity} {title:?} that names {names:?} in {told:#?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    golden::check_file("prerequisites.md", &rows).unwrap();
}
