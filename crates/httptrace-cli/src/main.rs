//! The command `httptrace`.
mod render;
fn main() {}
