//! The hook the rest of the sandbox uses to see and disturb calls: fault injection and the call log.
//!
//! Declared here, implemented elsewhere. The server asks the gate before it handles a call and tells it the outcome.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// One call, after routing and authentication.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiCall {
    /// The call's number at this server, the same when the gate is asked and when it is told.
    pub number: u64,
    /// The API verb: get, list, watch, create, update, patch, delete, deletecollection; the lower-case HTTP method for a
    /// path that is no resource.
    pub verb: String,
    /// API group, empty for core.
    pub group: String,
    /// API version.
    pub version: String,
    /// Plural resource name, empty for a path that is no resource.
    pub resource: String,
    /// `status`, `finalize` or empty.
    pub subresource: String,
    /// Namespace, empty for cluster scope.
    pub namespace: String,
    /// Object name, empty for collections.
    pub name: String,
    /// Request path.
    pub path: String,
    /// Decoded query parameters in order.
    pub query: Vec<(String, String)>,
    /// Authenticated user, empty if there is none.
    pub user: String,
    /// The client's `User-Agent`.
    pub user_agent: String,
}

/// What is to happen to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GateDecision {
    /// Handle it.
    Pass,
    /// Answer this instead of handling it.
    Respond {
        /// HTTP status code.
        status: u16,
        /// Extra headers.
        headers: Vec<(String, String)>,
        /// Body, taken as JSON unless a header says otherwise.
        body: Vec<u8>,
    },
    /// Wait, then handle it.
    Delay(Duration),
    /// Drop the connection without handling the call.
    Reset,
    /// Handle the call, then break off in the middle of the answer.
    Truncate,
    /// Handle the call, then drop the connection instead of answering.
    DropResponse,
}

/// Decides about calls and hears of their outcome.
pub trait RequestGate: Send + Sync + 'static {
    /// Asked before a call is handled.
    fn before<'a>(&'a self, call: &'a ApiCall) -> Pin<Box<dyn Future<Output = GateDecision> + Send + 'a>>;

    /// Told the status code of the answer, also of one that was then dropped; 0 if the call was not handled.
    fn after(&self, call: &ApiCall, status: u16);
}

/// A server whose open watches can be ended.
pub trait Watched: Send + Sync + 'static {
    /// Ends every open watch and answers how many there were.
    fn drop_watches(&self) -> usize;
}

/// Lets everything pass.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenGate;

impl RequestGate for OpenGate {
    fn before<'a>(&'a self, _call: &'a ApiCall) -> Pin<Box<dyn Future<Output = GateDecision> + Send + 'a>> {
        Box::pin(std::future::ready(GateDecision::Pass))
    }

    fn after(&self, _call: &ApiCall, _status: u16) {}
}
