//! Counted nouns.

/// `1 task`, `2 tasks`: any noun whose plural ends in `s`.
#[must_use]
pub fn counted(count: u64, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn one_is_no_plural() {
        let all = [0, 1, 2].map(|count| counted(count, "task"));
        assert_eq!(all, ["0 tasks", "1 task", "2 tasks"]);
    }
}
