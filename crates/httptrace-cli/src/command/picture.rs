//! How a timeline is drawn on an output.

use httptrace::timeline::Timeline;

use crate::output::Output;
use crate::render::{RenderOptions, waterfall};

/// The waterfall, as wide and colorful as the output allows.
pub(super) fn picture(timeline: &Timeline, output: &Output) -> String {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].map(|name| std::env::var(name).ok());
    let mut options = RenderOptions {
        color: output.color(),
        unicode: draws_unicode(&locale),
        ..RenderOptions::default()
    };
    if let Some(width) = output.width() {
        options.width = width.into();
    }
    waterfall(timeline, &options)
}

/// Whether the locale, by its variables in the order in which they count, has more than ASCII. Where none is set, as in
/// many containers, the terminal is outside and speaks UTF-8.
fn draws_unicode(locale: &[Option<String>]) -> bool {
    let mut set = locale.iter().flatten().filter(|value| !value.is_empty());
    set.next().is_none_or(|value| {
        let value = value.to_ascii_lowercase();
        value.contains("utf-8") || value.contains("utf8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_decides_about_characters() {
        let table: [([&str; 3], bool); 7] = [
            (["", "", ""], true),
            (["", "", "de_AT.UTF-8"], true),
            (["C.utf8", "", "C"], true),
            (["C", "", "en_US.UTF-8"], false),
            (["", "POSIX", "en_US.UTF-8"], false),
            (["", "", "en_US.ISO-8859-1"], false),
            (["", "en_US.UTF-8", "C"], true),
        ];
        for (locale, expected) in table {
            let locale = locale.map(|value| Some(value.to_owned()));
            assert_eq!(draws_unicode(&locale), expected, "{locale:?}");
        }
        assert!(draws_unicode(&[None, None]));
    }
}
