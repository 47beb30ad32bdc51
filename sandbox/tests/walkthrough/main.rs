//! The sandbox as a process, with stock kubectl and grpcurl: the walkthrough by hand, troubles, a second start.

#[cfg(test)]
#[path = "../cloud/client.rs"]
#[expect(dead_code, reason = "the cloud's own tests use more of it")]
mod client;
#[cfg(test)]
mod run;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::run::{GATEWAY, INGRESS, Run};

    /// What the walkthrough's reader sees at the end.
    const SERVICES: &str = "grpc.reflection.v1alpha.ServerReflection\nhelloworld.Greeter\n";

    /// Everything up to the address, in the walkthrough's order.
    async fn build(run: &Run) {
        run.attach().await;
        run.kubectl(&["create", "namespace", "gateway-demo"]).await;
        run.create_secret().await;
        let gateway = run.manifest(GATEWAY);
        run.kubectl(&["apply", "--server-side", "-f", &gateway]).await;
        // The walkthrough's reader is slower than the controller's first pass, which fails without a certificate.
        run.event("AlbConfig", "FailedApplyModel").await;
        run.kubectl(&["apply", "--server-side", "-f", &run.manifest(INGRESS)]).await;
        run.address().await;
    }

    async fn tear_down(run: &Run) {
        run.kubectl(&["delete", "-f", &run.manifest(INGRESS)]).await;
        run.kubectl(&["delete", "-f", &run.manifest(GATEWAY)]).await;
        run.kubectl(&["delete", "namespace", "gateway-demo"]).await;
        run.detach().await;
    }

    async fn check_what_is_seen(run: &Run) {
        assert_eq!(run.grpcurl(&["list"]).await, SERVICES);
        let mut members = run.members();
        for _ in 0..2 {
            let answer = run.grpcurl(&["-d", r#"{"name": "reader"}"#, "helloworld.Greeter/SayHello"]).await;
            members.retain(|member| !answer.contains(member));
            // Requests take turns, and grpcurl makes two for a call, reflection being one: an odd one in between.
            run.grpcurl(&["list"]).await;
        }
        assert!(members.is_empty(), "no answer came from {members:?}");

        let ingress = run.kubectl(&["get", "ingress", "-n", "gateway-demo", "--no-headers"]).await;
        let columns: Vec<&str> = ingress.split_whitespace().collect();
        assert_eq!(columns[..6], ["grpc-ingress", "alb", "grpc.example.com", "localhost", "80,", "443"], "{ingress}");
        let gateway = run.kubectl(&["get", "albconfig", "--no-headers"]).await;
        let columns: Vec<&str> = gateway.split_whitespace().collect();
        assert_eq!(
            (columns[0], columns[2], columns[3]),
            ("ackone-gateway-demo", "localhost", "443/HTTPS"),
            "{gateway}"
        );
        assert!(columns[1].starts_with("alb-") && columns[4].ends_with("-cn-hangzhou"), "{gateway}");

        let gateways = run.ask("gateways", &[]).await;
        let port = run.ready["gateway_ports"]["443"].as_u64().unwrap();
        let first = &gateways["gateways"][0]["listeners"]["443/HTTPS"]["addresses"][0];
        assert_eq!(*first, json!(format!("127.0.0.1:{port}")), "{gateways}");
    }

    async fn the_walkthrough(generation: &str, expected: &[(&str, &str)]) {
        let run = Run::start(&["--generation", generation]).await;
        let before = run.ask("inventory", &[]).await;
        let events = run.follow_events();
        build(&run).await;
        check_what_is_seen(&run).await;

        let is_there = |seen: &[(String, String, String)], one: &(&str, &str)| {
            seen.iter().any(|(kind, reason, _)| (kind.as_str(), reason.as_str()) == *one)
        };
        let all = async || Some(events.lines()).filter(|seen| expected.iter().all(|one| is_there(seen, one)));
        let seen = run.until("the events", all).await;
        let first = |kind: &str, reason: &str| {
            seen.iter().position(|(k, r, _)| (k.as_str(), r.as_str()) == (kind, reason)).unwrap()
        };
        let order: Vec<usize> = expected.iter().map(|(kind, reason)| first(kind, reason)).collect();
        assert!(order.is_sorted(), "{seen:#?}");
        let (.., text) = &seen[first("AlbConfig", "FailedApplyModel")];
        assert_eq!(text.trim_end(), "apply  failed listenerPort 443 errMsgs empty https listener default certs");

        let again = run.kubectl_output(&["apply", "--server-side", "-f", &run.manifest(GATEWAY)]).await;
        let said = String::from_utf8_lossy(&again.stderr);
        match generation {
            "open-source" => {
                assert!(!again.status.success(), "the controller owns both lists");
                for part in [
                    "Apply failed with 2 conflicts: conflicts with \"load-balancer-controller\" using alibabacloud.com/v1",
                    ".spec.listeners",
                    ".spec.config.zoneMappings",
                ] {
                    assert!(said.contains(part), "{said}");
                }
            }
            _ => assert!(again.status.success(), "{said}"),
        }

        tear_down(&run).await;
        let gone = async || (run.ask("inventory", &[]).await == before).then_some(());
        run.until("the inventory to be what it was", gone).await;
        let left = run.ask("inventory", &["--leftovers"]).await;
        assert_eq!(left["leftovers_by_design"]["alb"]["certificates"].as_array().map(Vec::len), Some(1), "{left}");
        let calls = run.ask("calls", &["--counters"]).await;
        assert_eq!(calls["adcp/AttachClusterToHub"]["calls"], 1, "{calls}");
        run.stop().await;
    }

    #[tokio::test]
    async fn the_walkthrough_by_hand_with_the_hosted_controller() {
        let order = [
            ("AlbConfig", "FailedApplyModel"),
            ("Ingress", "Sync"),
            ("AlbConfig", "SuccessfullyReconciled"),
            ("Ingress", "SuccessfullyReconciled"),
        ];
        the_walkthrough("hosted", &order).await;
    }

    #[tokio::test]
    async fn the_walkthrough_by_hand_with_the_open_source_controller() {
        let order = [
            ("AlbConfig", "FailedApplyModel"),
            ("Ingress", "Sync"),
            ("AlbConfig", "SuccessfullyReconciled"),
            ("Ingress", "SuccessfullyReconciled"),
            ("Ingress", "FailedBuildModel"),
        ];
        the_walkthrough("open-source", &order).await;
    }

    #[tokio::test]
    async fn faults_reach_kubernetes_calls_and_spare_the_controller() {
        let fault = "kubernetes/create/configmaps=error,status=500,code=InternalError,message=no luck,count=1";
        let run = Run::start(&["--fault", fault]).await;
        let create = ["create", "configmap", "c", "-n", "default"];
        let refused = run.kubectl_output(&create).await;
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains("no luck"), "{said}");
        run.kubectl(&create).await;
        let calls = run.ask("calls", &[]).await;
        let of = |action: &str, resource: &str| -> Vec<(u64, String, String)> {
            let entries = calls["entries"].as_array().unwrap().iter();
            let matching = entries.filter(|entry| entry["action"] == action && entry["resource"] == resource);
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            matching
                .map(|entry| (entry["status"].as_u64().unwrap(), text(&entry["code"]), text(&entry["fault"])))
                .collect()
        };
        assert_eq!(
            of("create", "configmaps"),
            [(500, "InternalError".to_owned(), "error".to_owned()), (201, String::new(), String::new())]
        );
        assert!(of("watch", "albconfigs").is_empty(), "the controller's calls are nobody's business: {calls}");

        run.control("/v1/controller/pause", &json!({})).await;
        run.kubectl(&["apply", "-f", &run.manifest(GATEWAY)]).await;
        run.control("/v1/faults", &json!({"spec": "*=reset"})).await;
        assert!(!run.kubectl_output(&["get", "--raw", "/version"]).await.status.success());
        run.control("/v1/controller/resume", &json!({})).await;
        run.gateway().await;
        run.stop().await;
    }

    #[tokio::test]
    async fn answers_and_watches_can_be_lost() {
        let faults = [
            "--fault",
            "kubernetes/create/configmaps=drop_after,count=1",
            "--fault",
            "kubernetes/get/configmaps/default/lost=truncate,count=1",
        ];
        let run = Run::start(&faults).await;
        let create = run.kubectl_output(&["create", "configmap", "lost", "-n", "default"]).await;
        assert!(!create.status.success(), "the answer is lost: {create:?}");
        let get = ["get", "configmap", "lost", "-n", "default", "-o", "name"];
        let cut = run.kubectl_output(&get).await;
        assert!(!cut.status.success(), "the answer breaks off: {cut:?}");
        assert_eq!(run.kubectl(&get).await, "configmap/lost\n", "the work was done");
        let calls = run.ask("calls", &[]).await;
        let entries = calls["entries"].as_array().unwrap().iter();
        let spoiled: Vec<(&str, u64)> = entries
            .filter(|entry| entry["fault"] != "")
            .map(|entry| (entry["fault"].as_str().unwrap(), entry["status"].as_u64().unwrap()))
            .collect();
        assert_eq!(spoiled, [("drop_after", 0), ("truncate", 200)]);

        let mut watching = run.start_kubectl(&["get", "configmaps", "-n", "default", "--watch"]);
        let watches = async || {
            let counters = run.ask("calls", &["--counters"]).await;
            counters["kubernetes/watch/configmaps"]["calls"].as_u64().filter(|calls| *calls > 0)
        };
        run.until("kubectl to watch", watches).await;
        run.control("/v1/kubernetes/drop-watches", &json!({})).await;
        let ended = || std::future::ready(watching.try_wait().unwrap());
        run.until("kubectl to end with its watch", ended).await;
        run.stop().await;
    }

    #[tokio::test]
    async fn issued_kubeconfigs_can_expire_and_be_revoked() {
        let run = Run::start(&[]).await;
        let list = ["get", "namespaces", "-o", "name"];
        let mine = run.issued_kubeconfig("mine").await;
        assert!(run.kubectl_as(&mine, &list).await.status.success());

        run.control("/v1/kubernetes/revoke-credentials", &json!({})).await;
        let refused = run.kubectl_as(&mine, &list).await;
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains("Unauthorized"), "{said}");
        assert!(run.kubectl(&list).await.contains("namespace/default"), "people are let in again");
        let fresh = run.issued_kubeconfig("fresh").await;
        assert!(run.kubectl_as(&fresh, &list).await.status.success());

        run.control("/v1/kubernetes/validity", &json!({"seconds": 0})).await;
        let expired = run.issued_kubeconfig("expired").await;
        // Certificates count whole seconds, so it may be good for the rest of this one.
        let refused = async || (!run.kubectl_as(&expired, &list).await.status.success()).then_some(());
        run.until("the credentials to expire", refused).await;

        let deny = json!({"deny": [{"user": "sandbox-admin", "verb": "list", "resource": "secrets"}]});
        run.control("/v1/kubernetes/permissions", &deny).await;
        let refused = run.kubectl_output(&["get", "secrets", "-A"]).await;
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(said.contains("Forbidden") && said.contains("cannot list resource \"secrets\""), "{said}");
        run.stop().await;
    }

    #[tokio::test]
    async fn a_failing_controller_says_so_and_recovers_when_told() {
        let run = Run::start(&["--attached"]).await;
        let failure = json!({"action": "CreateLoadBalancer", "message": "The quota is exceeded."});
        run.control("/v1/controller/fail", &failure).await;
        run.kubectl(&["apply", "-f", &run.manifest(GATEWAY)]).await;
        let text = run.event("AlbConfig", "FailedApplyModel").await;
        assert!(text.contains("The quota is exceeded."), "{text}");
        run.control("/v1/controller/resume", &json!({})).await;
        run.gateway().await;
        run.stop().await;
    }

    #[tokio::test]
    async fn the_state_file_brings_objects_and_gateway_back() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state.json");
        let args = ["--state-file", state.to_str().unwrap()];
        let first = Run::start(&args).await;
        build(&first).await;
        assert_eq!(first.grpcurl(&["list"]).await, SERVICES);
        let before = first.ask("inventory", &["--leftovers"]).await;
        first.stop().await;

        let second = Run::start(&args).await;
        assert_eq!(second.ask("inventory", &["--leftovers"]).await, before);
        second
            .until("the gateway to serve again", || async {
                (second.grpcurl_output(&["list"]).await.stdout == SERVICES.as_bytes()).then_some(())
            })
            .await;
        tear_down(&second).await;
        second.stop().await;
    }
}
