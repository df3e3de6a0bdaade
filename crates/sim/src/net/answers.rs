//! Answers that wait: for the delay that a fault wants, or for the answer that overtakes them.

use std::time::Instant;

use crate::rules::Rules;

#[derive(Debug)]
struct Waiting {
    due: Instant,
    text: String,
}

#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// In the order they will be sent in.
    waiting: Vec<Waiting>,
    /// The one among them that the next answer overtakes.
    held: Option<Waiting>,
    count: u64,
}

impl Answers {
    /// Takes an answer in; it comes out of [`Answers::due`], maybe at once.
    pub(crate) fn push(&mut self, text: String, now: Instant, rules: &Rules) {
        self.count += 1;
        let due = now + rules.answer_delay;
        match rules.answer_swap {
            Some(swap) if self.count % 2 == 1 => self.held = Some(Waiting { due: due + swap, text }),
            _ => {
                self.waiting.push(Waiting { due, text });
                self.waiting.extend(self.held.take().map(|held| Waiting { due, ..held }));
            }
        }
    }

    /// The next answer whose time has come.
    pub(crate) fn due(&mut self, now: Instant) -> Option<String> {
        if self.waiting.first().is_some_and(|first| now >= first.due) {
            return Some(self.waiting.remove(0).text);
        }
        self.held.take_if(|held| now >= held.due).map(|held| held.text)
    }

    /// All that wait, because the end comes.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = String> + use<> {
        let held = self.held.take();
        std::mem::take(&mut self.waiting).into_iter().chain(held).map(|waiting| waiting.text)
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.waiting.first().into_iter().chain(&self.held).map(|waiting| waiting.due).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::options::{Faults, Options};
    use std::time::Duration;

    #[test]
    fn every_second_answer_is_overtaken_by_the_next_or_waits_a_moment() {
        let faults = Faults { answers_out_of_order: true, ..Faults::default() };
        let rules = Rules::of(&Options { faults, ..Options::default() });
        let start = clock::now().instant;
        let mut answers = Answers::default();
        answers.push("1".to_owned(), start, &rules);
        assert_eq!(answers.due(start), None);
        answers.push("2".to_owned(), start, &rules);
        let both = [(); 3].map(|()| answers.due(start));
        assert_eq!(both, [Some("2".to_owned()), Some("1".to_owned()), None]);
        answers.push("3".to_owned(), start, &rules);
        let later = answers.next_deadline().expect("one waits");
        assert_eq!(later, start + Duration::from_millis(50));
        assert_eq!(answers.due(later), Some("3".to_owned()));
    }
}
