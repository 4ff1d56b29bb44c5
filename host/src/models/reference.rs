//! References to models: how they are written and taken apart.
//!
//! The first slash divides, for ids of models have slashes of their own.
use crate::config::provider_id;
use std::fmt;

/// `provider/model`, with the provider's id in its one form.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelRef {
    /// The provider's id, as in `models.providers`.
    pub provider: String,
    /// The model's id, as the vendor knows it.
    pub model: String,
}

// === impl ModelRef ===

impl ModelRef {
    /// From its parts.
    pub fn new(provider: &str, model: impl Into<String>) -> Self {
        Self {
            provider: provider_id(provider),
            model: model.into(),
        }
    }

    /// Reads `provider/model`. None: there is no slash, or nothing on one side of it.
    pub fn parse(written: &str) -> Option<Self> {
        let (provider, model) = written.trim().split_once('/')?;
        let reference = Self::new(provider, model.trim());
        (!reference.provider.is_empty() && !reference.model.is_empty()).then_some(reference)
    }

    /// The model's id without the date of a release behind it (`-20250929`, `-2024-08-06`) or `-latest`. None: it has none.
    pub(super) fn undated(&self) -> Option<&str> {
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let (id, last) = self.model.rsplit_once('-')?;
        if last == "latest" || (last.len() == 8 && digits(last)) {
            return Some(id);
        }
        let (id, date) = self
            .model
            .split_at_checked(self.model.len().checked_sub("-2024-08-06".len())?)?;
        let parts: Vec<_> = date.split('-').collect();
        matches!(parts[..], ["", year, month, day]
            if year.len() == 4 && month.len() == 2 && day.len() == 2 && digits(year) && digits(month) && digits(day))
        .then_some(id)
    }
}

impl fmt::Display for ModelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider, self.model)
    }
}

/// Takes `model@profile` apart. Ids of models may have an `@` too, so it must be a profile that `exists`.
pub fn split_profile(written: &str, exists: impl Fn(&str) -> bool) -> (&str, Option<&str>) {
    match written.trim().rsplit_once('@') {
        Some((model, profile)) if exists(profile) => (model, Some(profile)),
        _ => (written.trim(), None),
    }
}

/// Is the model on a list of `provider/model` and `provider/*`? No list means any.
pub fn is_allowed(list: Option<&[String]>, model: &ModelRef) -> bool {
    let Some(list) = list else {
        return true;
    };
    list.iter()
        .filter_map(|entry| ModelRef::parse(entry))
        .any(|entry| entry.provider == model.provider && (entry.model == "*" || entry.model == model.model))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_slash_divides() {
        let reference = ModelRef::parse(" OpenRouter/meta/llama ").expect("a reference");
        assert_eq!(
            (reference.provider.as_str(), reference.model.as_str()),
            ("openrouter", "meta/llama")
        );
        assert_eq!(reference.to_string(), "openrouter/meta/llama");
        assert_eq!(ModelRef::parse("z.ai/glm"), ModelRef::parse("zai/glm"));
        for written in ["", "opus", "/model", "provider/", " / "] {
            assert_eq!(ModelRef::parse(written), None, "{written}");
        }
    }

    #[test]
    fn a_date_at_the_end_is_no_part_of_the_name() {
        for (model, expected) in [
            ("sonnet-4-5-20250929", Some("sonnet-4-5")),
            ("4o-2024-08-06", Some("4o")),
            ("haiku-latest", Some("haiku")),
            ("sonnet-4-5", None),
            ("4o-2024-8-06", None),
            ("2024-08-06", None),
            ("é-08-06", None),
            ("4o", None),
        ] {
            assert_eq!(ModelRef::new("p", model).undated(), expected, "{model}");
        }
    }

    #[test]
    fn a_profile_is_one_that_exists() {
        let exists = |id: &str| id == "vendor:work";
        assert_eq!(
            split_profile("vendor/m@vendor:work", exists),
            ("vendor/m", Some("vendor:work"))
        );
        assert_eq!(
            split_profile("cloud/m@20260101", exists),
            ("cloud/m@20260101", None)
        );
    }

    #[test]
    fn lists_name_models_and_whole_providers() {
        let list = ["a/x".to_owned(), "b/*".to_owned()];
        let allowed = |text: &str| is_allowed(Some(&list), &ModelRef::parse(text).expect("a reference"));
        assert!(allowed("a/x") && allowed("b/anything") && !allowed("a/y"));
        assert!(is_allowed(None, &ModelRef::new("c", "z")));
    }
}
