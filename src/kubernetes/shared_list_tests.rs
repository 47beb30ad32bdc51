//! Shared reads against a small server that counts calls and whose objects change underneath.

use futures_util::future::join_all;
use serde_json::json;

use super::*;
use crate::kubernetes::{
    api::ApplyOptions,
    testing::{Received, Reply, not_found, serve, status},
};

/// Objects of namespace `n` by name, and the calls made.
#[derive(Clone, Default)]
struct World {
    objects: Arc<Mutex<BTreeMap<String, u64>>>,
    calls: Arc<Mutex<Vec<String>>>,
    may_list_cluster: bool,
    may_list: bool,
    may_watch: bool,
    /// What the watch tells.
    told: Vec<(u64, Value)>,
}

fn shown(name: &str, version: u64) -> Value {
    json!({"metadata": {"namespace": "n", "name": name, "uid": name, "resourceVersion": version.to_string()}})
}

impl World {
    fn new(count: u64) -> Self {
        let objects = (0..count).map(|index| (format!("i{index}"), 1)).collect();
        Self {
            objects: Arc::new(Mutex::new(objects)),
            may_list_cluster: true,
            may_list: true,
            may_watch: true,
            ..Self::default()
        }
    }

    fn set(&self, name: &str, version: u64) {
        lock(&self.objects).insert(name.to_owned(), version);
    }

    fn calls(&self, kind: &str) -> usize {
        lock(&self.calls).iter().filter(|call| *call == kind).count()
    }

    fn log(&self, kind: &str) {
        lock(&self.calls).push(kind.to_owned());
    }

    fn answer(&self, seen: &Received) -> Reply {
        let path = seen.uri.split('?').next().unwrap();
        let name = path.split("/ingresses").nth(1).unwrap().trim_start_matches('/').to_owned();
        let refused = || status(403, "Forbidden", json!({}));
        if seen.uri.contains("watch=true") {
            self.log("watch");
            return if self.may_watch { Reply::Paced(self.told.clone()) } else { refused() };
        }
        if seen.method == "PATCH" {
            self.log("write");
            self.set(&name, 100);
            return Reply::Json(200, shown(&name, 100));
        }
        if !name.is_empty() {
            self.log("get");
            let version = lock(&self.objects).get(&name).copied();
            return version.map_or_else(not_found, |version| Reply::Json(200, shown(&name, version)));
        }
        self.log(if path.contains("/namespaces/") { "list namespace" } else { "list" });
        if !(self.may_list && (self.may_list_cluster || path.contains("/namespaces/"))) {
            return refused();
        }
        let items: Vec<Value> = lock(&self.objects).iter().map(|(name, version)| shown(name, *version)).collect();
        Reply::Json(200, json!({"metadata": {"resourceVersion": "7"}, "items": items}))
    }

    fn lists(&self) -> (FleetApi, SharedLists) {
        let world = self.clone();
        let api = serve(move |seen| world.answer(&seen));
        (api.clone(), SharedLists::new(api))
    }
}

fn reference(name: &str) -> ObjectRef {
    ObjectRef::namespaced(Kind::INGRESS, "n", name)
}

async fn version(lists: &SharedLists, api: &FleetApi, name: &str) -> String {
    lists.read(api, &reference(name)).await.unwrap().resource_version().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_thousand_reads_ten_at_a_time_are_a_few_calls() {
    let world = World::new(1000);
    let (api, lists) = world.lists();
    for chunk in 0..100 {
        let names: Vec<String> = (0..10).map(|index| format!("i{}", chunk * 10 + index)).collect();
        let reads = names.iter().map(|name| version(&lists, &api, name));
        assert!(join_all(reads).await.iter().all(|version| version == "1"));
    }
    assert_eq!((world.calls("list"), world.calls("watch"), world.calls("get")), (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn single_objects_are_got_and_absent_ones_are_not_found_either_way() {
    let world = World::new(6);
    let (api, lists) = world.lists();
    assert_eq!(version(&lists, &api, "i0").await, "1");
    assert!(lists.read(&api, &reference("absent")).await.unwrap_err().is_not_found());
    assert_eq!((world.calls("list"), world.calls("get")), (0, 2));
    let names = ["i1", "i2", "absent", "i3"].map(reference);
    let found = join_all(names.iter().map(|name| lists.read(&api, name))).await;
    assert_eq!(world.calls("list"), 1);
    assert!(found[2].as_ref().unwrap_err().is_not_found());
    let object = found[0].as_ref().unwrap();
    assert_eq!((object.name(), object.value()["kind"].as_str()), ("i1", Some("Ingress")));
}

#[tokio::test(start_paused = true)]
async fn a_read_after_our_own_write_never_sees_an_older_list() {
    let world = World::new(10);
    let (api, lists) = world.lists();
    let all = || {
        join_all((0..10).map(|index| reference(&format!("i{index}"))).map(|object| {
            let (api, lists) = (api.clone(), lists.clone());
            async move { lists.read(&api, &object).await.unwrap().resource_version().to_owned() }
        }))
    };
    all().await;
    api.apply(&reference("i3"), &json!({}), ApplyOptions::default()).await.unwrap();
    assert_eq!(version(&lists, &api, "i3").await, "100");
    assert_eq!(all().await[3], "100");
    assert_eq!(world.calls("list"), 2, "one before the write, one after");
}

#[tokio::test(start_paused = true)]
async fn without_a_watch_every_batch_has_its_own_list() {
    let world = World { may_watch: false, ..World::new(10) };
    let (api, lists) = world.lists();
    for round in 0..3 {
        world.set("i0", 10 + round);
        let reads = ["i0", "i1", "i2", "i3"].map(|name| version(&lists, &api, name));
        assert_eq!(join_all(reads).await[0], (10 + round).to_string(), "what others wrote before the read is seen");
    }
    assert_eq!(world.calls("list"), 3);
}

#[tokio::test(start_paused = true)]
async fn where_the_cluster_may_not_be_listed_the_namespace_is_and_then_gets_remain() {
    let world = World { may_list_cluster: false, ..World::new(10) };
    let (api, lists) = world.lists();
    join_all(["i0", "i1", "i2", "i3"].map(|name| version(&lists, &api, name))).await;
    assert_eq!((world.calls("list"), world.calls("list namespace"), world.calls("get")), (1, 1, 0));

    let world = World { may_list: false, ..World::new(10) };
    let (api, lists) = world.lists();
    join_all(["i0", "i1", "i2", "i3"].map(|name| version(&lists, &api, name))).await;
    assert_eq!((world.calls("list"), world.calls("list namespace"), world.calls("get")), (1, 1, 4));
    version(&lists, &api, "i0").await;
    assert_eq!((world.calls("list"), world.calls("get")), (1, 5), "a refusal is remembered");
}

#[tokio::test(start_paused = true)]
async fn what_others_write_reaches_later_reads_through_the_watch_and_a_list_ages() {
    let world = World { told: vec![(1_000, json!({"type": "MODIFIED", "object": shown("i1", 9)}))], ..World::new(10) };
    let (api, lists) = world.lists();
    let read = async || join_all(["i0", "i1", "i2", "i3"].map(|name| version(&lists, &api, name))).await;
    assert_eq!(read().await[1], "1");
    world.set("i1", 9);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!((read().await[1].as_str(), world.calls("list")), ("9", 1));
    tokio::time::sleep(MAX_AGE).await;
    assert_eq!((read().await[1].as_str(), world.calls("list")), ("9", 2));
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_reader_leaves_the_others_their_answer() {
    let world = World::new(10);
    let (api, lists) = world.lists();
    let source = crate::cancel::Cancel::new();
    let stopped = api.with_cancel(source.clone());
    let first_object = reference("i0");
    let first = lists.read(&stopped, &first_object);
    let others = join_all(["i1", "i2", "i3", "i4"].map(|name| version(&lists, &api, name)));
    let (first, others) = tokio::join!(first, async {
        tokio::task::yield_now().await;
        source.cancel();
        others.await
    });
    assert!(first.unwrap_err().is_cancelled());
    assert_eq!(others, ["1", "1", "1", "1"]);
}

#[tokio::test(start_paused = true)]
async fn a_visit_shares_the_list_of_reads_and_says_when_it_may_not_list() {
    let world = World::new(10);
    let (api, lists) = world.lists();
    join_all(["i0", "i1", "i2", "i3"].map(|name| version(&lists, &api, name))).await;
    for _ in 0..3 {
        let mut seen = Vec::new();
        lists.visit(&api, Kind::INGRESS, &mut |object| seen.push(object.name().to_owned())).await.unwrap();
        assert_eq!(seen.len(), 10);
    }
    assert_eq!(world.calls("list"), 1);

    let world = World { may_list_cluster: false, ..World::new(10) };
    let (api, lists) = world.lists();
    let refused = lists.visit(&api, Kind::INGRESS, &mut |_| {}).await.unwrap_err();
    assert!(refused.is_forbidden(), "{refused}");
}
