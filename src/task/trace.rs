//! Trace context: W3C's `traceparent`, `tracestate` and `baggage`, carried from the environment of
//! whoever sends a task to that of the command that does it. Nothing is recorded or reported here.
//!
//! The names of the variables are OpenTelemetry's ("Environment Variables as Context Propagation
//! Carriers"), those of the headers are W3C's ("Trace Context", "Baggage").

use super::Header;

/// Each as a header and as an environment variable.
pub const TRACE_CONTEXT: [(&str, &str); 3] = [
    ("traceparent", "TRACEPARENT"),
    ("tracestate", "TRACESTATE"),
    ("baggage", "BAGGAGE"),
];

/// The longest value that is passed on, in bytes: what W3C's Baggage requires of everybody.
const VALUE_MAX: usize = 8192;

/// The headers for the variables that `variable` knows, but for those that are `given` already.
#[must_use]
pub fn trace_headers(given: &[Header], variable: impl Fn(&str) -> Option<String>) -> Vec<Header> {
    let is_given = |name: &str| {
        given
            .iter()
            .any(|header| header.name.eq_ignore_ascii_case(name))
    };
    // A state belongs to one parent.
    let is_another_trace = is_given("traceparent");
    let wanted = TRACE_CONTEXT
        .into_iter()
        .filter(|(header, _)| !(is_given(header) || is_another_trace && *header == "tracestate"));
    let found = wanted.filter_map(|(header, name)| {
        let value = variable(name)?;
        let is_sound = (1..=VALUE_MAX).contains(&value.len()) && !value.contains(char::is_control);
        is_sound.then(|| Header {
            name: header.to_owned(),
            value,
        })
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(given: &[&str], variables: &[(&str, &str)]) -> Vec<String> {
        let given: Vec<Header> = given.iter().map(|text| text.parse().unwrap()).collect();
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let headers = trace_headers(&given, variable).into_iter();
        headers
            .map(|Header { name, value }| format!("{name}={value}"))
            .collect()
    }

    const ALL: [(&str, &str); 4] = [
        ("TRACEPARENT", "00-a-b-01"),
        ("TRACESTATE", "v=1"),
        ("BAGGAGE", "user=x"),
        ("PATH", "/bin"),
    ];

    #[test]
    fn what_the_environment_has_becomes_headers() {
        let expected = ["traceparent=00-a-b-01", "tracestate=v=1", "baggage=user=x"];
        assert_eq!(headers(&[], &ALL), expected);
        assert!(headers(&[], &[]).is_empty());
    }

    #[test]
    fn what_is_given_stays() {
        assert_eq!(
            headers(&["Baggage=mine"], &ALL),
            ["traceparent=00-a-b-01", "tracestate=v=1"]
        );
        // Another trace has no state of this one.
        assert_eq!(
            headers(&["traceparent=00-c-d-01"], &ALL),
            ["baggage=user=x"]
        );
    }

    #[test]
    fn what_is_no_value_is_left_out() {
        let long = "x".repeat(VALUE_MAX + 1);
        for value in ["", "a\nb", long.as_str()] {
            assert!(headers(&[], &[("TRACEPARENT", value)]).is_empty());
        }
    }
}
