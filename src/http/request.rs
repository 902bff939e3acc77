//! A request, read by `httparse`.

use httparse::{EMPTY_HEADER, Error, Status as Parse};

/// Clients of ours send ten or so.
const HEADERS_MAX: usize = 64;

/// A request, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// In upper case, as it came.
    pub method: String,
    /// Without what stands behind a `?`.
    pub path: String,
    /// What the client wants to read, as in its header `Accept`.
    pub accept: Option<String>,
}

/// What the bytes of a request come to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// There must be more.
    Incomplete,
    /// All of its head is here.
    Complete(Request),
    /// It has too many headers.
    TooLarge,
    /// It is not HTTP.
    Nonsense,
}

impl Request {
    /// Reads what has come so far.
    pub(super) fn parse(bytes: &[u8]) -> Parsed {
        let mut headers = [EMPTY_HEADER; HEADERS_MAX];
        let mut head = httparse::Request::new(&mut headers);
        match head.parse(bytes) {
            Ok(Parse::Partial) => return Parsed::Incomplete,
            Err(Error::TooManyHeaders) => return Parsed::TooLarge,
            Err(_) => return Parsed::Nonsense,
            Ok(Parse::Complete(_)) => {}
        }
        let (Some(method), Some(target)) = (head.method, head.path) else {
            return Parsed::Nonsense;
        };
        let path = target.split('?').next().unwrap_or_default();
        let accepts: Vec<_> = head
            .headers
            .iter()
            .filter(|header| header.name.eq_ignore_ascii_case("accept"))
            .map(|header| String::from_utf8_lossy(header.value))
            .collect();
        Parsed::Complete(Self {
            method: method.to_owned(),
            path: path.to_owned(),
            accept: (!accepts.is_empty()).then(|| accepts.join(",")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_when_it_is_complete() {
        let whole = b"GET /metrics?a=b HTTP/1.1\r\nHost: x\r\naccept: a\r\nAccept: b\r\n\r\n";
        for end in 0..whole.len() {
            assert_eq!(Request::parse(&whole[..end]), Parsed::Incomplete);
        }
        let request = Request {
            method: "GET".to_owned(),
            path: "/metrics".to_owned(),
            accept: Some("a,b".to_owned()),
        };
        assert_eq!(Request::parse(whole), Parsed::Complete(request));
    }

    #[test]
    fn what_is_no_request_is_told_from_what_is_too_large() {
        for nonsense in [&b"\x16\x03\x01"[..], b"GET\r\n\r\n", b"GET / FTP/1\r\n"] {
            assert_eq!(Request::parse(nonsense), Parsed::Nonsense);
        }
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(65));
        assert_eq!(Request::parse(many.as_bytes()), Parsed::TooLarge);
    }
}
