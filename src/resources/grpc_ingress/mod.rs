//! `ackone_grpc_ingress`.
mod model;
mod object;
mod rules;
mod schema;
