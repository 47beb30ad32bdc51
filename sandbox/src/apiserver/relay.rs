//! A real API server behind the sandbox's own door: calls are handed on, answers handed back, byte for byte.
//!
//! It takes the embedded server's place where a kubeconfig is given. Certificates, revoked credentials, denials, faults
//! and the call log are those of the door in front, so they work alike with both. Every user is handed on by name
//! (impersonation, with the kubeconfig's own credentials); what the sandbox denies is left to the real server to refuse:
//! the user is then handed on without the group that may do everything. It never answers in the server's stead but where
//! credentials are bad or the server does not answer at all.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{HeaderName, Request as HttpRequest, Response, header};
use http_body_util::BodyExt as _;
use hyper::body::Bytes;
use kube::Client;
use kube::client::Body;
use tokio::sync::watch;

use super::auth::{ANONYMOUS, Access, MASTERS, User, Wish};
use super::entrance::{Entrance, Opening};
use super::gate::Watched;
use super::handler::{Answer, AnswerBody, Request};
use super::http::Back;
use super::status::ApiError;

/// Headers that belong to one connection or to the client's own credentials.
const NOT_HANDED_ON: [HeaderName; 6] = [
    header::HOST,
    header::AUTHORIZATION,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// The real server as the door sees it.
pub(crate) struct Upstream {
    client: Client,
    access: Arc<Access>,
    /// Watches opened in an earlier epoch end.
    epoch: watch::Sender<u64>,
    watches: Arc<AtomicUsize>,
}

/// The body of a watch that is handed back as it comes.
pub(crate) struct Relayed {
    body: Body,
    epoch: watch::Receiver<u64>,
    _open: OpenWatch,
}

/// Counts a watch for as long as it is open.
struct OpenWatch(Arc<AtomicUsize>);

impl Drop for OpenWatch {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Relayed {
    /// The next piece; nothing when the watch has ended.
    pub(crate) async fn next(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            let frame = tokio::select! {
                _ = self.epoch.changed() => return None,
                frame = self.body.frame() => frame?,
            };
            match frame.map(|frame| frame.into_data()) {
                Ok(Ok(bytes)) => return Some(Ok(bytes)),
                // Trailers carry nothing a watch needs.
                Ok(Err(_)) => {}
                Err(error) => return Some(Err(io::Error::other(error))),
            }
        }
    }
}

impl Upstream {
    /// Hands a call on and its answer back.
    pub(crate) async fn handle(&self, request: &Request) -> Answer {
        let Some(user) = &request.user else {
            return Answer::failure(&ApiError::unauthorized());
        };
        let asked = match self.asked(request, user) {
            Ok(asked) => asked,
            Err(error) => return unreached(&error),
        };
        let mut epoch = self.epoch.subscribe();
        epoch.mark_unchanged();
        match self.client.send(asked).await {
            Ok(response) => self.answer(request, response, epoch).await,
            Err(error) => unreached(&error),
        }
    }

    fn asked(&self, request: &Request, user: &User) -> Result<HttpRequest<Body>, http::Error> {
        let mut asked = HttpRequest::builder().method(request.method.clone()).uri(&request.target);
        for (name, value) in &request.headers {
            let impersonates = name.as_str().starts_with("impersonate-");
            if !impersonates && !NOT_HANDED_ON.contains(name) {
                asked = asked.header(name, value);
            }
        }
        asked = asked.header("impersonate-user", user.name.as_str());
        for group in self.groups(request, user) {
            asked = asked.header("impersonate-group", group);
        }
        asked.body(Body::from(request.body.to_vec()))
    }

    /// Every user may do everything but what a denial names, as with the embedded server.
    fn groups<'a>(&self, request: &Request, user: &'a User) -> Vec<&'a str> {
        let wish = request.place.as_ref().map(|place| Wish {
            verb: &request.verb,
            resource: &place.resource,
            subresource: &place.subresource,
        });
        let mut groups: Vec<&str> = user.groups.iter().map(String::as_str).filter(|group| *group != MASTERS).collect();
        if user.name != ANONYMOUS && wish.is_none_or(|wish| self.access.allows(user, wish)) {
            groups.push(MASTERS);
        }
        groups
    }

    async fn answer(&self, request: &Request, response: Response<Body>, epoch: watch::Receiver<u64>) -> Answer {
        let (parts, body) = response.into_parts();
        let headers = parts
            .headers
            .iter()
            .filter(|(name, _)| !NOT_HANDED_ON.contains(name))
            .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
            .collect();
        let body = if request.verb == "watch" && parts.status.is_success() {
            self.watches.fetch_add(1, Ordering::Relaxed);
            AnswerBody::Relayed(Box::new(Relayed { body, epoch, _open: OpenWatch(Arc::clone(&self.watches)) }))
        } else {
            match body.collect_bytes().await {
                Ok(bytes) => AnswerBody::Whole(bytes),
                Err(error) => return unreached(&error),
            }
        };
        Answer { status: parts.status, headers, body }
    }
}

fn unreached(error: &dyn std::fmt::Display) -> Answer {
    tracing::warn!(%error, "the real API server did not answer");
    Answer::failure(&ApiError::unavailable("the real API server behind the sandbox did not answer"))
}

/// A running relay. Dropping it stops it.
pub(crate) struct Relay {
    entrance: Entrance,
    client: Client,
    epoch: watch::Sender<u64>,
    watches: Arc<AtomicUsize>,
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay").field("address", &self.entrance.address()).finish_non_exhaustive()
    }
}

impl Relay {
    /// Opens a door in front of the server that `client` reaches.
    pub(crate) async fn start(opening: Opening, client: Client) -> io::Result<Relay> {
        let epoch = watch::Sender::new(0);
        let watches = Arc::new(AtomicUsize::new(0));
        let entrance = Entrance::open(opening, |_, access| {
            Back::Real(Upstream {
                client: client.clone(),
                access: Arc::clone(access),
                epoch: epoch.clone(),
                watches: Arc::clone(&watches),
            })
        })
        .await?;
        Ok(Relay { entrance, client, epoch, watches })
    }

    pub(crate) fn entrance(&self) -> &Entrance {
        &self.entrance
    }

    /// The sandbox's own way to the real server.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }
}

impl Watched for Relay {
    fn drop_watches(&self) -> usize {
        let open = self.watches.load(Ordering::Relaxed);
        self.epoch.send_modify(|epoch| *epoch += 1);
        open
    }
}
