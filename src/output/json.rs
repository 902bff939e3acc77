//! JSON that a terminal shows and does not obey.

use crate::base::escape::is_harmful;
use serde::Serialize as _;
use serde_json::Value;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};
use std::io::{self, Write};

/// `value` on one line. Characters that a terminal obeys are written as `\uNNNN`, also those that
/// JSON would take as they are, so that what is read back is still exact.
#[must_use]
pub fn to_line(value: &Value) -> Vec<u8> {
    let mut line = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut line, Harmless);
    // Writing to memory does not fail, and a `Value` has nothing that JSON has not.
    let _ = value.serialize(&mut serializer);
    line.push(b'\n');
    line
}

struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut plain = 0;
        for (at, c) in fragment.char_indices().filter(|(_, c)| is_harmful(*c)) {
            CompactFormatter.write_string_fragment(writer, &fragment[plain..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            plain = at + c.len_utf8();
        }
        CompactFormatter.write_string_fragment(writer, &fragment[plain..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::fuzz;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn what_a_terminal_obeys_is_escaped() {
        let value = json!({ "a\u{9b}": "\x1b[2J\u{202e}\x7f\"\\ü" });
        let line = String::from_utf8(to_line(&value)).unwrap();
        assert_eq!(
            line,
            "{\"a\\u009b\":\"\\u001b[2J\\u202e\\u007f\\\"\\\\ü\"}\n"
        );
    }

    #[test]
    fn fuzz_json() {
        fuzz::check(&any::<String>(), |text| {
            let value = json!({ "text": text });
            let line = String::from_utf8(to_line(&value)).unwrap();
            let shown = line.trim_end_matches('\n');
            prop_assert!(!shown.chars().any(is_harmful));
            prop_assert_eq!(serde_json::from_str::<Value>(shown).unwrap(), value);
            Ok(())
        });
    }
}
