//! Which JSONata is meant: AWS's, or the one the official test suite describes.

/// A choice of language: operators, functions and how numbers that are not finite leave an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    aws: bool,
}

impl Profile {
    /// JSONata 2.0.6 as Step Functions runs it: no `?:`, no `??`, no `$eval`; `$partition`, `$range`, `$hash`, `$random(seed)`,
    /// `$uuid` and `$parse` added; results that are not finite become strings.
    pub fn aws() -> Profile {
        Profile { aws: true }
    }

    /// JSONata 2.2.2, the language of the official test suite.
    pub fn suite() -> Profile {
        Profile { aws: false }
    }

    /// Whether `?:` and `??` are operators (since 2.1.0).
    pub(crate) fn has_default_operators(self) -> bool {
        !self.aws
    }

    /// Whether `$eval` exists.
    pub(crate) fn has_eval(self) -> bool {
        !self.aws
    }

    /// Whether AWS's own functions exist.
    pub(crate) fn has_aws_functions(self) -> bool {
        self.aws
    }

    /// Whether `1/0` as a result is the string `"Infinity"`.
    pub(crate) fn writes_infinity_as_text(self) -> bool {
        self.aws
    }

    /// Whether a range costs the memory of its items when it is made, not when they are.
    pub(crate) fn charges_ranges_at_once(self) -> bool {
        self.aws
    }
}
