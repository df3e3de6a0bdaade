//! Named values in their order, and what changed between two states of them.

use super::number::{Number, Spelling};

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Number(Number),
    Integer(u64),
    Text(String),
    Null,
    Group(Fields),
}

/// The members of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields(pub(super) Vec<(&'static str, Item)>);

impl Fields {
    /// The object.
    pub(super) fn write(&self, spelling: Spelling) -> String {
        format!("{{{}}}", self.members(spelling))
    }

    /// The object without its braces.
    pub(super) fn members(&self, spelling: Spelling) -> String {
        let members = self.0.iter().map(|(name, item)| format!(r#""{name}":{}"#, item.write(spelling)));
        members.collect::<Vec<_>>().join(",")
    }

    /// What is another value than in an earlier state of the same members, group by group.
    pub(super) fn since(&self, before: &Self) -> Self {
        let changed =
            self.0.iter().zip(&before.0).filter_map(|((name, item), (_, earlier))| match (item, earlier) {
                (Item::Group(now), Item::Group(earlier)) => {
                    let group = now.since(earlier);
                    (!group.0.is_empty()).then_some((*name, Item::Group(group)))
                }
                _ => (item != earlier).then(|| (*name, item.clone())),
            });
        Self(changed.collect())
    }
}

impl Item {
    /// A price or quantity of the market.
    pub(super) fn of(value: u64) -> Self {
        Self::Number(Number::of(value))
    }

    fn write(&self, spelling: Spelling) -> String {
        match self {
            Self::Number(number) => spelling.number(*number),
            Self::Integer(number) => number.to_string(),
            // Names of instruments and states need no escaping.
            Self::Text(text) => format!(r#""{text}""#),
            Self::Null => "null".to_owned(),
            Self::Group(fields) => fields.write(spelling),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_is_told_inside_groups_too() {
        let state = |high, last| {
            let stats = Fields(vec![("high", Item::Integer(high)), ("low", Item::Null)]);
            Fields(vec![
                ("stats", Item::Group(stats)),
                ("last", Item::Integer(last)),
                ("state", Item::Text("open".into())),
            ])
        };
        let spelling = Spelling { exponents: true };
        let changed = |to: Fields| to.since(&state(5, 7)).write(spelling);
        assert_eq!(changed(state(6, 7)), r#"{"stats":{"high":6}}"#);
        assert_eq!(changed(state(5, 8)), r#"{"last":8}"#);
        assert_eq!(changed(state(5, 7)), "{}");
        assert_eq!(state(5, 7).write(spelling), r#"{"stats":{"high":5,"low":null},"last":7,"state":"open"}"#);
    }
}
