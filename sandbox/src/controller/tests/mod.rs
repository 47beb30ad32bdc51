//! The controller against a Fleet API in memory, situation by situation.
//!
//! Names carry the letters of the observed situations. Times are scaled down; every wait has a condition and a deadline.

mod hosted;
mod situations;
mod world;
