//! How a timeline is drawn on an output.

use httptrace::timeline::Timeline;

use crate::output::Output;
use crate::render::{RenderOptions, waterfall};

/// The waterfall, as wide and colourful as the output allows.
pub(super) fn picture(timeline: &Timeline, output: &Output) -> String {
    let options = RenderOptions {
        width: output.width().map_or(PIPE_WIDTH, usize::from),
        colour: output.colour(),
    };
    waterfall(timeline, &options)
}

/// Columns of what is no terminal.
const PIPE_WIDTH: usize = 80;
