//! The part of nom 4's interface that amq-protocol 1 uses.
//!
//! amiquip parses frames by amq-protocol 1.4, and that by nom 4.2.3, whose macros end in semicolons
//! where an expression is expected. Rust warns of it today and is going to refuse it
//! (rust-lang/rust#79813); nom 5 has no such macros any more. So `[patch.crates-io]` in the main
//! `Cargo.toml` puts this crate in its place: the macros and functions that amq-protocol names, with
//! the results of nom 4.2.3 for every input. Of errors nobody asks more than that they are errors.
//!
//! A parser takes bytes and returns what is left of them, and a value.

mod macros;

/// Why there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Err<I> {
    /// There are not enough bytes.
    Incomplete,
    /// The bytes are wrong from here on.
    Error(I),
}

/// What is left, and a value.
pub type IResult<I, O> = Result<(I, O), Err<I>>;

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident: $number:ty;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// The bytes end before.
        pub fn $name(i: &[u8]) -> IResult<&[u8], $number> {
            match i.split_first_chunk() {
                Some((bytes, rest)) => Ok((rest, <$number>::from_be_bytes(*bytes))),
                None => Err(Err::Incomplete),
            }
        }
    )*};
}

numbers! {
    /// Reads an integer of 1 byte.
    be_i8: i8;
    /// Reads an integer of 1 byte without a sign.
    be_u8: u8;
    /// Reads an integer of 2 bytes, the highest first.
    be_i16: i16;
    /// Reads an integer of 2 bytes without a sign, the highest first.
    be_u16: u16;
    /// Reads an integer of 4 bytes, the highest first.
    be_i32: i32;
    /// Reads an integer of 4 bytes without a sign, the highest first.
    be_u32: u32;
    /// Reads an integer of 8 bytes, the highest first.
    be_i64: i64;
    /// Reads an integer of 8 bytes without a sign, the highest first.
    be_u64: u64;
    /// Reads a floating-point number of 4 bytes, the highest first.
    be_f32: f32;
    /// Reads a floating-point number of 8 bytes, the highest first.
    be_f64: f64;
}

/// Splits off the first `count` bytes.
///
/// # Errors
/// There are not as many.
pub fn taken(i: &[u8], count: usize) -> IResult<&[u8], &[u8]> {
    match i.split_at_checked(count) {
        Some((taken, rest)) => Ok((rest, taken)),
        None => Err(Err::Incomplete),
    }
}

/// Splits off these bytes.
///
/// # Errors
/// It begins otherwise, or ends before.
pub fn tagged<'a>(i: &'a [u8], tag: &[u8]) -> IResult<&'a [u8], &'a [u8]> {
    let common = i.len().min(tag.len());
    if i[..common] != tag[..common] {
        return Err(Err::Error(i));
    }
    taken(i, tag.len())
}

/// Splits off the first `count` bytes, as text.
///
/// # Errors
/// There are not as many, or they are not UTF-8.
pub fn taken_str(i: &[u8], count: usize) -> IResult<&[u8], &str> {
    let (rest, taken) = taken(i, count)?;
    match std::str::from_utf8(taken) {
        Ok(text) => Ok((rest, text)),
        Err(_) => Err(Err::Error(i)),
    }
}

/// Applies a parser as often as it finds something. One that needs no bytes for it is an error.
///
/// # Errors
/// A value needed no bytes, or the last one is not whole.
pub fn folded<'a, T, A>(
    mut i: &'a [u8],
    mut parser: impl FnMut(&'a [u8]) -> IResult<&'a [u8], T>,
    init: A,
    mut add: impl FnMut(A, T) -> A,
) -> IResult<&'a [u8], A> {
    let mut all = init;
    loop {
        match parser(i) {
            Ok((rest, _)) if rest.len() == i.len() => return Err(Err::Error(i)),
            Ok((rest, value)) => {
                all = add(all, value);
                i = rest;
            }
            Err(Err::Error(_)) => return Ok((i, all)),
            Err(Err::Incomplete) => return Err(Err::Incomplete),
        }
    }
}

/// What ends too early is wrong.
///
/// # Errors
/// As `result` has them, but none is [`Err::Incomplete`].
pub fn completed<I, O>(i: I, result: IResult<I, O>) -> IResult<I, O> {
    match result {
        Err(Err::Incomplete) => Err(Err::Error(i)),
        result => result,
    }
}

/// What is wrong is not there.
///
/// # Errors
/// The bytes end before.
pub fn optional<I, O>(i: I, result: IResult<I, O>) -> IResult<I, Option<O>> {
    match result {
        Ok((rest, value)) => Ok((rest, Some(value))),
        Err(Err::Error(_)) => Ok((i, None)),
        Err(Err::Incomplete) => Err(Err::Incomplete),
    }
}

#[cfg(test)]
mod tests;
