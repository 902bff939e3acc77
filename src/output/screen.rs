//! The terminal's size, and text that fits into it.

use rustix::termios::tcgetwinsize;
use std::os::fd::AsFd;
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthChar;

/// How large a terminal is, in cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) columns: usize,
    pub(super) rows: usize,
}

/// The size of the terminal that `fd` is, if it is one and tells.
pub(super) fn size(fd: impl AsFd) -> Option<Size> {
    let size = tcgetwinsize(fd).ok()?;
    let size = Size {
        columns: usize::from(size.ws_col),
        rows: usize::from(size.ws_row),
    };
    (size.columns > 0 && size.rows > 0).then_some(size)
}

/// `text` in at most `columns`. What is cut is marked by `…`: the beginning of what looks
/// like a path, as its end tells more, and the end of anything else.
pub(super) fn fit(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut room = columns.saturating_sub(1);
    let mut fits = |part: &&str| {
        let width = width(part);
        let fits = width <= room;
        room = if fits { room - width } else { 0 };
        fits
    };
    if columns == 0 {
        String::new()
    } else if text.contains('/') {
        let kept = text.graphemes(true).rev().take_while(&mut fits);
        let kept: usize = kept.map(str::len).sum();
        format!("…{}", &text[text.len() - kept..])
    } else {
        let kept = text.graphemes(true).take_while(&mut fits);
        let kept: usize = kept.map(str::len).sum();
        format!("{}…", &text[..kept])
    }
}

/// The cells that a terminal may need: joined signs are one there, or each its own.
fn width(text: &str) -> usize {
    text.chars().filter_map(UnicodeWidthChar::width).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::fuzz;
    use proptest::prelude::*;

    #[test]
    fn what_does_not_fit_is_cut_and_says_so() {
        assert_eq!(fit("resize photo", 12), "resize photo");
        assert_eq!(fit("resize photo", 8), "resize …");
        assert_eq!(fit("/videos/2026/holiday.mov", 12), "…holiday.mov");
        assert_eq!(fit("x", 0), "");
        assert_eq!(fit("xy", 1), "…");
    }

    #[test]
    fn wide_characters_count_as_what_they_take() {
        assert_eq!(fit("世界世界", 6), "世界…");
        // Four people, joined: a sign of two cells, or of eight; all of it or nothing.
        let family = "👨‍👩‍👧‍👦 at home";
        assert_eq!(fit(family, 9), "👨‍👩‍👧‍👦…");
        assert_eq!(fit(family, 8), "…");
    }

    #[test]
    fn fuzz_fit() {
        fuzz::check(&(any::<String>(), 0..50_usize), |(text, columns)| {
            prop_assert!(width(&fit(&text, columns)) <= columns);
            Ok(())
        });
    }
}
