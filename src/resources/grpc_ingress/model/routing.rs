//! Custom conditions and actions as Terraform sees them.

crate::model! {
    /// Conditions and actions of the rules that lead to one Service.
    pub struct CustomRouting {
        /// `Request` or `Response`.
        pub direction: String,
        /// All of them must hold.
        pub conditions: Vec<P::Of<Condition<P>>>,
        /// What is done.
        pub actions: Vec<P::Of<Action<P>>>,
    }
}

crate::model! {
    /// One condition: exactly one field is set.
    pub struct Condition {
        /// Hosts.
        pub hosts: Vec<P::Of<String>>,
        /// Paths.
        pub paths: Vec<P::Of<String>>,
        /// A request header.
        pub header: HeaderMatch<P>,
        /// Query parameters.
        pub query_strings: Vec<P::Of<KeyValue<P>>>,
        /// HTTP methods.
        pub methods: Vec<P::Of<String>>,
        /// Cookies.
        pub cookies: Vec<P::Of<KeyValue<P>>>,
        /// Addresses of clients.
        pub source_ips: Vec<P::Of<String>>,
        /// Status codes of the answer.
        pub response_status_codes: Vec<P::Of<String>>,
        /// A header of the answer.
        pub response_header: HeaderMatch<P>,
    }
}

crate::model! {
    /// A header with accepted values.
    pub struct HeaderMatch {
        /// Name.
        pub key: String,
        /// Values.
        pub values: Vec<P::Of<String>>,
    }
}

crate::model! {
    /// A name with a value.
    pub struct KeyValue {
        /// Name.
        pub key: String,
        /// Value.
        pub value: String,
    }
}

crate::model! {
    /// One action: exactly one field is set.
    pub struct Action {
        /// Forward to groups by weight.
        pub forward_group: ForwardGroup<P>,
        /// Send the client elsewhere.
        pub redirect: Redirect<P>,
        /// Answer at once.
        pub fixed_response: FixedResponse<P>,
        /// Change the request's address.
        pub rewrite: Rewrite<P>,
        /// Add a header.
        pub insert_header: InsertHeader<P>,
        /// Drop a header.
        pub remove_header: HeaderAction<P>,
        /// Send a copy elsewhere.
        pub traffic_mirror: TrafficMirror<P>,
        /// Limit requests.
        pub traffic_limit: TrafficLimit<P>,
    }
}

crate::model! {
    /// Forward to groups by weight.
    pub struct ForwardGroup {
        /// Groups.
        pub server_groups: Vec<P::Of<ServerGroup<P>>>,
        /// Keep a client with a group.
        pub sticky_session: GroupStickiness<P>,
    }
}

crate::model! {
    /// A group to forward to.
    pub struct ServerGroup {
        /// Service.
        pub service_name: String,
        /// Port of the Service.
        pub service_port: i64,
        /// Group made elsewhere.
        pub server_group_id: String,
        /// 0 to 100.
        pub weight: i64,
    }
}

crate::model! {
    /// Keep a client with a group.
    pub struct GroupStickiness {
        /// Whether it is on.
        pub enabled: bool,
        /// Seconds.
        pub timeout: i64,
    }
}

crate::model! {
    /// Send the client elsewhere.
    pub struct Redirect {
        /// Host.
        pub host: String,
        /// Path.
        pub path: String,
        /// Port.
        pub port: String,
        /// Protocol.
        pub protocol: String,
        /// Query string.
        pub query: String,
        /// Status code.
        pub http_code: String,
    }
}

crate::model! {
    /// Answer at once.
    pub struct FixedResponse {
        /// Media type.
        pub content_type: String,
        /// Body.
        pub content: String,
        /// Status code.
        pub http_code: String,
    }
}

crate::model! {
    /// Change the request's address.
    pub struct Rewrite {
        /// Host.
        pub host: String,
        /// Path.
        pub path: String,
        /// Query string.
        pub query: String,
    }
}

crate::model! {
    /// Add a header.
    pub struct InsertHeader {
        /// Name.
        pub key: String,
        /// Value.
        pub value: String,
        /// Kind of value.
        pub value_type: String,
        /// Whether an existing one is replaced.
        pub cover_enabled: bool,
    }
}

crate::model! {
    /// A header by its name.
    pub struct HeaderAction {
        /// Name.
        pub key: String,
    }
}

crate::model! {
    /// Send a copy elsewhere.
    pub struct TrafficMirror {
        /// Groups made elsewhere.
        pub server_group_ids: Vec<P::Of<String>>,
    }
}

crate::model! {
    /// Limit requests.
    pub struct TrafficLimit {
        /// Of all clients.
        pub qps: i64,
        /// Of one client address.
        pub qps_per_ip: i64,
    }
}
