//! What the fuzz targets share.

mod coded;
mod kinds;
mod round_trip;
mod story;

pub use coded::CODINGS;
pub use round_trip::assert_comes_back;
pub use story::{Draft, Story};
