//! `ackone_alb_gateway`: an AlbConfig with its IngressClass.
mod model;
mod object;
mod rules;
mod schema;
