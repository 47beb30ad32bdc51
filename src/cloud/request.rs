//! One API call, before it is signed: product, action, where each parameter goes, and what resending it would mean.
//!
//! Pure. Typed methods (`fleet`, `vpc`, …) build an [`ApiRequest`]; [`super::sign`] turns it into bytes. Rules of
//! flattening and of parameter positions are those of the official SDKs (Alibaba Cloud OpenAPI "V3" request
//! structure); parameters in a list of objects are `Name.1.Field`.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;
use serde_json::Value;

use super::{secret::SecurityToken, sign::percent_encode};

/// A cloud product this client speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Product {
    /// ACK One, the Fleet API.
    Adcp,
    /// Container Service for Kubernetes.
    Cs,
    /// Virtual private cloud.
    Vpc,
    /// Elastic compute, here for security groups.
    Ecs,
    /// Application load balancer.
    Alb,
    /// Security token service.
    Sts,
    /// Certificates.
    Cas,
}

impl Product {
    /// Every product, for documentation and configuration.
    pub const ALL: [Self; 7] = [Self::Adcp, Self::Cs, Self::Vpc, Self::Ecs, Self::Alb, Self::Sts, Self::Cas];

    /// The product code, as in host names.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Adcp => "adcp",
            Self::Cs => "cs",
            Self::Vpc => "vpc",
            Self::Ecs => "ecs",
            Self::Alb => "alb",
            Self::Sts => "sts",
            Self::Cas => "cas",
        }
    }

    /// The API version this client is written against.
    #[must_use]
    pub const fn version(self) -> &'static str {
        match self {
            Self::Adcp => "2022-01-01",
            Self::Cs => "2015-12-15",
            Self::Vpc => "2016-04-28",
            Self::Ecs => "2014-05-26",
            Self::Alb => "2020-06-16",
            Self::Sts => "2015-04-01",
            Self::Cas => "2020-04-07",
        }
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Which call of which product: what errors, logs and rate limits are keyed by. Prints as `adcp/AttachClusterToHub`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Action {
    /// The product.
    pub product: Product,
    /// The operation, in the API's spelling.
    pub name: &'static str,
}

impl Action {
    /// The permission that RAM asks for, as policies write it: `adcp:AttachClusterToHub`.
    #[must_use]
    pub fn permission(self) -> String {
        // Policies know the certificate service by the name of the product it came from.
        let product = if self.product == Product::Cas { "yundun-cert" } else { self.product.code() };
        format!("{product}:{}", self.name)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.product, self.name)
    }
}

/// HTTP method of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET
    Get,
    /// POST
    Post,
    /// PUT
    Put,
    /// DELETE
    Delete,
}

impl Method {
    /// The method in upper case, as it is signed and sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// What sending a call twice would do. Decides whether a lost answer may be answered by sending again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Changes nothing: may always be sent again.
    Reads,
    /// Changes something, and carries a client token that makes a second delivery harmless.
    WritesOnce,
    /// Changes something and has no client token: after a lost answer the caller must look before it sends again.
    Writes,
}

/// The body of a call.
///
/// `Debug` shows the names of parameters only: a value may be a token.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum Body {
    /// No body, no content type.
    #[default]
    Empty,
    /// `application/x-www-form-urlencoded`, sorted by name.
    Form(BTreeMap<String, String>),
    /// `application/json; charset=utf-8`, serialized once: the signature covers these bytes.
    Json(String),
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Form(form) => f.debug_tuple("Form").field(&form.keys()).finish(),
            Self::Json(text) => f.debug_struct("Json").field("length", &text.len()).finish(),
        }
    }
}

/// A call that cannot be built: its path would name another resource than meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{action}: {segment:?} cannot be part of a resource path")]
pub struct InvalidPathSegment {
    action: Action,
    segment: String,
}

/// One API call, unsigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiRequest {
    action: Action,
    method: Method,
    path: String,
    query: BTreeMap<String, String>,
    body: Body,
    effect: Effect,
    secret_answer: bool,
    proof: Option<SecurityToken>,
}

impl ApiRequest {
    /// An RPC call: POST to `/`, the operation named in a header. It reads unless told otherwise.
    #[must_use]
    pub fn rpc(product: Product, name: &'static str) -> Self {
        Self {
            action: Action { product, name },
            method: Method::Post,
            path: "/".to_owned(),
            query: BTreeMap::new(),
            body: Body::Empty,
            effect: Effect::Reads,
            secret_answer: false,
            proof: None,
        }
    }

    /// A resource-oriented call on the path made of `segments`, each encoded here and only here.
    ///
    /// # Errors
    ///
    /// If a segment is empty, `.` or `..`: the path would silently name another resource.
    pub fn roa(
        product: Product,
        name: &'static str,
        method: Method,
        segments: &[&str],
    ) -> Result<Self, InvalidPathSegment> {
        let mut request = Self::rpc(product, name);
        request.method = method;
        request.path.clear();
        for segment in segments {
            if matches!(*segment, "" | "." | "..") {
                return Err(InvalidPathSegment { action: request.action, segment: (*segment).to_owned() });
            }
            request.path.push('/');
            request.path.push_str(&percent_encode(segment));
        }
        if request.path.is_empty() {
            request.path.push('/');
        }
        Ok(request)
    }

    /// Adds a query parameter, flattened if it is a list or an object; null and empty collections are left out.
    #[must_use]
    pub fn query(mut self, name: &str, value: impl Into<Value>) -> Self {
        flatten(name, &value.into(), &mut self.query);
        self
    }

    /// Adds a form parameter, by the same rules.
    #[must_use]
    pub fn form(mut self, name: &str, value: impl Into<Value>) -> Self {
        let mut form = match std::mem::take(&mut self.body) {
            Body::Form(form) => form,
            Body::Empty | Body::Json(_) => BTreeMap::new(),
        };
        flatten(name, &value.into(), &mut form);
        self.body = Body::Form(form);
        self
    }

    /// Adds a form parameter that holds a whole JSON document as text, such as adcp's `ClusterIds`.
    #[must_use]
    pub fn form_json(self, name: &str, value: impl Into<Value>) -> Self {
        // `Value` always serializes; compact, non-ASCII left as it is.
        let text = value.into().to_string();
        self.form(name, text)
    }

    /// Adds a query parameter that holds a whole JSON document as text, such as ecs's `SecurityGroupIds`.
    #[must_use]
    pub fn query_json(self, name: &str, value: impl Into<Value>) -> Self {
        let text = value.into().to_string();
        self.query(name, text)
    }

    /// Sends `value` as the JSON body.
    ///
    /// # Errors
    ///
    /// If `value` does not serialize.
    pub fn json(mut self, value: &impl Serialize) -> serde_json::Result<Self> {
        self.body = Body::Json(serde_json::to_string(value)?);
        Ok(self)
    }

    /// Says what sending the call twice would do.
    #[must_use]
    pub fn effect(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }

    /// Marks the answer as secret as a whole: not even TRACE shows its body.
    #[must_use]
    pub fn secret_answer(mut self) -> Self {
        self.secret_answer = true;
        self
    }

    /// Sends the call without a signature. `proof` is the secret among its parameters by which the service knows who asks:
    /// it is kept out of logs and messages as keys are.
    #[must_use]
    pub fn anonymous(mut self, proof: SecurityToken) -> Self {
        self.proof = Some(proof);
        self
    }

    /// Which call this is.
    #[must_use]
    pub fn action(&self) -> Action {
        self.action
    }

    /// The HTTP method.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method
    }

    /// The canonical path, encoded, as it is signed and sent.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The query parameters, decoded, in the order they are signed.
    #[must_use]
    pub fn query_parameters(&self) -> &BTreeMap<String, String> {
        &self.query
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// What sending the call twice would do.
    #[must_use]
    pub fn effect_of_resend(&self) -> Effect {
        self.effect
    }

    /// What stands for a signature, if the call is sent without one.
    #[must_use]
    pub fn proof(&self) -> Option<&SecurityToken> {
        self.proof.as_ref()
    }

    /// Whether the answer must not be logged.
    #[must_use]
    pub fn has_secret_answer(&self) -> bool {
        self.secret_answer
    }
}

impl Body {
    /// The bytes as they are hashed and sent.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Empty => Vec::new(),
            Self::Form(form) => super::sign::canonical_query(form.iter()).into_bytes(),
            Self::Json(text) => text.clone().into_bytes(),
        }
    }

    /// The content type, if there is a body.
    #[must_use]
    pub fn content_type(&self) -> Option<&'static str> {
        match self {
            Self::Form(form) if !form.is_empty() => Some("application/x-www-form-urlencoded"),
            Self::Empty | Self::Form(_) => None,
            Self::Json(_) => Some("application/json; charset=utf-8"),
        }
    }
}

/// Writes `value` under `name`, by the flattening rules: 1-based lists, dotted fields, nothing for null, and a null in
/// a list leaves its number unused.
fn flatten(name: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    match value {
        Value::Null => {}
        Value::Bool(value) => {
            into.insert(name.to_owned(), value.to_string());
        }
        Value::Number(value) => {
            into.insert(name.to_owned(), value.to_string());
        }
        Value::String(value) => {
            into.insert(name.to_owned(), value.clone());
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                flatten(&format!("{name}.{}", index + 1), item, into);
            }
        }
        Value::Object(fields) => {
            for (field, item) in fields {
                flatten(&format!("{name}.{field}"), item, into);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cloud::sign::canonical_query;

    fn flat(value: Value) -> Vec<(String, String)> {
        let mut out = BTreeMap::new();
        flatten("P", &value, &mut out);
        out.into_iter().collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn permissions_are_spelled_as_policies_spell_them() {
        let of = |product| Action { product, name: "Call" }.permission();
        assert_eq!((of(Product::Adcp), of(Product::Cas)), ("adcp:Call".to_owned(), "yundun-cert:Call".to_owned()));
    }

    #[test]
    fn values_flatten_as_the_official_clients_flatten_them() {
        let cases = [
            ("scalar", json!("v"), pairs(&[("P", "v")])),
            ("empty text is kept", json!(""), pairs(&[("P", "")])),
            ("booleans are lower case", json!(true), pairs(&[("P", "true")])),
            ("large integer", json!(1_234_567_890_123_456_789_u64), pairs(&[("P", "1234567890123456789")])),
            ("null is left out", json!(null), pairs(&[])),
            ("empty list is left out", json!([]), pairs(&[])),
            ("empty object is left out", json!({}), pairs(&[])),
            ("list counts from one", json!(["a", "b"]), pairs(&[("P.1", "a"), ("P.2", "b")])),
            ("null in a list leaves its number unused", json!(["a", null, "c"]), pairs(&[("P.1", "a"), ("P.3", "c")])),
            ("nested", json!([{"A": {"T": [{"Id": "x"}]}, "B": null}]), pairs(&[("P.1.A.T.1.Id", "x")])),
        ];
        for (case, value, expected) in cases {
            assert_eq!(flat(value), expected, "{case}");
        }
    }

    #[test]
    fn a_list_of_objects_builds_the_query_of_vector_v3_14() {
        let request = ApiRequest::rpc(Product::Ecs, "AuthorizeSecurityGroup")
            .query("SecurityGroupId", "sg-0001")
            .query("RegionId", "cn-shanghai")
            .query(
                "Permissions",
                json!([
                    {"IpProtocol": "TCP", "PortRange": "50051/50051", "SourceCidrIp": "10.0.0.0/24", "Policy": "accept",
                     "Priority": 1, "Description": "alb vsw-aaa111"},
                    {"IpProtocol": "TCP", "PortRange": "50051/50051", "SourceCidrIp": "10.0.1.0/24", "Policy": "accept",
                     "Priority": "1", "Description": null},
                ]),
            )
            .query("ClientToken", "tok-1");
        let golden = include_str!("testdata/signing/v3-14/canonical-request.txt");
        assert_eq!(canonical_query(request.query_parameters().iter()), golden.lines().nth(2).unwrap());
    }

    #[test]
    fn a_json_parameter_in_the_form_builds_the_body_of_vector_v3_06() {
        let request = ApiRequest::rpc(Product::Adcp, "AttachClusterToHub")
            .form_json("ClusterIds", vec!["c0ffee11223344556677889900aabbcc1", "c0ffee11223344556677889900aabbcc2"]);
        assert_eq!(
            String::from_utf8(request.body().bytes()).unwrap(),
            "ClusterIds=%5B%22c0ffee11223344556677889900aabbcc1%22%2C%22c0ffee11223344556677889900aabbcc2%22%5D"
        );
        assert_eq!(request.body().content_type(), Some("application/x-www-form-urlencoded"));
    }

    #[test]
    fn a_json_parameter_in_the_query_builds_the_query_of_vector_v3_05() {
        let request = ApiRequest::rpc(Product::Adcp, "UpdateHubClusterFeature")
            .query_json("VSwitches", vec!["vsw-aaa111", "vsw-bbb222"])
            .query_json("AccessControlList", vec!["10.0.0.0/8", "192.168.0.0/16"])
            .query("GatewayEnabled", true)
            .query("ClusterId", "c1a2b3c4d5e6f7081929a3b4c5d6e7f80");
        let golden = include_str!("testdata/signing/v3-05/canonical-request.txt");
        assert_eq!(canonical_query(request.query_parameters().iter()), golden.lines().nth(2).unwrap());
    }

    #[test]
    fn path_segments_are_encoded_as_in_vector_v3_11() {
        let request =
            ApiRequest::roa(Product::Cs, "DescribeClusterDetail", Method::Get, &["clusters", "a b*c~d/e测试"]).unwrap();
        assert_eq!(request.path(), "/clusters/a%20b%2Ac~d%2Fe%E6%B5%8B%E8%AF%95");
    }

    #[test]
    fn a_json_body_is_that_of_vector_v3_12() {
        let request = ApiRequest::roa(Product::Cs, "CheckServiceRole", Method::Post, &["ram", "check-service-role"])
            .unwrap()
            .json(&json!({"roles": [{"name": "AliyunCSDefaultRole"}, {"name": "角色"}]}))
            .unwrap();
        let text = r#"{"roles":[{"name":"AliyunCSDefaultRole"},{"name":"角色"}]}"#;
        assert_eq!(request.body().bytes(), text.as_bytes());
        assert_eq!(request.body().content_type(), Some("application/json; charset=utf-8"));
    }

    #[test]
    fn a_segment_that_would_name_another_resource_is_refused() {
        // GET /clusters/ is another operation than GET /clusters/{id}.
        for bad in ["", ".", ".."] {
            let built = ApiRequest::roa(Product::Cs, "DescribeClusterDetail", Method::Get, &["clusters", bad]);
            assert!(built.is_err(), "{bad:?}");
        }
    }
}
