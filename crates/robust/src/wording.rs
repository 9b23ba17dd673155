use crate::{Malformed, Tree};

/// In which words a service says whether it did what it was asked (grid services fact sheet, 1.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wording {
    element: &'static str,
    yes: &'static str,
    no: &'static str,
}

impl Wording {
    /// `Result`: grid, friends, authentication, map tiles.
    pub const CAPITALIZED: Self = Self { element: "Result", yes: "Success", no: "Failure" };
    /// `result`: presence, grid users, avatars, accounts, preferences, mute lists.
    pub const SMALL: Self = Self { element: "result", yes: "Success", no: "Failure" };
    /// `RESULT`: inventory.
    pub const LARGE: Self = Self { element: "RESULT", yes: "True", no: "False" };

    /// It is done.
    pub fn success(self) -> Tree {
        Tree::new().with(self.element, self.yes)
    }

    /// It is not done.
    pub fn failure(self) -> Tree {
        Tree::new().with(self.element, self.no)
    }

    /// It is not done, and why.
    pub fn failure_because(self, why: &str) -> Tree {
        self.failure().with("Message", why)
    }

    /// One of the two.
    pub fn done(self, done: bool) -> Tree {
        if done { self.success() } else { self.failure() }
    }

    /// Whether it is done; why not, if it was said.
    ///
    /// # Errors
    /// [`Malformed::Failure`] if it is not done; others if the answer does not say.
    pub fn read(self, answer: &Tree) -> Result<(), Malformed> {
        match answer.text(self.element) {
            Some(text) if text.eq_ignore_ascii_case(self.yes) => Ok(()),
            Some(text) if text.eq_ignore_ascii_case(self.no) => {
                Err(Malformed::Failure(answer.text("Message").unwrap_or_default().to_owned()))
            }
            Some(_) => Err(Malformed::odd(self.element)),
            None => Err(Malformed::missing(self.element)),
        }
    }

    /// The same, where a refusal is an answer as good as any: whether it is done.
    ///
    /// # Errors
    /// The answer does not say.
    pub fn read_done(self, answer: &Tree) -> Result<bool, Malformed> {
        match self.read(answer) {
            Ok(()) => Ok(true),
            Err(Malformed::Failure(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wording_is_read_back_and_no_other() {
        let all = [Wording::CAPITALIZED, Wording::SMALL, Wording::LARGE];
        for wording in all {
            assert_eq!(wording.read(&wording.success()), Ok(()));
            assert_eq!(wording.read_done(&wording.done(false)), Ok(false));
            let failure = wording.failure_because("no");
            assert_eq!(wording.read(&failure), Err(Malformed::Failure("no".into())));
            for other in all.into_iter().filter(|other| *other != wording) {
                assert_eq!(other.read_done(&wording.success()), Err(Malformed::missing(other.element)));
            }
        }
        let odd = Tree::new().with("result", "Perhaps");
        assert_eq!(Wording::SMALL.read_done(&odd), Err(Malformed::odd("result")));
    }
}
