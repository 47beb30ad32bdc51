//! Members under concurrency, against a Fleet that behaves.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{FutureExt, future::join_all};
use tokio::time::Instant;

use super::server::{Received, Reply, Server, keys};
use crate::cloud::*;

/// A Fleet: members and their states, and what to do with the next write.
#[derive(Default)]
struct World {
    members: BTreeMap<String, String>,
    /// Done to writes in order; `None` is the normal answer.
    faults: Vec<Fault>,
    /// Answered to lists before the real list, in order.
    lists: Vec<Reply>,
    /// Refused with this code if a batch holds it.
    refused: Option<(&'static str, &'static str)>,
}

#[derive(Clone, Copy)]
enum Fault {
    /// Carried out, answer lost.
    LostAfter,
    /// Not carried out, connection lost.
    LostBefore,
    /// Refused with this code.
    Code(&'static str),
}

type Shared = Arc<Mutex<World>>;

fn write(world: &mut World, received: &Received, state: Option<&str>) -> Reply {
    let fault = if world.faults.is_empty() { None } else { Some(world.faults.remove(0)) };
    match fault {
        Some(Fault::LostBefore) => return Reply::Drop,
        Some(Fault::Code(code)) => return Reply::error(400, code),
        Some(Fault::LostAfter) | None => {}
    }
    let members = received.cluster_ids();
    if let Some((member, code)) = world.refused
        && members.iter().any(|candidate| candidate == member)
    {
        return Reply::error(400, code);
    }
    for member in members {
        match state {
            Some(state) => world.members.insert(member, state.to_owned()),
            None => world.members.remove(&member),
        };
    }
    match fault {
        Some(Fault::LostAfter) => Reply::Drop,
        Some(Fault::LostBefore | Fault::Code(_)) | None => {
            Reply::ok(r#"{"ClusterId":"f","TaskId":"T-1","RequestId":"R"}"#)
        }
    }
}

fn list(world: &mut World) -> Reply {
    if !world.lists.is_empty() {
        return world.lists.remove(0);
    }
    listing(&world.members.iter().map(|(id, state)| (id.as_str(), state.as_str())).collect::<Vec<_>>())
}

fn listing(members: &[(&str, &str)]) -> Reply {
    let items: Vec<String> = members
        .iter()
        .map(|(id, state)| {
            format!(r#"{{"Cluster":{{"ClusterID":"{id}"}},"Status":{{"State":"{state}","Message":"about {id}"}}}}"#)
        })
        .collect();
    Reply::ok(&format!(r#"{{"Clusters":[{}],"RequestId":"R"}}"#, items.join(",")))
}

async fn start(world: World) -> (Server, CloudClient, Shared) {
    let world = Arc::new(Mutex::new(world));
    let inside = Arc::clone(&world);
    let server = Server::answering(move |received| {
        let mut world = inside.lock().unwrap();
        match received.action() {
            "AttachClusterToHub" => write(&mut world, received, Some("Installing")),
            "DetachClusterFromHub" => write(&mut world, received, None),
            "DescribeManagedClusters" => list(&mut world),
            _ => Reply::error(404, "InvalidAction.NotFound"),
        }
    })
    .await;
    let client = server.client();
    (server, client, world)
}

fn fleet() -> FleetId {
    FleetId::new("f")
}

fn ids(count: usize) -> Vec<ClusterId> {
    (0..count).map(|n| ClusterId::new(format!("c{n}"))).collect()
}

const ATTACH: &str = "AttachClusterToHub";
const DETACH: &str = "DetachClusterFromHub";
const LIST: &str = "DescribeManagedClusters";

#[tokio::test]
async fn concurrent_attaches_become_one_call() {
    let (server, client, world) = start(World::default()).await;
    let (fleet, context, members) = (fleet(), CallContext::default(), ids(10));
    let answers = join_all(members.iter().map(|member| client.attach_member(&fleet, member, &context))).await;
    assert!(answers.iter().all(|answer| matches!(answer, Ok(MemberChange::Accepted { .. }))), "{answers:?}");
    assert_eq!(server.received().len(), 1);
    assert_eq!(world.lock().unwrap().members.len(), 10);
    let detached = join_all(members.iter().map(|member| client.detach_member(&fleet, member, &context))).await;
    assert!(detached.iter().all(Result::is_ok));
    assert_eq!((server.count(ATTACH), server.count(DETACH), server.count(LIST)), (1, 1, 0));
}

#[tokio::test]
async fn the_same_member_asked_for_twice_is_sent_once() {
    let (server, client, _) = start(World::default()).await;
    let (fleet, member, context) = (fleet(), ClusterId::new("c1"), CallContext::default());
    let (first, second) =
        tokio::join!(client.attach_member(&fleet, &member, &context), client.attach_member(&fleet, &member, &context));
    assert_eq!(first.unwrap(), second.unwrap());
    assert_eq!(server.received()[0].cluster_ids(), ["c1"]);
}

#[tokio::test]
async fn different_fleets_are_not_joined() {
    let (server, client, _) = start(World::default()).await;
    let (member, context) = (ClusterId::new("c1"), CallContext::default());
    let (one, other) = (FleetId::new("f1"), FleetId::new("f2"));
    let (first, second) =
        tokio::join!(client.attach_member(&one, &member, &context), client.attach_member(&other, &member, &context));
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(server.count(ATTACH), 2);
}

#[tokio::test]
async fn a_refused_batch_gives_each_caller_its_own_answer() {
    let world = World { refused: Some(("c3", "WrongVpc")), ..World::default() };
    let (server, client, world) = start(world).await;
    let (fleet, context, members) = (fleet(), CallContext::default(), ids(6));
    let answers = join_all(members.iter().map(|member| client.attach_member(&fleet, member, &context))).await;
    for (member, answer) in members.iter().zip(&answers) {
        if member.as_str() == "c3" {
            assert_eq!(answer.as_ref().unwrap_err().code(), "WrongVpc");
        } else {
            assert!(matches!(answer, Ok(MemberChange::Accepted { .. })), "{member}: {answer:?}");
        }
    }
    assert_eq!(server.count(ATTACH), 1 + 6);
    assert_eq!(world.lock().unwrap().members.len(), 5);
}

#[tokio::test]
async fn a_refusal_that_concerns_everybody_is_not_tried_member_by_member() {
    for code in ["Forbidden.RAM", "InvalidAccessKeyId.NotFound", "Cluster.NotFound"] {
        let (server, client, _) = start(World { faults: vec![Fault::Code(code)], ..World::default() }).await;
        let (fleet, context, members) = (fleet(), CallContext::default(), ids(3));
        let answers = join_all(members.iter().map(|member| client.attach_member(&fleet, member, &context))).await;
        assert!(answers.iter().all(|answer| answer.as_ref().unwrap_err().code() == code), "{answers:?}");
        assert_eq!(server.received().len(), 1, "{code}");
    }
}

#[tokio::test]
async fn an_attach_whose_answer_is_lost_is_found_in_the_list_and_not_sent_again() {
    let (server, client, _) = start(World { faults: vec![Fault::LostAfter], ..World::default() }).await;
    let (fleet, context, members) = (fleet(), CallContext::default(), ids(3));
    let answers = join_all(members.iter().map(|member| client.attach_member(&fleet, member, &context))).await;
    assert!(answers.iter().all(|answer| matches!(answer, Ok(MemberChange::Observed))), "{answers:?}");
    assert_eq!((server.count(ATTACH), server.count(LIST)), (1, 1));
}

#[tokio::test]
async fn an_attach_that_shows_late_is_still_not_sent_again() {
    let world = World { faults: vec![Fault::LostAfter], lists: vec![listing(&[]), listing(&[])], ..World::default() };
    let (server, client, _) = start(world).await;
    let answer = client.attach_member(&fleet(), &"c1".into(), &CallContext::default()).await;
    assert_eq!(answer.unwrap(), MemberChange::Observed);
    assert_eq!((server.count(ATTACH), server.count(LIST)), (1, 3));
}

#[tokio::test]
async fn an_attach_that_never_shows_is_sent_once_more() {
    let (server, client, world) = start(World { faults: vec![Fault::LostBefore], ..World::default() }).await;
    let answer = client.attach_member(&fleet(), &"c1".into(), &CallContext::default()).await;
    assert!(matches!(answer, Ok(MemberChange::Accepted { .. })), "{answer:?}");
    assert_eq!((server.count(ATTACH), server.count(LIST)), (2, 3));
    assert_eq!(world.lock().unwrap().members["c1"], "Installing");

    let (server, client, _) =
        start(World { faults: vec![Fault::LostBefore, Fault::LostBefore], ..World::default() }).await;
    let error = client.attach_member(&fleet(), &"c1".into(), &CallContext::default()).await.unwrap_err();
    assert!(error.is_ambiguous());
    assert_eq!(server.count(ATTACH), 2, "no endless repetition");
}

#[tokio::test]
async fn a_detach_whose_answer_is_lost_is_found_in_the_list() {
    let members = [("c1".to_owned(), "Successed".to_owned())].into();
    let (server, client, world) = start(World { members, faults: vec![Fault::LostAfter], ..World::default() }).await;
    let answer = client.detach_member(&fleet(), &"c1".into(), &CallContext::default()).await;
    assert_eq!(answer.unwrap(), MemberChange::Observed);
    assert_eq!(server.count(DETACH), 1);
    assert!(world.lock().unwrap().members.is_empty());
}

#[tokio::test]
async fn a_refusal_because_it_is_already_so_is_no_error() {
    let members = [("c1".to_owned(), "Successed".to_owned())].into();
    let world = World { members, refused: Some(("c1", "AlreadyThere")), ..World::default() };
    let (_server, client, _) = start(world).await;
    let attach = client.attach_member(&fleet(), &"c1".into(), &CallContext::default()).await;
    assert_eq!(attach.unwrap(), MemberChange::Observed);

    let (_server, client, _) = start(World { refused: Some(("c1", "NotAMember")), ..World::default() }).await;
    let detach = client.detach_member(&fleet(), &"c1".into(), &CallContext::default()).await;
    assert_eq!(detach.unwrap(), MemberChange::Observed);
}

#[tokio::test]
async fn an_attach_interrupted_before_it_is_sent_is_withdrawn() {
    let (server, _, _) = start(World::default()).await;
    let mut config = server.config(vec![keys("id", None)]);
    config.membership.join_window = Duration::from_millis(200);
    let client = CloudClient::new(config);
    let (fleet, patient, hurried) = (fleet(), CallContext::default(), CallContext::default());
    let (stay, go) = (ClusterId::new("stay"), ClusterId::new("go"));
    let (stayed, gone, ()) = tokio::join!(
        client.attach_member(&fleet, &stay, &patient),
        client.attach_member(&fleet, &go, &hurried),
        async { hurried.cancel.cancel() },
    );
    assert!(stayed.is_ok());
    assert!(matches!(gone, Err(CloudError::Cancelled { maybe_sent: false, .. })), "{gone:?}");
    assert_eq!(server.received()[0].cluster_ids(), ["stay"]);
}

#[tokio::test]
async fn an_interrupt_with_the_call_on_its_way_ends_within_a_second() {
    let server = Server::scripted(vec![Reply::Hang]).await;
    let (client, fleet, member, context) = (server.client(), fleet(), ClusterId::new("c1"), CallContext::default());
    let (ended, cancelled_at) = tokio::join!(client.attach_member(&fleet, &member, &context), async {
        server.until_received(1).await;
        context.cancel.cancel();
        Instant::now()
    });
    assert!(matches!(ended, Err(CloudError::Cancelled { maybe_sent: true, .. })), "{ended:?}");
    assert!(cancelled_at.elapsed() < Duration::from_secs(1), "{:?}", cancelled_at.elapsed());
}

#[tokio::test]
async fn a_caller_that_is_dropped_does_not_abandon_the_others() {
    let (server, client, _) = start(World::default()).await;
    let (fleet, context) = (fleet(), CallContext::default());
    let (first, second) = (ClusterId::new("c1"), ClusterId::new("c2"));
    let mut dropped = Box::pin(client.attach_member(&fleet, &first, &context));
    assert!(dropped.as_mut().now_or_never().is_none());
    drop(dropped);
    client.attach_member(&fleet, &second, &context).await.unwrap();
    assert_eq!(server.received()[0].cluster_ids(), ["c2"]);
}

async fn watch(lists: Vec<Reply>, wanted: Wanted) -> (Result<Option<fleet::ManagedCluster>, WaitError>, Vec<String>) {
    let (_server, client, _) = start(World { lists, ..World::default() }).await;
    let context = CallContext::default().with_deadline(Instant::now() + Duration::from_secs(20));
    let mut seen = Vec::new();
    let ended = client
        .wait_member(&fleet(), &"c1".into(), wanted, &context, &mut |progress| seen.push(progress.to_string()))
        .await;
    (ended, seen)
}

#[tokio::test]
async fn a_wait_for_attachment_passes_through_not_yet_listed() {
    let other = ("c2", "Successed");
    let lists = vec![
        listing(&[other]),
        listing(&[]),
        Reply::error(500, "InternalError"),
        listing(&[other, ("c1", "Installing")]),
        listing(&[other, ("c1", "Successed")]),
    ];
    let (ended, seen) = watch(lists, Wanted::Attached).await;
    assert_eq!(ended.unwrap().unwrap().membership, fleet::MemberState::Successed);
    assert_eq!(seen, ["not listed", "not listed", "Installing", "Successed"]);
}

#[tokio::test]
async fn a_failed_member_ends_the_wait_with_its_message() {
    let (ended, _) = watch(vec![listing(&[("c1", "Failed")])], Wanted::Attached).await;
    assert_eq!(ended.unwrap_err().to_string(), "the membership failed: about c1");
}

#[tokio::test]
async fn a_member_that_vanishes_ends_the_wait() {
    let (ended, _) = watch(vec![listing(&[("c1", "Installing")]), listing(&[])], Wanted::Attached).await;
    assert!(matches!(ended, Err(WaitError::Vanished)), "{ended:?}");
}

#[tokio::test]
async fn a_detached_member_is_absent_listed_or_not() {
    let deleting = listing(&[("c1", "Deleting")]);
    let (ended, seen) = watch(vec![deleting.clone(), listing(&[("c1", "Deleted")])], Wanted::Absent).await;
    assert!(ended.is_ok());
    assert_eq!(seen, ["Deleting", "Deleted"]);
    let (ended, _) = watch(vec![deleting, listing(&[])], Wanted::Absent).await;
    assert!(ended.unwrap().is_none());
    let (ended, _) = watch(vec![Reply::error(404, "Cluster.NotFound")], Wanted::Absent).await;
    assert!(ended.unwrap().is_none(), "no Fleet, no member");
}

#[tokio::test]
async fn a_missing_fleet_ends_a_wait_for_attachment_with_an_error() {
    let (ended, _) = watch(vec![Reply::error(404, "Cluster.NotFound")], Wanted::Attached).await;
    let Err(WaitError::Cloud(error)) = ended else { panic!("{ended:?}") };
    assert!(error.is_not_found());
}

#[tokio::test]
async fn a_wait_that_runs_out_of_time_tells_the_last_state() {
    let world = World { members: [("c1".to_owned(), "Installing".to_owned())].into(), ..World::default() };
    let (_server, client, _) = start(world).await;
    let context = CallContext::default().with_deadline(Instant::now() + Duration::from_secs(1));
    let ended = client.wait_member(&fleet(), &"c1".into(), Wanted::Attached, &context, &mut |_| {}).await;
    assert_eq!(ended.unwrap_err().to_string(), "time ran out; the last state seen was: Installing");
}

#[tokio::test]
async fn an_interrupt_ends_a_wait_at_once() {
    let (server, _, _) = start(World::default()).await;
    let mut config = server.config(vec![keys("id", None)]);
    config.membership.poll_interval = Duration::from_secs(60);
    let client = CloudClient::new(config);
    let (fleet, member, context) = (fleet(), ClusterId::new("c1"), CallContext::default());
    let mut ignore = |_: &WaitProgress| {};
    let (ended, cancelled_at) =
        tokio::join!(client.wait_member(&fleet, &member, Wanted::Attached, &context, &mut ignore), async {
            server.until_received(1).await;
            context.cancel.cancel();
            Instant::now()
        });
    assert!(matches!(ended, Err(WaitError::Cancelled { .. })), "{ended:?}");
    assert!(cancelled_at.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn concurrent_readers_of_a_fleet_share_calls() {
    let (server, client, _) = start(World::default()).await;
    let (fleet, context) = (fleet(), CallContext::default());
    let all = join_all((0..40).map(|_| client.members(&fleet, &context))).await;
    assert!(all.iter().all(Result::is_ok));
    assert!(server.received().len() <= 2, "{} calls", server.received().len());
}
