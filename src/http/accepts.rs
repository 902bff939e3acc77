//! What a client would rather read, by its header `Accept`.

/// Whether the client prefers the content type `wanted` to `usual`, or likes both alike.
/// Without the header it has no wish.
#[must_use]
pub fn accepts(accept: Option<&str>, wanted: &str, usual: &str) -> bool {
    let Some(accept) = accept else { return false };
    let weight = |name: &str| {
        let ranges = accept.split(',').map(Range::parse);
        let weights = ranges.filter(|range| range.name.eq_ignore_ascii_case(name));
        weights.map(|range| range.weight).fold(0.0, f32::max)
    };
    let liking = weight(wanted);
    liking > 0.0 && liking >= weight(usual)
}

/// One of the content types in the header.
struct Range<'a> {
    name: &'a str,
    /// From 0 to 1; 1 if nothing is said.
    weight: f32,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok());
        Self {
            name,
            weight: weight.unwrap_or(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_decide() {
        let wants = |accept| accepts(accept, "application/openmetrics-text", "text/plain");
        for accept in [
            "application/openmetrics-text",
            "Application/OpenMetrics-Text; version=1.0.0; charset=utf-8",
            "application/openmetrics-text;version=1.0.0,text/plain;q=0.5,*/*;q=0.1",
            "text/plain;version=0.0.4;q=0.5, application/openmetrics-text;q=0.75",
        ] {
            assert!(wants(Some(accept)), "{accept}");
        }
        for accept in [
            "*/*",
            "",
            "text/plain",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;q=0.2,text/plain;q=0.9",
        ] {
            assert!(!wants(Some(accept)), "{accept}");
        }
        assert!(!wants(None));
    }
}
