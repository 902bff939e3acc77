//! Bytes that come from outside, made harmless for a terminal.

use std::fmt::Write as _;

/// `bytes` as one line of text without control characters.
///
/// Tab, newline and carriage return become `\t`, `\n`, `\r`; other control characters and bytes
/// that are not UTF-8 become `\xNN` or `\u{NNNN}`. Among the control characters are the ones
/// that turn the direction of writing (Unicode's bidirectional controls), as they can make a
/// line read as something else. A backslash stays as it is: the text is for people to read, and
/// JSON events have the exact bytes.
#[must_use]
pub fn escape(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        let valid = chunk.valid();
        if valid.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            out.push_str(valid);
        } else {
            valid.chars().for_each(|c| push_escaped(&mut out, c));
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

fn push_escaped(out: &mut String, c: char) {
    match c {
        '\t' => out.push_str("\\t"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\0'..='\x7f' if c.is_control() => {
            let _ = write!(out, "\\x{:02x}", u32::from(c));
        }
        _ if is_harmful(c) => {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        }
        _ => out.push(c),
    }
}

/// Whether a terminal would obey this character instead of showing it.
pub(crate) fn is_harmful(c: char) -> bool {
    c.is_control() || turns_text(c)
}

/// Line and paragraph separators and the bidirectional controls of Unicode Annex 9.
fn turns_text(c: char) -> bool {
    matches!(
        c,
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

#[cfg(test)]
mod tests {
    use super::escape;
    use crate::base::fuzz;
    use proptest::prelude::*;

    #[test]
    fn plain_text_stays_as_it_is() {
        assert_eq!(escape(b"resize photo.jpg..."), "resize photo.jpg...");
        assert_eq!(escape("Grüße, 世界".as_bytes()), "Grüße, 世界");
        assert_eq!(escape(br"C:\new"), r"C:\new");
    }

    #[test]
    fn terminal_controls_are_shown_not_obeyed() {
        assert_eq!(escape(b"\x1b[31mred\x07"), r"\x1b[31mred\x07");
        assert_eq!(escape("\u{9b}2J".as_bytes()), r"\u{9b}2J");
        assert_eq!(escape(b"a\tb\nc\rd\0e\x7f"), r"a\tb\nc\rd\x00e\x7f");
        assert_eq!(escape("\u{202e}gpj".as_bytes()), r"\u{202e}gpj");
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_in_hexadecimal() {
        assert_eq!(escape(b"ok\xff\xfe."), r"ok\xff\xfe.");
    }

    #[test]
    fn fuzz_escapes() {
        fuzz::check(&proptest::collection::vec(any::<u8>(), 0..60), |bytes| {
            let shown = escape(&bytes);
            prop_assert_eq!(&shown, &escape(shown.as_bytes()));
            prop_assert!(!shown.chars().any(char::is_control));
            Ok(())
        });
    }
}
