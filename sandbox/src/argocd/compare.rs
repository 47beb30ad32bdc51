//! What becomes of one Application: what git says, what its member runs, and what the Application's status says of both.
//!
//! Pure. `pass.rs` calls it for each Application and does what it asks for. A sync takes a while and so does a rollout;
//! both are times of [`Pace`]. Texts are those of Argo CD's application controller.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::generate::Cluster;
use super::git::{self, Manifests};
use super::scaled;

/// How long things take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Until an Application is looked at.
    pub(super) compare: Duration,
    /// Until an automated sync has been done.
    pub(super) sync: Duration,
    /// Until what was deployed is healthy.
    pub(super) rollout: Duration,
    /// Until what is to be removed is gone.
    pub(super) removal: Duration,
}

impl Pace {
    pub(super) fn of(scale: f64) -> Self {
        let time = |seconds| scaled(seconds, scale);
        Self { compare: time(1.0), sync: time(2.0), rollout: time(6.0), removal: time(2.0) }
    }
}

/// What is remembered of an Application between passes.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    /// What it asked for when it was last looked at.
    spec: Value,
    /// Since when it asks for that.
    since: Instant,
    /// The same as text, for its status.
    since_text: String,
    /// Where it deployed what, and when.
    pub(super) deployed: Option<Deployed>,
    /// Since when it is being deleted.
    pub(super) ending: Option<Instant>,
}

/// Workloads in a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Deployed {
    pub(super) cluster_id: String,
    pub(super) namespace: String,
    pub(super) manifests: Manifests,
    pub(super) at: Instant,
}

impl Memory {
    pub(super) fn new(application: &Value, now: Instant, text: &str) -> Self {
        Self { spec: wish(application), since: now, since_text: text.to_owned(), deployed: None, ending: None }
    }

    /// Takes note of what it asks for now.
    pub(super) fn see(&mut self, application: &Value, now: Instant, text: &str) {
        let spec = wish(application);
        if spec != self.spec {
            (self.spec, self.since, self.since_text) = (spec, now, text.to_owned());
        }
    }
}

fn wish(application: &Value) -> Value {
    application.get("spec").cloned().unwrap_or_default()
}

/// What is around an Application.
#[derive(Debug)]
pub(super) struct Around<'a> {
    /// Its AppProject, if there is one of that name.
    pub(super) project: Option<&'a Value>,
    /// Its cluster, or why it has none.
    pub(super) cluster: Result<Cluster, String>,
    /// Whether the member has the namespace.
    pub(super) has_namespace: bool,
    /// Whether the member still runs what was deployed.
    pub(super) runs: bool,
    /// What keeps the member's Pods from becoming ready.
    pub(super) degraded: Option<&'a str>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Deed {
    /// Nothing.
    Nothing,
    /// Deploy this.
    Deploy { cluster_id: String, namespace: String, manifests: Manifests },
}

/// How an Application stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Judged {
    /// Its status, if it is known already.
    pub(super) status: Option<Value>,
    /// What is to be done.
    pub(super) deed: Deed,
    /// When to look again, if nothing happens.
    pub(super) again: Option<Duration>,
}

/// Judges an Application that is not being deleted.
pub(super) fn judge(application: &Value, memory: &Memory, around: &Around<'_>, pace: Pace, now: Instant) -> Judged {
    let wait =
        |due: Instant| Judged { status: None, deed: Deed::Nothing, again: Some(due.saturating_duration_since(now)) };
    let compared = memory.since + pace.compare;
    if now < compared {
        return wait(compared);
    }
    let text = |pointer: &str| application.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let failed = |kind: &str, message: String| Judged {
        status: Some(unknown(application, kind, &message)),
        deed: Deed::Nothing,
        again: None,
    };
    let (project, repo_url) = (text("/spec/project"), text("/spec/source/repoURL"));
    let Some(live_project) = around.project else {
        return failed("InvalidSpecError", format!("Application referencing project {project} which does not exist"));
    };
    let cluster = match &around.cluster {
        Ok(cluster) => cluster,
        Err(why) => return failed("InvalidSpecError", why.clone()),
    };
    if !permits(live_project.pointer("/spec/sourceRepos"), repo_url) {
        let message = format!("application repo {repo_url} is not permitted in project '{project}'");
        return failed("InvalidSpecError", message);
    }
    let namespace = text("/spec/destination/namespace");
    if !permits_destination(live_project, cluster, namespace) {
        let message = format!(
            "application destination server '{}' and namespace '{namespace}' do not match any of the allowed destinations in \
             project '{project}'",
            cluster.name
        );
        return failed("InvalidSpecError", message);
    }
    let manifests = match git::manifests(repo_url, text("/spec/source/path"), text("/spec/source/targetRevision")) {
        Ok(manifests) => manifests,
        Err(message) => return failed("ComparisonError", message),
    };
    let Some(cluster_id) = cluster.member() else {
        return failed("InvalidSpecError", "the sandbox's Fleet itself runs nothing".to_owned());
    };
    match &memory.deployed {
        Some(deployed)
            if around.runs
                && deployed.cluster_id == cluster_id
                && deployed.namespace == namespace
                && deployed.manifests == manifests =>
        {
            running(application, memory, deployed, around, pace, now)
        }
        _ => to_be_synced(application, memory, around, (cluster_id, namespace, manifests), pace, now),
    }
}

fn permits(patterns: Option<&Value>, text: &str) -> bool {
    let patterns = patterns.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    patterns.into_iter().any(|pattern| pattern == "*" || pattern == text || matches_end(pattern, text))
}

/// `https://host/*` and the like.
fn matches_end(pattern: &str, text: &str) -> bool {
    pattern.strip_suffix('*').is_some_and(|start| text.starts_with(start))
}

fn permits_destination(project: &Value, cluster: &Cluster, namespace: &str) -> bool {
    let allowed = project.pointer("/spec/destinations").and_then(Value::as_array).into_iter().flatten();
    let fits = |pattern: Option<&Value>, text: &str| {
        pattern
            .and_then(Value::as_str)
            .is_none_or(|pattern| pattern == "*" || pattern == text || matches_end(pattern, text))
    };
    allowed.into_iter().any(|one| {
        let named = fits(one.get("name"), &cluster.name) && fits(one.get("server"), &cluster.server);
        named && fits(one.get("namespace"), namespace)
    })
}

fn compared_to(application: &Value) -> Value {
    let part = |name: &str| application.pointer(&format!("/spec/{name}")).cloned();
    let mut all = json!({"destination": part("destination").unwrap_or_else(|| json!({}))});
    if let (Some(source), Some(all)) = (part("source"), all.as_object_mut()) {
        all.insert("source".to_owned(), source);
    }
    all
}

fn unknown(application: &Value, kind: &str, message: &str) -> Value {
    json!({
        "conditions": [{"type": kind, "message": message}],
        "sync": {"status": "Unknown", "comparedTo": compared_to(application)},
        // As in life: nothing is managed, so nothing of it is ill.
        "health": {"status": "Healthy"},
    })
}

fn resources(manifests: &Manifests, namespace: &str, sync: &str, health: &str) -> Value {
    manifests
        .workloads
        .iter()
        .map(|one| {
            let mut resource = json!({"version": "v1", "kind": one.kind, "name": one.name, "namespace": namespace,
                "status": sync, "health": {"status": if one.kind == "Service" && health == "Progressing" { "Healthy" } else { health }}});
            if let (false, Some(resource)) = (one.group.is_empty(), resource.as_object_mut()) {
                resource.insert("group".to_owned(), json!(one.group));
            }
            resource
        })
        .collect()
}

fn operation(memory: &Memory, phase: &str, message: &str, revision: &str) -> Value {
    json!({"phase": phase, "message": message, "startedAt": memory.since_text, "finishedAt": memory.since_text,
        "operation": {"initiatedBy": {"automated": true}, "sync": {"revision": revision}}})
}

fn running(
    application: &Value,
    memory: &Memory,
    deployed: &Deployed,
    around: &Around<'_>,
    pace: Pace,
    now: Instant,
) -> Judged {
    let due = deployed.at + pace.rollout;
    let revision = deployed.manifests.revision;
    let (health, again) = match around.degraded {
        Some(_) if now >= due => ("Degraded", None),
        None if now >= due => ("Healthy", None),
        _ => ("Progressing", Some(due.saturating_duration_since(now))),
    };
    let mut resources = resources(&deployed.manifests, &deployed.namespace, "Synced", health);
    if let (Some(message), Some(list)) = (around.degraded.filter(|_| health == "Degraded"), resources.as_array_mut()) {
        for one in list.iter_mut() {
            if one.get("kind").and_then(Value::as_str) == Some("Deployment") {
                *one.pointer_mut("/health").unwrap_or(&mut Value::Null) = json!({"status": health, "message": message});
            } else {
                *one.pointer_mut("/health").unwrap_or(&mut Value::Null) = json!({"status": "Healthy"});
            }
        }
    }
    let status = json!({
        "sync": {"status": "Synced", "revision": revision, "comparedTo": compared_to(application)},
        "health": {"status": health},
        "operationState": operation(memory, "Succeeded", "successfully synced (all tasks run)", revision),
        "resources": resources,
        "sourceType": "Directory",
    });
    Judged { status: Some(status), deed: Deed::Nothing, again }
}

fn to_be_synced(
    application: &Value,
    memory: &Memory,
    around: &Around<'_>,
    (cluster_id, namespace, manifests): (&str, &str, Manifests),
    pace: Pace,
    now: Instant,
) -> Judged {
    let revision = manifests.revision;
    let mut status = json!({
        "sync": {"status": "OutOfSync", "revision": revision, "comparedTo": compared_to(application)},
        "health": {"status": "Missing"},
        "resources": resources(&manifests, namespace, "OutOfSync", "Missing"),
        "sourceType": "Directory",
    });
    let automated = application.pointer("/spec/syncPolicy/automated");
    let is_automated = automated
        .is_some_and(|automated| automated.is_object() && automated.get("enabled") != Some(&Value::Bool(false)));
    if !is_automated {
        return Judged { status: Some(status), deed: Deed::Nothing, again: None };
    }
    let due = memory.since + pace.compare + pace.sync;
    if now < due {
        return Judged { status: Some(status), deed: Deed::Nothing, again: Some(due.saturating_duration_since(now)) };
    }
    let options = application.pointer("/spec/syncPolicy/syncOptions").and_then(Value::as_array);
    let creates = options.into_iter().flatten().any(|option| option == "CreateNamespace=true");
    if !around.has_namespace && !creates {
        let why = format!("one or more objects failed to apply, reason: namespaces \"{namespace}\" not found");
        if let Some(status) = status.as_object_mut() {
            let condition =
                json!({"type": "SyncError", "message": format!("Failed last sync attempt to [{revision}]: {why}")});
            status.insert("conditions".to_owned(), json!([condition]));
            status.insert("operationState".to_owned(), operation(memory, "Failed", &why, revision));
        }
        return Judged { status: Some(status), deed: Deed::Nothing, again: None };
    }
    let deed = Deed::Deploy { cluster_id: cluster_id.to_owned(), namespace: namespace.to_owned(), manifests };
    Judged { status: None, deed, again: Some(Duration::ZERO) }
}
