//! The order in which listeners change, so that traffic is not dropped where that can be helped.
//!
//! The key of a listener is its port and protocol, so changing either means one listener less and one more. Written in one
//! go, the old one may be gone before the new one serves. So what is added comes first, and what is removed goes only after
//! the controller has published the rest. Both generations of the controller take a listener of its own port for itself,
//! whatever happens to others. Not so on one port: HTTP and HTTPS exclude each other there, and are changed in one write.
//! Pure.

use serde_json::{Value as Json, json};

use super::object::{is_bare, listener_key, split_key};

fn listeners(object: &Json) -> &[Json] {
    object.pointer("/spec/listeners").and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

fn has(list: &[Json], key: &str) -> bool {
    list.iter().any(|listener| listener_key(listener) == key)
}

/// Whether two listeners cannot be there together.
fn exclude(a: &str, b: &str) -> bool {
    let (Some((port, protocol)), Some((other_port, other_protocol))) = (split_key(a), split_key(b)) else {
        return false;
    };
    port == other_port && ![protocol, other_protocol].iter().all(|protocol| ["HTTPS", "QUIC"].contains(protocol))
}

/// Keys that `from` has and `to` lacks.
pub(super) fn removed(from: &Json, to: &Json) -> Vec<String> {
    listeners(from).iter().map(listener_key).filter(|key| !has(listeners(to), key)).collect()
}

/// Keys of `to` that take the place of another one on the same port.
pub(super) fn replaced(from: &Json, to: &Json) -> Vec<(String, String)> {
    let gone = removed(from, to);
    let new = removed(to, from);
    gone.iter()
        .filter_map(|old| new.iter().find(|new| exclude(old, new)).map(|new| (old.clone(), new.clone())))
        .collect()
}

/// What to write first: everything but the removals, and but the additions that exclude something still there. `None`: one
/// write does it, as nothing is both added and removed, or what is added could not be waited for.
pub(super) fn first(from: &Json, to: &Json) -> Option<Json> {
    let gone: Vec<&Json> =
        listeners(from).iter().filter(|listener| !has(listeners(to), &listener_key(listener))).collect();
    let (later, now): (Vec<&Json>, Vec<&Json>) = listeners(to)
        .iter()
        .partition(|listener| gone.iter().any(|old| exclude(&listener_key(old), &listener_key(listener))));
    let added: Vec<&&Json> = now.iter().filter(|listener| !has(listeners(from), &listener_key(listener))).collect();
    // A listener without a certificate of its own comes to life only with an Ingress, which is changed later.
    if gone.is_empty() || added.is_empty() || added.iter().any(|listener| is_bare(listener)) {
        return None;
    }
    drop(later);
    let mut first = to.clone();
    let kept: Vec<Json> = now.into_iter().chain(gone).cloned().collect();
    if let Some(list) = first.pointer_mut("/spec/listeners") {
        *list = Json::Array(kept);
    }
    Some(first)
}

/// `object` with listeners that an earlier write left behind, so that the next one removes them.
pub(super) fn with_left(mut object: Json, left: &[String]) -> Json {
    let missing: Vec<Json> = left
        .iter()
        .filter(|key| !has(listeners(&object), key))
        .filter_map(|key| split_key(key))
        .map(|(port, protocol)| json!({"port": port, "protocol": protocol}))
        .collect();
    if let Some(list) = object.pointer_mut("/spec/listeners").and_then(Json::as_array_mut) {
        list.extend(missing);
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(keys: &[&str]) -> Json {
        let one = |key: &&str| {
            let (port, protocol) = split_key(key).unwrap();
            let mut listener = json!({"port": port, "protocol": protocol});
            if protocol != "HTTP" && !key.starts_with("999") {
                listener["certificates"] = json!([{"CertificateId": "1-a"}]);
            }
            listener
        };
        json!({"spec": {"config": {}, "listeners": keys.iter().map(one).collect::<Json>()}})
    }

    fn keys(object: &Json) -> Vec<String> {
        listeners(object).iter().map(listener_key).collect()
    }

    #[test]
    fn additions_come_before_removals() {
        for (from, to, expected) in [
            (&["443/HTTPS"][..], &["8443/HTTPS"][..], Some(vec!["8443/HTTPS", "443/HTTPS"])),
            (&["443/HTTPS", "80/HTTP"], &["80/HTTP", "81/HTTP"], Some(vec!["80/HTTP", "81/HTTP", "443/HTTPS"])),
            (&["443/HTTPS"], &["443/QUIC"], Some(vec!["443/QUIC", "443/HTTPS"])),
            // What excludes a listener that is still there waits for its removal.
            (&["443/HTTP"], &["443/HTTPS", "81/HTTP"], Some(vec!["81/HTTP", "443/HTTP"])),
            (&["443/HTTP"], &["443/HTTPS"], None),
            (&["443/HTTPS"], &["443/HTTPS", "80/HTTP"], None),
            (&["443/HTTPS", "80/HTTP"], &["443/HTTPS"], None),
            // An Ingress brings its certificate, after the gateway.
            (&["443/HTTPS"], &["9991/HTTPS"], None),
        ] {
            let first = first(&object(from), &object(to));
            let expected = expected.map(|keys| keys.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(first.as_ref().map(keys), expected, "{from:?} to {to:?}");
        }
    }

    #[test]
    fn a_port_that_changes_its_protocol_is_named() {
        let replaced = |from: &[&str], to: &[&str]| replaced(&object(from), &object(to));
        assert_eq!(replaced(&["443/HTTP"], &["443/HTTPS"]), [("443/HTTP".to_owned(), "443/HTTPS".to_owned())]);
        assert_eq!(replaced(&["443/HTTPS"], &["443/QUIC"]), []);
        assert_eq!(replaced(&["443/HTTPS"], &["8443/HTTPS"]), []);
    }

    #[test]
    fn what_was_left_behind_is_removed_by_the_next_write() {
        let prior = with_left(object(&["80/HTTP"]), &["443/HTTPS".to_owned(), "80/HTTP".to_owned()]);
        assert_eq!(keys(&prior), ["80/HTTP", "443/HTTPS"]);
    }
}
