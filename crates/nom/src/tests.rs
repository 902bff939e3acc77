use super::*;

named_attr!(#[doc = "Text behind its length."], pub text<&str>, do_parse!(
    length: be_u8 >> text: take_str!(length) >> (text)
));
named_attr!(#[doc = "Texts in as many bytes as stand before them."], pub texts<Vec<String>>, do_parse!(
    length: be_u16 >>
    all: flat_map!(take!(length as usize), fold_many0!(complete!(text), Vec::new(), |mut all: Vec<String>, text: &str| {
        all.push(text.to_owned());
        all
    })) >>
    (all)
));
named_attr!(#[doc = "One of two kinds."], pub either<u32>, switch!(be_u8,
    1 => map!(call!(be_u16), u32::from) |
    2 => value!(7)
));
named_attr!(#[doc = "A header."], pub header, do_parse!(
    tag!(b"AMQP") >> tag!(&[0]) >> version: tag!(&[0, 9, 1]) >> (version)
));
named_attr!(#[doc = "A character."], pub letter<char>, map_opt!(be_u8, |byte: u8| {
    byte.is_ascii_alphabetic().then_some(byte as char)
}));

#[test]
fn numbers_have_the_highest_byte_first() {
    assert_eq!(be_i8(&[0xff, 1]), Ok((&[1][..], -1)));
    assert_eq!(be_u16(&[1, 2]), Ok((&[][..], 0x0102)));
    assert_eq!(be_i32(&[0xff, 0xff, 0xff, 0xfe]), Ok((&[][..], -2)));
    assert_eq!(be_f64(&1.5_f64.to_be_bytes()), Ok((&[][..], 1.5)));
    assert_eq!(be_u64(&[0; 7]), Err(Err::Incomplete));
}

#[test]
fn text_is_utf8() {
    assert_eq!(text(b"\x02ab-"), Ok((&b"-"[..], "ab")));
    assert_eq!(text(b"\x02a"), Err(Err::Incomplete));
    assert!(matches!(text(b"\x01\xff"), Err(Err::Error(_))));
}

/// What cannot be read to the end of a list is left out without a word, as nom 4 does.
#[test]
fn a_list_ends_where_nothing_more_is_found() {
    let all = |bytes| texts(bytes).map(|(rest, all)| (rest.len(), all.concat()));
    assert_eq!(all(b"\x00\x05\x01a\x02bc-"), Ok((1, "abc".to_owned())));
    assert_eq!(all(b"\x00\x04\x01a\x02b"), Ok((0, "a".to_owned())));
    assert_eq!(all(b"\x00\x00"), Ok((0, String::new())));
    assert_eq!(all(b"\x00\x05\x01a"), Err(Err::Incomplete));
    let endless = fold_many0!(&b"ab"[..], value!(()), (), |(), ()| ());
    assert!(matches!(endless, Err(Err::Error(_))));
}

#[test]
fn the_first_value_chooses() {
    assert_eq!(either(&[1, 0, 9]), Ok((&[][..], 9)));
    assert_eq!(either(&[2]), Ok((&[][..], 7)));
    assert_eq!(either(&[3]), Err(Err::Error(&[3][..])));
    assert_eq!(either(&[1, 0]), Err(Err::Incomplete));
}

#[test]
fn tags_are_compared_as_far_as_they_go() {
    assert_eq!(
        header(b"AMQP\0\x00\x09\x01!"),
        Ok((&b"!"[..], &[0, 9, 1][..]))
    );
    assert_eq!(header(b"AMQ"), Err(Err::Incomplete));
    assert!(matches!(header(b"HTTP"), Err(Err::Error(_))));
}

#[test]
fn what_is_wrong_may_be_missing() {
    let read = |bytes, is_there| cond!(bytes, is_there, letter);
    assert_eq!(read(&b"a1"[..], true), Ok((&b"1"[..], Some('a'))));
    assert_eq!(read(b"1", true), Ok((&b"1"[..], None)));
    assert_eq!(read(b"a", false), Ok((&b"a"[..], None)));
    assert_eq!(read(b"", true), Err(Err::Incomplete));
}

#[test]
fn a_pair_is_both() {
    let both = |bytes| pair!(bytes, letter, be_u8);
    assert_eq!(both(&[b'x', 1][..]), Ok((&[][..], ('x', 1))));
    assert_eq!(both(b"x"), Err(Err::Incomplete));
}
