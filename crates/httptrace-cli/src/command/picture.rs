//! How a timeline is drawn on an output.

use httptrace::timeline::Timeline;

use crate::output::Output;
use crate::render::{RenderOptions, waterfall};

/// The waterfall, as wide and colorful as the output allows.
pub(super) fn picture(timeline: &Timeline, output: &Output) -> String {
    let mut options = RenderOptions {
        color: output.color(),
        ..RenderOptions::default()
    };
    if let Some(width) = output.width() {
        options.width = width.into();
    }
    waterfall(timeline, &options)
}
