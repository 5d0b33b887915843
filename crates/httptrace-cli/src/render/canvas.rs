//! Where rows are put: the columns, the wrapping, the colours.

use std::fmt::Write;
use std::time::Duration;

use anstyle::Style;

use super::bar::{Scale, Stretch};
use super::quantity::millis;
use super::{BOLD, DIM, RED, RenderOptions};

/// The waterfall in the making. A row has four columns: label, time, bar, notes.
pub(super) struct Canvas {
    options: RenderOptions,
    scale: Scale,
    text: String,
}

/// Columns before the bar: indent, label, time, gap.
const BEFORE_BAR: usize = 2 + LABEL + 1 + TIME + 2;
const LABEL: usize = 7;
/// Room for `12345.6 ms`.
const TIME: usize = 10;
const GAP: usize = 2;

impl Canvas {
    pub(super) fn new(mut options: RenderOptions, total: Duration) -> Self {
        options.width = options.width.max(RenderOptions::MIN_WIDTH);
        let rest = options.width - BEFORE_BAR - GAP;
        let scale = Scale {
            width: rest * 9 / 20,
            total,
            unicode: options.unicode,
        };
        Self {
            options,
            scale,
            text: String::new(),
        }
    }

    /// A line with text at both ends; the left one is cut in its middle if there is no room for it.
    pub(super) fn heading(
        &mut self,
        style: Style,
        left: &str,
        right_style: Style,
        right: &[String],
    ) {
        let right = clean(&right.join(self.separator()));
        let room = self.options.width.saturating_sub(width(&right) + GAP);
        let left = self.cut(&clean(left), room);
        let gap = self
            .options
            .width
            .saturating_sub(width(&left) + width(&right));
        self.paint(style, &left);
        self.text.push_str(&" ".repeat(gap.max(1)));
        self.paint(right_style, &right);
        self.text.push('\n');
    }

    /// A row. Notes that do not fit beside the bar go on lines of their own below it.
    pub(super) fn row(
        &mut self,
        label: &str,
        style: Style,
        time: Option<Duration>,
        stretches: &[Stretch],
        notes: &[String],
    ) {
        let time = time.map(millis).unwrap_or_default();
        self.timed_row(label, style, &time, stretches, notes);
    }

    /// A row for what happened at an instant.
    pub(super) fn instant(&mut self, label: &str, style: Style, at: Duration, notes: &[String]) {
        let time = format!("@ {}", millis(at));
        let stretch = Stretch { start: at, end: at };
        self.timed_row(label, style, &time, &[stretch], notes);
    }

    fn timed_row(
        &mut self,
        label: &str,
        style: Style,
        time: &str,
        stretches: &[Stretch],
        notes: &[String],
    ) {
        // A long time takes what its label leaves of the room for both.
        let room = LABEL + 1 + TIME;
        let time = format!("{time:>0$}", room.saturating_sub(width(label)));
        self.text.push_str("  ");
        self.paint(style, label);
        self.text.push_str(&time);
        self.text.push_str("  ");
        let bar = self.scale.bar(stretches);
        self.paint(style, &bar);

        let notes: Vec<String> = notes.iter().map(|note| clean(note)).collect();
        let column = BEFORE_BAR + self.scale.width + GAP;
        let mut lines = self.wrapped(&notes, self.options.width - column);
        let fits = lines
            .first()
            .is_some_and(|line| column + self.joined_width(line) <= self.options.width);
        if fits {
            let padding = self.scale.width - width(&bar) + GAP;
            self.text.push_str(&" ".repeat(padding));
            let beside = lines.remove(0);
            self.paint(DIM, &beside.join(self.separator()));
        }
        // A row without a bar has blanks at its end otherwise.
        self.text.truncate(self.text.trim_end().len());
        self.text.push('\n');
        self.below(column, &lines.concat());
    }

    /// Notes that found no room beside the bar: in the same column if one line will do, otherwise from the bar on.
    fn below(&mut self, column: usize, notes: &[String]) {
        let in_column = self.wrapped(notes, self.options.width - column);
        let fits = in_column.iter().map(|line| self.joined_width(line)).max();
        let is_short =
            in_column.len() == 1 && fits.is_some_and(|w| column + w <= self.options.width);
        self.lines(if is_short { column } else { BEFORE_BAR }, notes);
    }

    /// The last row: the whole length.
    pub(super) fn total(&mut self, total: Duration, notes: &[String]) {
        let stretch = Stretch {
            start: Duration::ZERO,
            end: total,
        };
        self.row("total", BOLD, Some(total), &[stretch], notes);
    }

    /// Facts on lines of their own.
    pub(super) fn facts(&mut self, facts: &[String]) {
        let facts: Vec<String> = facts.iter().map(|fact| clean(fact)).collect();
        self.lines(2, &facts);
    }

    /// A remark.
    pub(super) fn note(&mut self, text: &str) {
        self.facts(&[text.into()]);
    }

    /// What went wrong.
    pub(super) fn failure(&mut self, text: &str) {
        let mark = if self.options.unicode { '✗' } else { 'x' };
        self.words(RED, &format!("{mark} {}", clean(text)));
    }

    /// Whether a time is a hundredth of the whole at least. Gaps that are less only distract.
    pub(super) fn matters(&self, time: Duration) -> bool {
        !time.is_zero() && time.saturating_mul(100) >= self.scale.total
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    /// Items on as many lines as they need.
    fn lines(&mut self, indent: usize, items: &[String]) {
        for line in self.wrapped(items, self.options.width - indent) {
            self.indented(indent, DIM, &line.join(self.separator()));
        }
    }

    /// Shares items out to lines of `room` columns. One that is longer has a line of its own.
    fn wrapped(&self, items: &[String], room: usize) -> Vec<Vec<String>> {
        let mut lines: Vec<Vec<String>> = Vec::new();
        for item in items {
            match lines.last_mut() {
                Some(line) if self.joined_width(line) + self.joined_width(&["", item]) <= room => {
                    line.push(item.clone());
                }
                _ => lines.push(vec![item.clone()]),
            }
        }
        lines
    }

    fn joined_width<T: AsRef<str>>(&self, items: &[T]) -> usize {
        let text: usize = items.iter().map(|item| width(item.as_ref())).sum();
        text + items.len().saturating_sub(1) * width(self.separator())
    }

    /// Wraps a sentence between its words.
    fn words(&mut self, style: Style, text: &str) {
        let mut line = String::new();
        for word in text.split(' ') {
            if !line.is_empty() && 2 + width(&line) + 1 + width(word) > self.options.width {
                self.indented(2, style, &line);
                line = format!("  {word}");
            } else {
                let gap = if line.is_empty() { "" } else { " " };
                line.push_str(gap);
                line.push_str(word);
            }
        }
        self.indented(2, style, &line);
    }

    fn indented(&mut self, indent: usize, style: Style, line: &str) {
        self.text.push_str(&" ".repeat(indent));
        self.paint(style, line);
        self.text.push('\n');
    }

    fn paint(&mut self, style: Style, text: &str) {
        let painted = self.painted(style, text);
        self.text.push_str(&painted);
    }

    fn painted(&self, style: Style, text: &str) -> String {
        let mut painted = String::new();
        if self.options.color && !text.trim().is_empty() {
            // Writing to a String does not fail.
            let _ = write!(painted, "{style}{text}{style:#}");
        } else {
            painted.push_str(text);
        }
        painted
    }

    pub(super) fn separator(&self) -> &'static str {
        if self.options.unicode { " · " } else { ", " }
    }

    pub(super) fn arrow(&self) -> &'static str {
        if self.options.unicode { "→" } else { "->" }
    }

    /// What a peer says, in quotation marks, cut to a line below the bars.
    pub(super) fn quoted(&self, text: &str) -> String {
        let room = self.options.width - BEFORE_BAR - 2;
        format!("\"{}\"", self.cut(text, room))
    }

    /// Cuts what is longer than `room` in its middle.
    fn cut(&self, text: &str, room: usize) -> String {
        let length = width(text);
        if length <= room {
            return text.into();
        }
        let ellipsis = if self.options.unicode { "…" } else { "..." };
        let kept = room.saturating_sub(width(ellipsis));
        let head: String = text.chars().take(kept - kept / 3).collect();
        let tail: String = text.chars().skip(length - kept / 3).collect();
        head + ellipsis + &tail
    }
}

/// Columns that a text takes. Everything drawn here is one column wide.
fn width(text: &str) -> usize {
    text.chars().count()
}

/// What a peer says may hold control characters; a terminal must not obey them.
fn clean(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}
