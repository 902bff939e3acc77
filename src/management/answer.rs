//! What the management API says.

use crate::base::escape::escape;
use serde_json::Value;

/// More of its words than this help nobody.
const LONGEST_REASON: usize = 200;

/// The JSON object in `body`, or why there is none for `user`.
pub(super) fn read(status: u16, body: &[u8], user: &str) -> Result<Value, String> {
    let body = serde_json::from_slice::<Value>(body).ok();
    let body = body.filter(Value::is_object);
    let user = escape(user.as_bytes());
    let reason = reason(body.as_ref());
    Err(match (status, body) {
        (200, Some(body)) => return Ok(body),
        (401 | 403, _) if reason.contains("Not management user") => format!(
            "user `{user}` may not use it: the tag `management` is needed \
             (rabbitmqctl set_user_tags USER management)"
        ),
        (401 | 403, _) => format!(
            "it refuses user `{user}` (HTTP {status}{reason}); check the password, and that the user \
             may use the vhost"
        ),
        (404, Some(_)) => format!(
            "it knows no such queue (HTTP 404); is it the same broker's, and has user `{user}` \
             permissions in the vhost?"
        ),
        (300..=399, _) => format!(
            "it redirects (HTTP {status}), which is not followed; give the URL to which it leads"
        ),
        (200 | 404, _) => {
            format!("what answers there is no management API (HTTP {status}); is the URL right?")
        }
        _ => format!("it answers with HTTP {status}{reason}; is the URL right?"),
    })
}

/// The API's own words, behind a colon, or nothing.
fn reason(body: Option<&Value>) -> String {
    let reason = body.and_then(|body| body["reason"].as_str());
    let text: String = reason
        .unwrap_or_default()
        .chars()
        .take(LONGEST_REASON)
        .collect();
    match escape(text.as_bytes()) {
        text if text.is_empty() => text,
        text => format!(": {text}"),
    }
}
