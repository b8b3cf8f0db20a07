//! All that can be called here: tasks in, signals out, and calls that nobody waits for any longer given up.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stepwell_aws::Resource;
use stepwell_engine::{AttemptId, ErrorCause, ExecutionId, FailureStage, Identity, Signal, TaskRequest};
use stepwell_value::Str;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::lambda::Lambda;

/// Calls that may be open at a time, those that wait for a connection with them; a few KiB each.
///
/// Further ones fail with `Lambda.TooManyRequestsException`, as calls beyond the limit of a Lambda account do.
pub const OPEN_CALLS_MAX: usize = 100_000;

/// Does tasks outside, on a runtime of the caller's; cheap to clone.
#[derive(Clone, Debug)]
pub struct Outside(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    lambda: Option<Lambda>,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    calls: BTreeMap<(ExecutionId, AttemptId), (CallNumber, AbortHandle)>,
    next: CallNumber,
}

type CallNumber = u64;

impl Outside {
    /// What can be called: functions, if there is an endpoint for them.
    pub fn new(lambda: Option<Lambda>) -> Outside {
        Outside(Arc::new(Shared { lambda, open: Mutex::default() }))
    }

    /// Does a task on `runtime` and gives one signal to `answer`, once; none if [`Outside::cancel`] comes before it.
    ///
    /// Never blocks. What cannot be called here is answered before this returns.
    pub fn call(
        &self,
        runtime: &Handle,
        identity: Arc<Identity>,
        task: Box<TaskRequest>,
        answer: impl FnOnce(Signal) + Send + 'static,
    ) {
        let Some(lambda) = self.0.lambda.clone().filter(|_| Lambda::does(&task.resource)) else {
            return answer(Signal::TaskCannotRun { attempt: task.attempt, cause: lacking(&task) });
        };
        let key = (identity.id, task.attempt);
        let mut open = self.0.open();
        if open.calls.len() >= OPEN_CALLS_MAX {
            drop(open);
            let cause = format!("There are {OPEN_CALLS_MAX} calls of Lambda functions open already.");
            let error = ErrorCause::new("Lambda.TooManyRequestsException", cause);
            return answer(Signal::TaskFailed { attempt: task.attempt, error, stage: FailureStage::Run });
        }
        let number = open.next;
        open.next += 1;
        let shared = self.0.clone();
        // The lock is held until the call is entered, so that it cannot end before.
        let call = runtime.spawn(async move {
            let signal = lambda.call(&identity, &task).await;
            if shared.open().close(key, number) {
                answer(signal);
            }
        });
        let earlier = open.calls.insert(key, (number, call.abort_handle()));
        // Giving a call up drops its answer, whose owner may want to speak to us.
        drop(open);
        if let Some((_, earlier)) = earlier {
            // The same attempt once more: what asked for it the first time was never committed.
            earlier.abort();
        }
    }

    /// Gives a call up: nobody waits for its answer. A function that runs already runs on.
    pub fn cancel(&self, execution: ExecutionId, attempt: AttemptId) {
        let call = self.0.open().calls.remove(&(execution, attempt));
        if let Some((_, call)) = call {
            call.abort();
        }
    }

    /// Calls without an answer so far.
    pub fn open_calls(&self) -> usize {
        self.0.open().calls.len()
    }
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Strikes a call off; false when it was given up or made anew in the meantime.
    fn close(&mut self, key: (ExecutionId, AttemptId), number: CallNumber) -> bool {
        let is_this = self.calls.get(&key).is_some_and(|(open, _)| *open == number);
        if is_this {
            self.calls.remove(&key);
        }
        is_this
    }
}

/// What is missing to do a task, and what to add.
fn lacking(task: &TaskRequest) -> Str {
    let arn = &task.resource_arn;
    let cause = match &task.resource {
        resource if Lambda::does(resource) => format!(
            "It cannot be run here: it calls {arn}, and there is no Lambda endpoint. Start the server with \
             --lambda-endpoint URL, or set AWS_ENDPOINT_URL_LAMBDA."
        ),
        Resource::Foreign(_) => format!("It cannot be run here: it calls {arn}, which is no service integration."),
        _ => format!(
            "It cannot be run here: it calls {arn}, and only Lambda functions and activities can be called yet."
        ),
    };
    cause.into()
}
