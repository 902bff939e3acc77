//! What tasks wrote, each line behind a tag.

use memchr::memchr_iter;
use std::io::{self, BufWriter, Write};

/// Writes `text` as it is, or each line behind `tag` and a tab. The last line of a tagged text gets a
/// newline if it has none, as another tag follows.
pub(super) fn write(mut out: impl Write, text: &[u8], tag: Option<&str>) -> io::Result<()> {
    let Some(tag) = tag else {
        out.write_all(text)?;
        return out.flush();
    };
    let mut out = BufWriter::new(out);
    let mut begin = 0;
    let whole = memchr_iter(b'\n', text).map(|at| at + 1);
    let open = (!text.ends_with(b"\n")).then_some(text.len());
    for end in whole.chain(open) {
        if begin == end {
            break;
        }
        write!(out, "{tag}\t")?;
        out.write_all(&text[begin..end])?;
        begin = end;
    }
    if open.is_some() && !text.is_empty() {
        out.write_all(b"\n")?;
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(text: &[u8], tag: Option<&str>) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut out, text, tag).unwrap();
        out
    }

    #[test]
    fn each_line_has_the_tag() {
        assert_eq!(written(b"a\nb\n", Some("x")), b"x\ta\nx\tb\n");
        assert_eq!(written(b"a\n\nb", Some("x")), b"x\ta\nx\t\nx\tb\n");
        assert_eq!(written(b"\xff\0\r", Some("x")), b"x\t\xff\0\r\n");
        assert_eq!(written(b"\n", Some("x")), b"x\t\n");
        assert_eq!(written(b"", Some("x")), b"");
        assert_eq!(written(b"a", None), b"a");
    }

    proptest! {
        #[test]
        fn without_its_tags_it_is_what_it_was(
            mut text in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..60),
        ) {
            let out = written(&text, Some("tag"));
            let lines = out.split_inclusive(|byte| *byte == b'\n');
            let bare: Option<Vec<&[u8]>> = lines.map(|line| line.strip_prefix(b"tag\t")).collect();
            if !text.is_empty() && !text.ends_with(b"\n") {
                text.push(b'\n');
            }
            prop_assert_eq!(bare.unwrap().concat(), text);
        }
    }
}
