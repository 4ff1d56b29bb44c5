//! The operator scopes: what a caller may do.
use serde::{Serialize, Serializer};
use std::fmt;

/// One scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// See.
    Read,
    /// Act: send messages, run agents. Includes [`Scope::Read`] and [`Scope::Talk`].
    Write,
    /// Everything.
    Admin,
    /// Decide about approvals.
    Approvals,
    /// Answer questions of agents.
    Questions,
    /// Admit devices, nodes and senders.
    Pairing,
    /// Speak.
    Talk,
    /// See the credentials of speech providers.
    TalkSecrets,
}

/// Scopes of a caller: each at most once, in the order in which the client asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scopes(Vec<Scope>);

// === impl Scope ===

impl Scope {
    /// All scopes.
    pub const ALL: [Scope; 8] = [
        Scope::Admin,
        Scope::Read,
        Scope::Write,
        Scope::Approvals,
        Scope::Questions,
        Scope::Pairing,
        Scope::Talk,
        Scope::TalkSecrets,
    ];

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Scope::Read => "operator.read",
            Scope::Write => "operator.write",
            Scope::Admin => "operator.admin",
            Scope::Approvals => "operator.approvals",
            Scope::Questions => "operator.questions",
            Scope::Pairing => "operator.pairing",
            Scope::Talk => "operator.talk",
            Scope::TalkSecrets => "operator.talk.secrets",
        }
    }

    /// The scope of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

// === impl Scopes ===

impl Scopes {
    /// The asked-for scopes that `grant` holds; names that aren't scopes are left out.
    pub fn granted<'a>(asked: impl IntoIterator<Item = &'a str>, grant: &[Scope]) -> Self {
        let mut scopes = Self::default();
        for scope in asked.into_iter().filter_map(Scope::parse) {
            if grant.contains(&scope) && !scopes.0.contains(&scope) {
                scopes.0.push(scope);
            }
        }
        scopes
    }

    /// Do they permit what needs `needed`?
    pub fn permit(&self, needed: Scope) -> bool {
        self.0.iter().any(|held| match held {
            Scope::Admin => true,
            Scope::Write => matches!(needed, Scope::Write | Scope::Read | Scope::Talk),
            held => *held == needed,
        })
    }

    /// Every scope that they permit.
    pub fn permitted(&self) -> Vec<Scope> {
        let all = Scope::ALL.into_iter();
        all.filter(|scope| self.permit(*scope)).collect()
    }

    /// The scopes themselves.
    pub fn as_slice(&self) -> &[Scope] {
        &self.0
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|scope| scope.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn granted_scopes_are_asked_for_and_held() {
        let asked = [
            "operator.write",
            "operator.root",
            "operator.write",
            "operator.admin",
        ];
        let scopes = Scopes::granted(asked, &[Scope::Write, Scope::Read]);
        assert_eq!(scopes.as_slice(), [Scope::Write]);
    }

    #[test]
    fn what_each_scope_permits() {
        for held in Scope::ALL {
            let scopes = Scopes(vec![held]);
            for needed in Scope::ALL {
                let expected = held == needed
                    || held == Scope::Admin
                    || (held == Scope::Write && matches!(needed, Scope::Read | Scope::Talk));
                assert_eq!(scopes.permit(needed), expected, "{held} for {needed}");
            }
        }
        assert!(Scope::ALL.iter().all(|needed| !Scopes::default().permit(*needed)));
    }
}
