//! Which product, version and action a request is for.
//!
//! Every version belongs to one product, so the version alone tells the product and the `Host` header is free. RPC
//! products name the action in `x-acs-action` or `Action`; `cs` names it by method and path.

use serde_json::Value;

use super::error::ApiError;
use super::kubeconfig::KubeconfigIssuer;
use super::parameters::Parameters;
use super::wire::WireRequest;
use super::{LoadBalancers, adcp, alb, cs, ecs, sts, vpc};
use crate::faults::Call;
use crate::world::{AccessKey, Moment, World};

/// What an action works on.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    /// The cloud.
    pub(crate) world: &'a World,
    /// Who calls.
    pub(crate) caller: &'a AccessKey,
    /// The cloud's time.
    pub(crate) now: Moment,
    /// Who writes kubeconfigs.
    pub(crate) issuer: Option<&'a dyn KubeconfigIssuer>,
    /// The load balancers the controller has made.
    pub(crate) balancers: Option<&'a dyn LoadBalancers>,
}

/// An action's work.
pub(crate) type Run = fn(&Context<'_>, &Parameters) -> Result<Value, ApiError>;

/// One action of a product.
#[derive(Debug)]
pub(crate) struct Operation {
    /// Its name; case matters.
    pub(crate) action: &'static str,
    /// Method and path template of a ROA action; RPC actions take GET and POST unless [`Operation::get_only`].
    pub(crate) route: Option<(&'static str, &'static str)>,
    /// Whether POST is refused.
    pub(crate) get_only: bool,
    /// Whether RAM asks for a permission.
    pub(crate) needs_permission: bool,
    /// Whether it is called without a signature; its parameters say who calls.
    pub(crate) anonymous: bool,
    /// The parameter that names the object for rules and the log, or nothing.
    pub(crate) subject: &'static str,
    /// The parameters it knows; one ending in a dot stands for its family.
    pub(crate) parameters: &'static [&'static str],
    /// What it does.
    pub(crate) run: Run,
}

impl Operation {
    /// An RPC action.
    pub(crate) const fn rpc(
        action: &'static str,
        subject: &'static str,
        parameters: &'static [&'static str],
        run: Run,
    ) -> Self {
        Self {
            action,
            route: None,
            get_only: false,
            needs_permission: true,
            anonymous: false,
            subject,
            parameters,
            run,
        }
    }

    /// A ROA action.
    pub(crate) const fn roa(
        action: &'static str,
        route: (&'static str, &'static str),
        subject: &'static str,
        parameters: &'static [&'static str],
        run: Run,
    ) -> Self {
        Self { route: Some(route), ..Self::rpc(action, subject, parameters, run) }
    }
}

/// A product of the cloud in one version.
#[derive(Debug)]
pub struct Product {
    /// Its code, as in endpoint names and permissions.
    pub code: &'static str,
    /// Its API version.
    pub version: &'static str,
    /// Whether its errors are those of a ROA product.
    pub roa: bool,
    /// The code of a denied permission; products differ.
    pub denied_code: &'static str,
    pub(crate) operations: &'static [Operation],
}

/// Every product the sandbox simulates.
pub static PRODUCTS: [Product; 6] = [
    Product {
        code: "adcp",
        version: "2022-01-01",
        roa: false,
        denied_code: "NoPermission",
        operations: adcp::OPERATIONS,
    },
    Product {
        code: "sts",
        version: "2015-04-01",
        roa: false,
        denied_code: "NoPermission",
        operations: sts::OPERATIONS,
    },
    Product {
        code: "vpc",
        version: "2016-04-28",
        roa: false,
        denied_code: "Forbidden.RAM",
        operations: vpc::OPERATIONS,
    },
    Product { code: "cs", version: "2015-12-15", roa: true, denied_code: "ErrorCheckAcl", operations: cs::OPERATIONS },
    Product {
        code: "ecs",
        version: "2014-05-26",
        roa: false,
        denied_code: "Forbidden.RAM",
        operations: ecs::OPERATIONS,
    },
    Product {
        code: "alb",
        version: "2020-06-16",
        roa: false,
        denied_code: "Forbidden.RAM",
        operations: alb::OPERATIONS,
    },
];

/// A recognised call.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) product: Option<&'static Product>,
    pub(crate) operation: Result<&'static Operation, ApiError>,
    pub(crate) path_parameters: Vec<(&'static str, String)>,
    pub(crate) call: Call,
}

/// Finds product and action, and what the log calls the object.
pub(crate) fn recognise(request: &WireRequest) -> Target {
    let parameters = super::verify::query_or_form(request);
    let from_wire = |header: &str, parameter: &str| {
        request.header(header).map(str::to_owned).or_else(|| parameters.get(parameter).cloned()).unwrap_or_default()
    };
    let (version, action) = (from_wire("x-acs-version", "Version"), from_wire("x-acs-action", "Action"));
    let Some(product) = PRODUCTS.iter().find(|product| product.version == version) else {
        let error = match version.as_str() {
            "" => ApiError::missing("Version"),
            _ => ApiError::new(404, "NoSuchVersion", "The specified version does not exist."),
        };
        return Target {
            product: None,
            operation: Err(error),
            path_parameters: Vec::new(),
            call: Call { api: "unknown".to_owned(), action, ..Call::default() },
        };
    };
    let (operation, path_parameters) =
        if product.roa { by_route(product, request) } else { (by_action(product, request, &action), Vec::new()) };
    let named = operation.as_ref().map_or(action.as_str(), |operation| operation.action).to_owned();
    let subject = operation.as_ref().map_or("", |operation| operation.subject);
    let in_path = path_parameters.iter().find(|(name, _)| *name == subject).map(|(_, value)| value);
    let name = in_path.or_else(|| parameters.get(subject)).cloned().unwrap_or_default();
    let call = Call { api: product.code.to_owned(), action: named, resource: String::new(), name };
    Target { product: Some(product), operation, path_parameters, call }
}

fn by_action(product: &'static Product, request: &WireRequest, action: &str) -> Result<&'static Operation, ApiError> {
    if action.is_empty() {
        return Err(ApiError::missing("Action"));
    }
    if !matches!(request.path.as_str(), "" | "/") {
        return Err(ApiError::new(
            404,
            "InvalidApi.NotFound",
            "The specified API is not found: RPC calls use the path /.",
        ));
    }
    let operation = product.operations.iter().find(|operation| operation.action == action).ok_or_else(|| {
        let message = format!("Specified api is not found: {} {} has no {action}.", product.code, product.version);
        ApiError::new(404, "InvalidAction.NotFound", message)
    })?;
    let allowed = match request.method.as_str() {
        "GET" => true,
        "POST" => !operation.get_only,
        _ => false,
    };
    if allowed { Ok(operation) } else { Err(unsupported_method(&request.method)) }
}

fn unsupported_method(method: &str) -> ApiError {
    ApiError::new(400, "UnsupportedHTTPMethod", format!("The HTTP method {method} is not supported by this action."))
}

type Routed = (Result<&'static Operation, ApiError>, Vec<(&'static str, String)>);

fn by_route(product: &'static Product, request: &WireRequest) -> Routed {
    let segments = request.path_segments();
    let mut other_method = false;
    for operation in product.operations {
        let Some((method, template)) = operation.route else { continue };
        let Some(found) = match_template(template, &segments) else { continue };
        if method == request.method {
            return (Ok(operation), found);
        }
        other_method = true;
    }
    let error = if other_method {
        unsupported_method(&request.method)
    } else {
        ApiError::new(404, "InvalidApi.NotFound", "Specified api is not found, please check your url and method.")
    };
    (Err(error), Vec::new())
}

fn match_template(template: &'static str, segments: &[String]) -> Option<Vec<(&'static str, String)>> {
    let mut parts = template.trim_start_matches('/').split('/');
    let mut found = Vec::new();
    for segment in segments {
        let part = parts.next()?;
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) if !segment.is_empty() => found.push((name, segment.clone())),
            Some(_) => return None,
            None if part == segment => {}
            None => return None,
        }
    }
    parts.next().is_none().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, path: &str, version: &str, action: &str) -> WireRequest {
        WireRequest {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: vec![
                ("x-acs-version".to_owned(), version.to_owned()),
                ("x-acs-action".to_owned(), action.to_owned()),
            ],
            ..WireRequest::default()
        }
    }

    #[test]
    fn calls_are_recognised_by_version_and_action_or_route() {
        for (given, want) in [
            (request("POST", "/", "2022-01-01", "DescribeHubClusters"), Ok("DescribeHubClusters")),
            (request("GET", "/", "2022-01-01", "DescribeRegions"), Ok("DescribeRegions")),
            (request("POST", "/", "2022-01-01", "DescribeRegions"), Err((400, "UnsupportedHTTPMethod"))),
            (request("POST", "/", "2022-01-01", "describeHubClusters"), Err((404, "InvalidAction.NotFound"))),
            (request("POST", "/", "2022-01-01", "DescribeVSwitches"), Err((404, "InvalidAction.NotFound"))),
            (request("POST", "/", "2022-01-01", ""), Err((400, "MissingAction"))),
            (request("POST", "/", "2022-01-02", "DescribeHubClusters"), Err((404, "NoSuchVersion"))),
            (request("POST", "/", "", "DescribeHubClusters"), Err((400, "MissingVersion"))),
            (request("POST", "/x", "2022-01-01", "DescribeHubClusters"), Err((404, "InvalidApi.NotFound"))),
            (request("GET", "/clusters/c1", "2015-12-15", ""), Ok("DescribeClusterDetail")),
            (request("GET", "/clusters", "2015-12-15", ""), Err((404, "InvalidApi.NotFound"))),
            (request("PUT", "/clusters/c1", "2015-12-15", ""), Err((400, "UnsupportedHTTPMethod"))),
        ] {
            let target = recognise(&given);
            let got = target.operation.as_ref().map(|o| o.action).map_err(|e| (e.status, e.code.as_str()));
            assert_eq!(got, want, "{given:?}");
        }
        let target = recognise(&request("GET", "/clusters/c%2F1", "2015-12-15", ""));
        assert_eq!(target.path_parameters, [("ClusterId", "c/1".to_owned())]);
        assert_eq!(target.call.name, "c/1");
    }

    #[test]
    fn no_two_products_share_a_version_and_no_two_actions_a_name() {
        for (index, product) in PRODUCTS.iter().enumerate() {
            assert!(PRODUCTS.iter().skip(index + 1).all(|other| other.version != product.version));
            for (position, operation) in product.operations.iter().enumerate() {
                let twins = product.operations.iter().skip(position + 1).filter(|o| o.action == operation.action);
                assert_eq!(twins.count(), 0, "{}/{}", product.code, operation.action);
            }
        }
    }
}
