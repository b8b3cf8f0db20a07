//! Tasks of a node, handed to what there is outside.

use stepwell_connect::Outside;
use stepwell_engine::{AttemptId, ExecutionId};
use stepwell_node::{AnswerTo, TaskCall, Tasks};
use tokio::runtime::Handle;

/// What there is outside, called on a runtime.
pub(crate) struct Calls {
    outside: Outside,
    runtime: Handle,
}

impl Calls {
    /// Calls on the runtime that this is made on.
    pub(crate) fn new(outside: Outside) -> Calls {
        Calls { outside, runtime: Handle::current() }
    }
}

impl Tasks for Calls {
    fn call(&self, call: TaskCall, answer: AnswerTo) {
        self.outside.call(&self.runtime, call.identity, call.request, move |signal| answer.send(signal));
    }

    fn cancel(&self, execution: ExecutionId, attempt: AttemptId) {
        self.outside.cancel(execution, attempt);
    }
}
