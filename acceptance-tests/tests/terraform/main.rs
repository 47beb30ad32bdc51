//! What real Terraform does with the provider, against the sandbox or a real API server behind it.
//!
//! One program for all, so that they are linked once and wait side by side; `cargo test --test terraform -- drift::` runs
//! one file. What stands in files named `newest_` needs a Terraform newer than the others do.

mod application_set;
mod backend_access;
mod backend_access_replaced;
mod credentials;
mod data_sources;
mod drift;
mod errors;
mod every_gateway_attribute;
mod every_ingress_attribute;
mod examples;
mod functions;
mod import;
mod interrupt;
mod messages_application_set;
mod messages_association;
mod messages_configuration;
mod messages_fleet;
mod messages_gateway;
mod messages_ingress;
mod messages_probe;
mod messages_secret;
mod messages_stack;
mod messages_states;
mod messages_surroundings;
mod messages_waits;
mod newest_import_by_identity;
mod one_object;
mod out_of_band;
mod prerequisites;
mod renewal;
mod rules;
mod secrets;
mod timeouts;
mod walkthrough;
