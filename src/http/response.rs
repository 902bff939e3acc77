//! A response, as bytes.

use std::fmt::Write as _;

/// How a request went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// As it should.
    Ok,
    /// It is no request.
    BadRequest,
    /// There is nothing at this path.
    NotFound,
    /// Only GET and HEAD are served.
    MethodNotAllowed,
    /// The request has too many bytes or headers.
    TooLarge,
    /// Not now.
    Unavailable,
}

impl Status {
    fn line(self) -> &'static str {
        match self {
            Self::Ok => "200 OK",
            Self::BadRequest => "400 Bad Request",
            Self::NotFound => "404 Not Found",
            Self::MethodNotAllowed => "405 Method Not Allowed",
            Self::TooLarge => "431 Request Header Fields Too Large",
            Self::Unavailable => "503 Service Unavailable",
        }
    }
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// How it went.
    pub status: Status,
    /// What the body is.
    pub content_type: &'static str,
    /// What the client asked for.
    pub body: String,
}

/// Whether the body is sent, or only told about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    Sent,
    /// The request was HEAD.
    Omitted,
}

impl Response {
    /// One line of text.
    #[must_use]
    pub fn line(status: Status, text: &str) -> Self {
        Self {
            status,
            content_type: "text/plain; charset=utf-8",
            body: format!("{text}\n"),
        }
    }

    /// As it goes to the client. The connection serves one request: that is all that probes need.
    pub(super) fn bytes(&self, body: Body) -> Vec<u8> {
        let mut head = format!(
            "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
             Connection: close\r\n",
            self.status.line(),
            self.content_type,
            self.body.len()
        );
        if self.status == Status::MethodNotAllowed {
            let _ = write!(head, "Allow: GET, HEAD\r\n");
        }
        head.push_str("\r\n");
        if body == Body::Sent {
            head.push_str(&self.body);
        }
        head.into_bytes()
    }
}
