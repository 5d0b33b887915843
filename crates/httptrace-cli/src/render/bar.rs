//! Bars to scale.

use std::time::Duration;

/// A stretch of time on the call's time line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    pub(super) start: Duration,
    pub(super) end: Duration,
}

/// A line of `width` characters that stands for the time from zero to `total`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    pub(super) width: usize,
    pub(super) total: Duration,
    pub(super) unicode: bool,
}

impl Scale {
    /// Draws stretches. Each begins in the character in which it began and is as long as it was, to an eighth of a
    /// character; the shortest is a thin line. What goes on past the total ends with an arrow.
    pub(super) fn bar(&self, stretches: &[Stretch]) -> String {
        let mut line = vec![' '; self.width];
        for stretch in stretches {
            self.draw(&mut line, *stretch);
        }
        let line: String = line.into_iter().collect();
        line.trim_end().to_owned()
    }

    fn draw(&self, line: &mut [char], stretch: Stretch) {
        let Some(last) = self.width.checked_sub(1) else {
            return;
        };
        let first = (self.eighths(stretch.start) / 8).min(last);
        let room = (self.width - first) * 8;
        let length = self
            .eighths(stretch.end)
            .saturating_sub(self.eighths(stretch.start));
        let length = length.clamp(1, room);
        for (place, cell) in line[first..].iter_mut().enumerate() {
            match length.saturating_sub(place * 8) {
                0 => break,
                eighths => *cell = self.block(eighths.min(8), *cell),
            }
        }
        if stretch.end > self.total {
            line[last] = if self.unicode { '›' } else { '>' };
        }
    }

    /// A character filled from the left by some eighths. One that is fuller already stays.
    fn block(&self, eighths: usize, before: char) -> char {
        let blocks = match self.unicode {
            true => [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'],
            false => [' ', '|', '|', '|', '|', '#', '#', '#', '#'],
        };
        let filled = blocks.iter().rposition(|block| *block == before);
        blocks[eighths.max(filled.unwrap_or(0))]
    }

    fn eighths(&self, at: Duration) -> usize {
        let all = self.width * 8;
        if self.total.is_zero() {
            return 0;
        }
        let part = at.as_secs_f64() / self.total.as_secs_f64();
        // In range: a part of at most 1 of at most some thousand.
        (part.min(1.0) * all as f64).round() as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Starts and ends in milliseconds.
    type Stretches = &'static [(u64, u64)];

    fn bar(unicode: bool, stretches: Stretches) -> String {
        let scale = Scale {
            width: 10,
            total: Duration::from_millis(80),
            unicode,
        };
        let ms = Duration::from_millis;
        let stretch = |&(start, end): &(u64, u64)| Stretch {
            start: ms(start),
            end: ms(end),
        };
        scale.bar(&stretches.iter().map(stretch).collect::<Vec<_>>())
    }

    #[test]
    fn bars_are_to_scale_to_an_eighth_of_a_character() {
        let table: [(Stretches, &str, &str); 9] = [
            (&[(0, 80)], "██████████", "##########"),
            (&[(0, 0)], "▏", "|"),
            (&[(0, 12)], "█▌", "#|"),
            (&[(16, 31)], "  █▉", "  ##"),
            (&[(80, 80)], "         ▏", "         |"),
            (&[(0, 8), (72, 80)], "█        █", "#        #"),
            (&[(0, 8), (0, 1)], "█", "#"),
            (&[(70, 200)], "        █›", "        #>"),
            (&[(90, 99)], "         ›", "         >"),
        ];
        for (stretches, unicode, ascii) in table {
            assert_eq!(bar(true, stretches), unicode);
            assert_eq!(bar(false, stretches), ascii);
        }
    }

    #[test]
    fn a_call_that_took_no_time_has_the_thinnest_bars() {
        let stretch = Stretch {
            start: Duration::ZERO,
            end: Duration::ZERO,
        };
        let scale = Scale {
            width: 4,
            total: Duration::ZERO,
            unicode: true,
        };
        assert_eq!(scale.bar(&[stretch]), "▏");
    }
}
