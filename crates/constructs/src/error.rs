//! What is wrong with a workflow, all of it at once.

use std::fmt;
use std::sync::Arc;

/// One thing that is wrong with a workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildError {
    /// The name of the rule that is broken, such as `StateAlreadyHasNextState`; the CDK's where it has one.
    pub code: &'static str,
    /// The path of the construct, ids joined by `/`, beginning with that of the stack.
    pub path: String,
    /// The CDK's text where the CDK checks the same.
    pub message: String,
    /// When the CDK looks for it.
    pub stage: Stage,
}

/// When the CDK would have found an error; errors are sorted by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// While a value, a state or a transition is made.
    Construct,
    /// While a machine is put together and rendered.
    Render,
    /// When all is there (`validateState`); one text of the CDK lists all such errors.
    Synthesis,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}", self.path, self.message)
    }
}

impl std::error::Error for BuildError {}

/// All that is wrong with a workflow; never empty.
///
/// ```
/// use std::time::Duration;
/// use stepwell_constructs::*;
///
/// let w = Workflow::new();
/// let wait = w.add(Wait::json_path("Wait", WaitTime::duration(Duration::from_millis(500))));
/// let done = w.add(Pass::json_path("Done").result_path("result"));
/// let errors = Stack::new("Orders").add(StateMachine::new("Machine", wait.next(&done))).unwrap_err();
/// assert_eq!(
///     errors.to_string(),
///     "[Orders/Wait] '500 millis' cannot be converted into a whole number of seconds.\n\
///      [Orders/Done] Expected JSON path to start with '$', got: result",
/// );
/// assert_eq!(errors.iter().next().unwrap().code, "CannotConvertedIntoWhole");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct BuildErrors(Vec<BuildError>);

impl BuildErrors {
    pub(crate) fn new(mut errors: Vec<BuildError>) -> BuildErrors {
        debug_assert!(!errors.is_empty(), "errors without an error");
        errors.sort_by_key(|error| error.stage);
        BuildErrors(errors)
    }

    /// The errors, sorted by [`Stage`].
    pub fn iter(&self) -> std::slice::Iter<'_, BuildError> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a BuildErrors {
    type Item = &'a BuildError;
    type IntoIter = std::slice::Iter<'a, BuildError>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for BuildErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

/// A line for each error: it is what `main` and `unwrap` show.
impl fmt::Debug for BuildErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|error| write!(f, "\n  {error} ({})", error.code))
    }
}

impl std::error::Error for BuildErrors {}

/// An error whose place is not known yet: a value is checked where it is made, long before it has a state.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Problem {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Problem {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Arc<Problem> {
        Arc::new(Problem { code, message: message.into() })
    }

    /// The error, once its place is known.
    pub(crate) fn at(&self, path: impl Into<String>, stage: Stage) -> BuildError {
        BuildError { code: self.code, path: path.into(), message: self.message.clone(), stage }
    }
}
