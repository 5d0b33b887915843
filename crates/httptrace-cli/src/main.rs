//! The command `httptrace`.
fn main() {}
