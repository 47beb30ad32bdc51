//! Settings of the server groups and rules as Terraform sees them.

crate::model! {
    /// How members are chosen.
    pub struct LoadBalancing {
        /// `wrr`, `wlc`, `sch` or `uch`.
        pub scheduler: String,
        /// Query parameter that `uch` hashes.
        pub uch_value: String,
        /// Cookie stickiness.
        pub sticky_session: StickySession<P>,
        /// Whether connections to members are reused.
        pub backend_keepalive: bool,
        /// Growing share of new members.
        pub slow_start: SlowStart<P>,
        /// Time for requests of leaving members.
        pub connection_drain: ConnectionDrain<P>,
    }
}

crate::model! {
    /// Cookie stickiness.
    pub struct StickySession {
        /// Whether it is on.
        pub enabled: bool,
        /// `Insert` or `Server`.
        pub r#type: String,
        /// Seconds.
        pub cookie_timeout: i64,
        /// Name of the application's cookie.
        pub cookie: String,
    }
}

crate::model! {
    /// Growing share of new members.
    pub struct SlowStart {
        /// Whether it is on.
        pub enabled: bool,
        /// Seconds.
        pub duration: i64,
    }
}

crate::model! {
    /// Time for requests of leaving members.
    pub struct ConnectionDrain {
        /// Whether it is on.
        pub enabled: bool,
        /// Seconds.
        pub timeout: i64,
    }
}

crate::model! {
    /// How members are checked.
    pub struct HealthCheck {
        /// Whether it is on.
        pub enabled: bool,
        /// `GRPC`, `TCP`, `HTTP` or `HTTPS`.
        pub protocol: String,
        /// Path or gRPC method.
        pub path: String,
        /// HTTP method.
        pub method: String,
        /// `HTTP1.0` or `HTTP1.1`.
        pub http_version: String,
        /// Codes of a healthy member.
        pub codes: Vec<P::Of<String>>,
        /// The same for controllers that do not read `codes`.
        pub http_codes: Vec<P::Of<String>>,
        /// Seconds.
        pub timeout: i64,
        /// Seconds.
        pub interval: i64,
        /// Checks.
        pub healthy_threshold: i64,
        /// Checks.
        pub unhealthy_threshold: i64,
        /// Port; 0 is the member's own.
        pub connect_port: i64,
    }
}

crate::model! {
    /// Canary settings.
    pub struct Canary {
        /// Percent.
        pub weight: i64,
        /// Header of canary requests.
        pub header: CanaryHeader<P>,
        /// Cookie of canary requests.
        pub cookie: String,
    }
}

crate::model! {
    /// Header of canary requests.
    pub struct CanaryHeader {
        /// Name.
        pub name: String,
        /// Exact value.
        pub value: String,
    }
}

crate::model! {
    /// Cross-origin requests.
    pub struct Cors {
        /// Whether it is on.
        pub enabled: bool,
        /// Origins.
        pub allow_origins: Vec<P::Of<String>>,
        /// Methods.
        pub allow_methods: Vec<P::Of<String>>,
        /// Request headers.
        pub allow_headers: Vec<P::Of<String>>,
        /// Response headers.
        pub expose_headers: Vec<P::Of<String>>,
        /// Whether credentials are allowed.
        pub allow_credentials: bool,
        /// Seconds.
        pub max_age: i64,
    }
}

crate::model! {
    /// Requests per second.
    pub struct RateLimit {
        /// Of all clients.
        pub qps: i64,
        /// Of one client address.
        pub qps_per_ip: i64,
    }
}
