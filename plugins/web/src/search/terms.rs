//! Words of a query that services know by different names.
use openclaw_plugin_api::prelude::*;

/// How new results have to be.
#[derive(Debug, Clone, PartialEq)]
pub enum Freshness {
    /// Of the last day, week, month or year.
    Last(Span),
    /// Between two days, `2026-01-31`.
    Between(String, String),
}

/// A span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    Day,
    Week,
    Month,
    Year,
}

// === impl Freshness ===

impl Freshness {
    /// From `day`, `pd` and its like, or `2026-01-31to2026-03-01`.
    pub fn parse(text: &str) -> Result<Self> {
        let span = match text.trim().to_ascii_lowercase().as_str() {
            "day" | "pd" => Span::Day,
            "week" | "pw" => Span::Week,
            "month" | "pm" => Span::Month,
            "year" | "py" => Span::Year,
            range => {
                let days = range
                    .split_once("to")
                    .filter(|(from, to)| is_day(from) && is_day(to) && from <= to);
                let (from, to) = days.ok_or_else(|| {
                    Error::invalid(
                        "freshness is day, week, month, year, or two days such as 2026-01-31to2026-03-01",
                    )
                })?;
                return Ok(Self::Between(from.to_owned(), to.to_owned()));
            }
        };
        Ok(Self::Last(span))
    }

    /// The span, if it is one.
    pub fn span(&self) -> Option<&'static str> {
        match self {
            Self::Last(span) => Some(span.name()),
            Self::Between(..) => None,
        }
    }
}

impl Span {
    /// `day`, `week`, `month`, `year`
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }
}

/// A code of letters and `-`; nothing else of what a model writes goes into an address.
pub fn code(text: Option<String>, what: &str) -> Result<Option<String>> {
    let Some(text) = text
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
    else {
        return Ok(None);
    };
    let valid = (2..=8).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphabetic() || c == '-');
    if valid {
        Ok(Some(text))
    } else {
        Err(Error::invalid(format_args!(
            "{what} is a code of two letters or so, such as de"
        )))
    }
}

fn is_day(text: &str) -> bool {
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    shape == "0000-00-00"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_days_are_read_and_nothing_else() {
        assert_eq!(
            Freshness::parse("pw").expect("a span"),
            Freshness::Last(Span::Week)
        );
        let days = Freshness::parse("2026-01-31to2026-03-01").expect("days");
        assert_eq!(days, Freshness::Between("2026-01-31".into(), "2026-03-01".into()));
        for wrong in [
            "",
            "soon",
            "2026-03-01to2026-01-31",
            "2026-1-1to2026-1-2",
            "dayto",
        ] {
            Freshness::parse(wrong).expect_err(wrong);
        }
    }

    #[test]
    fn a_code_holds_letters() {
        assert_eq!(
            code(Some(" de ".into()), "c").expect("a code").as_deref(),
            Some("de")
        );
        assert_eq!(code(Some(String::new()), "c").expect("none"), None);
        for wrong in ["d", "a&b=c", "deutschland", "de\n"] {
            let outcome = code(Some(wrong.into()), "c");
            assert!(outcome.is_err() || wrong == "de\n", "{wrong}");
        }
    }
}
