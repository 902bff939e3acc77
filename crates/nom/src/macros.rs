//! The macros: each is a parser of the bytes that come first.

/// Makes a function of a parser.
#[macro_export]
macro_rules! named_attr {
    ($(#[$attr:meta])*, pub $name:ident<$o:ty>, $submac:ident!($($args:tt)*)) => {
        $(#[$attr])*
        pub fn $name(i: &[u8]) -> $crate::IResult<&[u8], $o> {
            $submac!(i, $($args)*)
        }
    };
    ($(#[$attr:meta])*, pub $name:ident, $submac:ident!($($args:tt)*)) => {
        $crate::named_attr!($(#[$attr])*, pub $name<&[u8]>, $submac!($($args)*));
    };
}

/// Calls a function.
#[macro_export]
macro_rules! call {
    ($i:expr, $f:expr) => {
        $f($i)
    };
}

/// Calls a function with more arguments.
#[macro_export]
macro_rules! apply {
    ($i:expr, $f:expr, $($args:expr),*) => { $f($i, $($args),*) };
}

/// Changes the value.
#[macro_export]
macro_rules! map {
    ($i:expr, $submac:ident!($($args:tt)*), $g:expr) => {
        ::std::result::Result::map($submac!($i, $($args)*), |(rest, value)| (rest, ($g)(value)))
    };
    ($i:expr, $f:expr, $g:expr) => { $crate::map!($i, call!($f), $g) };
}

/// Changes the value, or finds that it is none.
#[macro_export]
macro_rules! map_opt {
    ($i:expr, $f:expr, $g:expr) => {
        ::std::result::Result::and_then($f($i), |(rest, value)| match ($g)(value) {
            ::std::option::Option::Some(value) => ::std::result::Result::Ok((rest, value)),
            ::std::option::Option::None => ::std::result::Result::Err($crate::Err::Error($i)),
        })
    };
}

/// A value that needs no bytes.
#[macro_export]
macro_rules! value {
    ($i:expr, $value:expr) => {
        ::std::result::Result::Ok(($i, $value))
    };
}

/// The next `count` bytes.
#[macro_export]
macro_rules! take {
    ($i:expr, $count:expr) => {
        $crate::taken($i, $count as usize)
    };
}

/// The next `count` bytes, as text.
#[macro_export]
macro_rules! take_str {
    ($i:expr, $count:expr) => {
        $crate::taken_str($i, $count as usize)
    };
}

/// These bytes.
#[macro_export]
macro_rules! tag {
    ($i:expr, $tag:expr) => {
        $crate::tagged($i, &$tag[..])
    };
}

/// Applies the second parser to the value of the first.
#[macro_export]
macro_rules! flat_map {
    ($i:expr, $submac:ident!($($args:tt)*), $submac2:ident!($($args2:tt)*)) => {
        ::std::result::Result::and_then($submac!($i, $($args)*), |(rest, inner)| {
            ::std::result::Result::map($submac2!(inner, $($args2)*), |(_, value)| (rest, value))
        })
    };
}

/// Applies a parser as often as it finds something.
#[macro_export]
macro_rules! fold_many0 {
    ($i:expr, $submac:ident!($($args:tt)*), $init:expr, $f:expr) => {
        $crate::folded($i, |i| $submac!(i, $($args)*), $init, $f)
    };
}

/// What ends too early is wrong.
#[macro_export]
macro_rules! complete {
    ($i:expr, $submac:ident!($($args:tt)*)) => {
        $crate::completed($i, $submac!($i, $($args)*))
    };
    ($i:expr, $f:expr) => { $crate::complete!($i, call!($f)) };
}

/// One parser after the other.
#[macro_export]
macro_rules! pair {
    ($i:expr, $f:expr, $g:expr) => {
        ::std::result::Result::and_then($f($i), |(rest, first)| {
            ::std::result::Result::map($g(rest), |(rest, second)| (rest, (first, second)))
        })
    };
}

/// A parser that is applied if the condition holds, and whose value may be missing then, too.
#[macro_export]
macro_rules! cond {
    ($i:expr, $cond:expr, $f:expr) => {
        if $cond {
            $crate::optional($i, $f($i))
        } else {
            ::std::result::Result::Ok(($i, ::std::option::Option::None))
        }
    };
}

/// The parser that the first value chooses.
#[macro_export]
macro_rules! switch {
    ($i:expr, $f:ident, $($pattern:pat => $submac:ident!($($args:tt)*))|*) => {
        ::std::result::Result::and_then($f($i), |(rest, chosen)| match chosen {
            $($pattern => $submac!(rest, $($args)*),)*
            _ => ::std::result::Result::Err($crate::Err::Error($i)),
        })
    };
}

/// Returns early with what is wrong.
#[macro_export]
macro_rules! try_parse {
    ($i:expr, $submac:ident!($($args:tt)*)) => { $submac!($i, $($args)*)? };
    ($i:expr, $f:expr) => { $f($i)? };
}

/// One parser after the other, and what their values make.
#[macro_export]
macro_rules! do_parse {
    ($i:expr, ($value:expr)) => { ::std::result::Result::Ok(($i, $value)) };
    ($i:expr, $field:ident: $submac:ident!($($args:tt)*) >> $($rest:tt)*) => {
        ::std::result::Result::and_then($submac!($i, $($args)*), |(i, $field)| {
            $crate::do_parse!(i, $($rest)*)
        })
    };
    ($i:expr, $field:ident: $f:ident >> $($rest:tt)*) => {
        $crate::do_parse!($i, $field: call!($f) >> $($rest)*)
    };
    ($i:expr, $submac:ident!($($args:tt)*) >> $($rest:tt)*) => {
        $crate::do_parse!($i, _value: $submac!($($args)*) >> $($rest)*)
    };
}
