//! Finds the model that a person means: by alias, by reference, by id, or by something that looks like one of these.
use std::fmt;

/// How many candidates are named when a choice isn't clear.
const MAX_NAMED: usize = 5;
/// Likeness from which on a misspelt name is taken for the right one's.
const LIKENESS: f64 = 0.88;

/// A model that may be chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelChoice {
    /// `provider/model`
    pub reference: String,
    /// Name for people; may be empty.
    pub name: String,
    /// Short names of the configuration.
    pub aliases: Vec<String>,
}

/// Why no model was chosen. The text is for people in a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PickError {
    /// Nothing looks like it.
    Unknown,
    /// Several do.
    Several(Vec<String>),
}

/// The model that is named exactly: alias, `provider/model`, or an id that only one provider has.
pub fn exact<'a>(word: &str, models: &'a [ModelChoice]) -> Option<&'a ModelChoice> {
    let same = |text: &str| text.eq_ignore_ascii_case(word);
    let alias = models
        .iter()
        .find(|model| model.aliases.iter().any(|alias| same(alias)));
    let alias = alias.or_else(|| models.iter().find(|model| same(&model.reference)));
    alias.or_else(|| {
        let mut ids = models.iter().filter(|model| same(model.id()));
        ids.next().filter(|_| ids.next().is_none())
    })
}

/// The model whose words begin as those of the text do: safe to try on the first word of a sentence.
pub fn by_words<'a>(word: &str, models: &'a [ModelChoice]) -> Option<&'a ModelChoice> {
    let wanted = words(word);
    if wanted.iter().map(String::len).sum::<usize>() < 3 {
        return exact(word, models);
    }
    let fits = |model: &ModelChoice| {
        let have = words(&model.reference);
        wanted
            .iter()
            .all(|wanted| have.iter().any(|word| word.starts_with(wanted.as_str())))
    };
    exact(word, models).or_else(|| shortest(models.iter().filter(|model| fits(model))))
}

/// The model that a person most likely means.
pub fn fuzzy<'a>(text: &str, models: &'a [ModelChoice]) -> Result<&'a ModelChoice, PickError> {
    if let Some(model) = by_words(text, models) {
        return Ok(model);
    }
    let wanted = squeeze(text);
    if wanted.len() < 2 {
        return Err(PickError::Unknown);
    }
    let inside: Vec<_> = models
        .iter()
        .filter(|model| squeeze(&model.reference).contains(&wanted))
        .collect();
    match inside.as_slice() {
        [one] => return Ok(one),
        [] => {}
        [_, ..] => {
            let named = inside.iter().take(MAX_NAMED).map(|model| model.reference.clone());
            return Err(PickError::Several(named.collect()));
        }
    }
    let like = |model: &ModelChoice| {
        let names = [model.id(), model.reference.as_str()].into_iter();
        let names = names.chain(model.aliases.iter().map(String::as_str));
        names
            .map(|name| strsim::jaro_winkler(&wanted, &squeeze(name)))
            .fold(0.0, f64::max)
    };
    let scored = models.iter().map(|model| (like(model), model));
    let best = scored.max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.filter(|(score, _)| *score >= LIKENESS)
        .map(|(_, model)| model)
        .ok_or(PickError::Unknown)
}

// === impl ModelChoice ===

impl ModelChoice {
    /// The part before the first `/`.
    pub fn provider(&self) -> &str {
        self.reference
            .split_once('/')
            .map_or("", |(provider, _)| provider)
    }

    /// The part after it.
    pub fn id(&self) -> &str {
        self.reference
            .split_once('/')
            .map_or(&self.reference, |(_, id)| id)
    }
}

// === impl PickError ===

impl fmt::Display for PickError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("there is no such model; /models lists them"),
            Self::Several(names) => {
                write!(f, "it may be any of {}; write more of its name", names.join(", "))
            }
        }
    }
}

impl std::error::Error for PickError {}

fn shortest<'a>(models: impl Iterator<Item = &'a ModelChoice>) -> Option<&'a ModelChoice> {
    models.min_by_key(|model| model.reference.len())
}

fn words(text: &str) -> Vec<String> {
    let words = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

fn squeeze(text: &str) -> String {
    words(text).concat()
}
