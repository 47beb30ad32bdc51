//! How a fault looks in the Kubernetes API: a `Status` object, or a proxy's page.
//!
//! Pure; the embedded API server's gate sends it. Shapes and reasons are those of the API conventions.

use serde_json::json;

use super::{Call, Fault};

/// An answer in place of the work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubernetesRefusal {
    /// The HTTP status.
    pub status: u16,
    /// The reason, for the log; empty for a page that is no `Status`.
    pub reason: String,
    /// Headers, the content type among them.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// The answer with which a fault refuses a call; faults that do not refuse answer none.
pub fn kubernetes_refusal(fault: &Fault, call: &Call) -> Option<KubernetesRefusal> {
    let kind = call.resource.as_str();
    let name = call.name.rsplit('/').next().unwrap_or_default();
    let (status, reason, message) = match fault {
        Fault::Throttle { status, .. } => {
            (status.unwrap_or(429), "TooManyRequests", "the server has received too many requests".to_owned())
        }
        Fault::Error { status, code, message } => {
            let message = message.clone().unwrap_or_else(|| "the request was refused by a fault rule".to_owned());
            (*status, code.as_str(), message)
        }
        Fault::Unavailable {} => {
            (503, "ServiceUnavailable", "the server is currently unable to handle the request".to_owned())
        }
        Fault::ExpireCredentials {} => (401, "Unauthorized", "Unauthorized".to_owned()),
        Fault::Conflict {} => {
            let message = format!(
                "Operation cannot be fulfilled on {kind} \"{name}\": the object has been modified; please apply your changes to the latest version and try again"
            );
            (409, "Conflict", message)
        }
        Fault::Html { status } => {
            let status = status.unwrap_or(502);
            return Some(KubernetesRefusal {
                status,
                reason: String::new(),
                headers: vec![("content-type".to_owned(), "text/html; charset=utf-8".to_owned())],
                body: format!("<html><body><h1>{status} Bad Gateway</h1><hr>proxy</body></html>\n").into_bytes(),
            });
        }
        Fault::Latency { .. }
        | Fault::Reset {}
        | Fault::DropAfter {}
        | Fault::Truncate {}
        | Fault::DropWatches {}
        | Fault::Skew { .. } => return None,
    };
    let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    let mut details = json!({"name": name, "kind": kind});
    if let Fault::Throttle { retry_after_ms: Some(ms), .. } = fault {
        // Kubernetes speaks of whole seconds, so less than one becomes one.
        let seconds = ms.div_ceil(1000).max(1);
        headers.push(("retry-after".to_owned(), seconds.to_string()));
        if let Some(details) = details.as_object_mut() {
            details.insert("retryAfterSeconds".to_owned(), seconds.into());
        }
    }
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
        "reason": reason, "details": details, "code": status,
    });
    Some(KubernetesRefusal { status, reason: reason.to_owned(), headers, body: body.to_string().into_bytes() })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::parse_spec;
    use super::*;

    #[test]
    fn refusals_are_status_objects_with_the_conventions_reasons() {
        let call = Call {
            api: "kubernetes".to_owned(),
            action: "patch".to_owned(),
            resource: "ingresses".to_owned(),
            name: "gateway-demo/grpc-ingress".to_owned(),
        };
        for (spec, status, reason) in [
            ("*=throttle,retry_after_ms=1500", 429, "TooManyRequests"),
            ("*=unavailable", 503, "ServiceUnavailable"),
            ("*=conflict", 409, "Conflict"),
            ("*=expire_credentials", 401, "Unauthorized"),
            ("*=error,status=500,code=InternalError", 500, "InternalError"),
        ] {
            let refusal = kubernetes_refusal(&parse_spec(spec).unwrap().fault, &call).unwrap();
            let body: Value = serde_json::from_slice(&refusal.body).unwrap();
            assert_eq!(
                (refusal.status, body["reason"].as_str(), body["code"].as_u64()),
                (status, Some(reason), Some(status.into()))
            );
            assert_eq!(
                (body["kind"].as_str(), body["details"]["name"].as_str()),
                (Some("Status"), Some("grpc-ingress"))
            );
            if status == 429 {
                assert_eq!(body["details"]["retryAfterSeconds"], 2);
                assert!(refusal.headers.contains(&("retry-after".to_owned(), "2".to_owned())));
            }
        }
        let page = kubernetes_refusal(&parse_spec("*=html").unwrap().fault, &call).unwrap();
        assert!(page.status == 502 && page.body.starts_with(b"<html>"));
        assert_eq!(kubernetes_refusal(&parse_spec("*=reset").unwrap().fault, &call), None);
    }
}
