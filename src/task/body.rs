//! A task's body, or its beginning. The headers of a result repeat that of its task, since who
//! collects results later has not sent the tasks.

use super::Task;
use crate::amqp::Properties;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// Bytes of a body that are repeated; of a longer one its beginning is. All headers together must
/// fit into a frame of 128 KiB, and command lines are hardly ever longer.
const REPEATED_MAX: usize = 16 * 1024;

/// The body, where it is text.
const BODY: &str = "task-body";
/// The body in base64, where it is not.
const BODY_BASE64: &str = "task-body-base64";
/// Bytes of the whole body.
const SIZE: &str = "task-size";

/// A task's body, or its beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskBody {
    /// The body, or its beginning.
    pub bytes: Vec<u8>,
    /// Bytes of the whole body.
    pub size: usize,
}

impl TaskBody {
    /// All of it.
    #[must_use]
    pub fn whole(bytes: Vec<u8>) -> Self {
        let size = bytes.len();
        Self { bytes, size }
    }

    /// As much of it as a result repeats.
    #[must_use]
    pub fn repeated(body: &[u8]) -> Self {
        Self {
            bytes: beginning(body).to_vec(),
            size: body.len(),
        }
    }

    /// What the headers of a result say; `None`: the worker was of an older version.
    #[must_use]
    pub fn told_by(result: &Properties) -> Option<Self> {
        let text = result.header(BODY).map(String::into_bytes);
        let bytes = text.or_else(|| BASE64_STANDARD.decode(result.header(BODY_BASE64)?).ok())?;
        let size = result.header(SIZE).and_then(|size| size.parse().ok());
        // Anybody may have written that.
        let size = size.unwrap_or(0).max(bytes.len());
        let bytes = beginning(&bytes).to_vec();
        Some(Self { bytes, size })
    }

    /// Whether nothing was cut off.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.bytes.len() == self.size
    }

    /// As one harmless line, not more of it than a person reads.
    #[must_use]
    pub fn line(&self) -> String {
        super::shown(&self.bytes, self.size)
    }
}

impl Task {
    /// The properties of its result, which repeats it.
    #[must_use]
    pub fn repeated_in(&self, result: Properties) -> Properties {
        let body = beginning(&self.body);
        let result = result.with_header(SIZE, self.body.len().to_string());
        match std::str::from_utf8(body) {
            Ok(text) => result.with_header(BODY, text.to_owned()),
            Err(_) => result.with_header(BODY_BASE64, BASE64_STANDARD.encode(body)),
        }
    }
}

/// What is repeated of a body. No character is cut in two.
fn beginning(body: &[u8]) -> &[u8] {
    let Some(cut) = body.get(..REPEATED_MAX) else {
        return body;
    };
    match std::str::from_utf8(cut) {
        Err(error) if error.error_len().is_none() => &cut[..error.valid_up_to()],
        _ => cut,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(body: &[u8]) -> TaskBody {
        let task = Task {
            body: body.to_vec(),
            properties: Properties::persistent(),
        };
        let result = task.repeated_in(Properties::default());
        TaskBody::told_by(&result).unwrap()
    }

    #[test]
    fn a_result_repeats_its_task() {
        for body in [&b""[..], b"convert a.jpg", b"\xff\0\n", "ä".as_bytes()] {
            let task = told(body);
            assert!(task.is_whole());
            assert_eq!(task.bytes, body);
            assert_eq!(task, TaskBody::repeated(body));
        }
        assert_eq!(TaskBody::told_by(&Properties::default()), None);
    }

    #[test]
    fn of_a_long_body_the_beginning_is_repeated() {
        let text = "x".to_owned() + &"ä".repeat(REPEATED_MAX);
        let binary = vec![0xff; REPEATED_MAX + 1];
        for (body, len) in [
            // A character of two bytes does not fit any more.
            (text.as_bytes(), REPEATED_MAX - 1),
            (&binary, REPEATED_MAX),
        ] {
            let task = told(body);
            assert_eq!((task.bytes.len(), task.size), (len, body.len()));
            assert_eq!(task.bytes, body[..len]);
            assert_eq!(task, TaskBody::repeated(body));
            assert!(!task.is_whole());
        }
    }

    #[test]
    fn a_size_that_cannot_be_is_not_believed() {
        let result = Properties::default()
            .with_header(BODY, "four".to_owned())
            .with_header(SIZE, "-1".to_owned());
        assert!(TaskBody::told_by(&result).unwrap().is_whole());
        let result = Properties::default().with_header(BODY_BASE64, "?".to_owned());
        assert_eq!(TaskBody::told_by(&result), None);
    }
}
