//! The line about tokens and cost under an answer, for who asked for it with `/usage`.
use super::{commands::UsageFooter, turn::TurnOutcome};
use std::fmt::Write as _;

/// The line. None: nobody wants it, or the model did not say what it used.
pub(super) fn footer(wanted: UsageFooter, outcome: &TurnOutcome) -> Option<String> {
    let usage = &outcome.usage;
    let read = usage.input + usage.cache_read + usage.cache_write;
    if wanted == UsageFooter::Off || read + usage.output == 0 {
        return None;
    }
    let mut line = format!("Usage: {read} in / {} out", usage.output);
    if wanted == UsageFooter::Full {
        let cached = usage.cache_read;
        if cached > 0 {
            let _ = write!(line, " ({cached} cached)");
        }
        // a model without a price is one that costs nothing or whose price nobody knows
        if usage.cost > 0.0 {
            let _ = write!(line, " · ${:.4}", usage.cost);
        }
        let _ = write!(line, " · {}", outcome.model);
    }
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_footer_says_what_was_asked_for() {
        let mut outcome = TurnOutcome {
            model: "p/m".into(),
            ..TurnOutcome::default()
        };
        assert_eq!(footer(UsageFooter::Full, &outcome), None, "nothing is known");
        (
            outcome.usage.input,
            outcome.usage.cache_read,
            outcome.usage.output,
        ) = (10, 5, 3);
        assert_eq!(footer(UsageFooter::Off, &outcome), None);
        assert_eq!(
            footer(UsageFooter::Tokens, &outcome).as_deref(),
            Some("Usage: 15 in / 3 out")
        );
        outcome.usage.cost = 0.0123;
        assert_eq!(
            footer(UsageFooter::Full, &outcome).as_deref(),
            Some("Usage: 15 in / 3 out (5 cached) · $0.0123 · p/m")
        );
    }
}
