//! Provider binary.
fn main() {}
