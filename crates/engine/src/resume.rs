//! After a crash: what an execution has to be told, because nobody is left who would.

use stepwell_asl::Program;
use stepwell_asl::program::{StateKind, Task};
use stepwell_aws::{Pattern, Resource};
use stepwell_value::Str;

use crate::event::ErrorCause;
use crate::execution::{Asked, AttemptId, Execution, ExecutionStatus, Frame, OpenTask, Phase};
use crate::signal::{Host, TaskRequest};

/// What has to be taken up again after a crash.
#[derive(Clone, Debug)]
pub enum Resume {
    /// The call may have been made and must not be made twice: fail the attempt with this error, in stage `Run`. Whether
    /// it is made again is for the definition's Retry to say.
    InDoubt {
        /// Which attempt.
        attempt: AttemptId,
        /// See [`in_doubt`].
        error: ErrorCause,
    },
    /// No worker has taken this activity's task: queue it again. Input and token are those that it had.
    Queue(Box<TaskRequest>),
    /// A worker has it, whose heartbeats went unheard: send [`crate::Signal::TaskHeartbeat`] before any timer, so that it
    /// has a full interval anew.
    Heartbeat {
        /// Which attempt.
        attempt: AttemptId,
    },
    /// Its last step used up its budget: send [`crate::Signal::Continue`].
    GoOn,
}

/// What an attempt fails with whose call may have been made when the node stopped.
///
/// The name is the one that the SDK inside AWS gives to a call that got no answer, which the customary Retry block
/// lists for Lambda. Prefixes of `aws-sdk:` integrations are spelled as the API models have it, which are not known
/// here: such a task fails as one that is not told apart.
pub fn in_doubt(resource: &Resource) -> ErrorCause {
    let name = match resource {
        Resource::LambdaFunction(_) => Str::new_static("Lambda.SdkClientException"),
        Resource::Optimized { service, .. } => match error_prefix(service) {
            Some(prefix) => Str::from(format!("{prefix}.SdkClientException")),
            None => Str::new_static("States.TaskFailed"),
        },
        Resource::HttpInvoke => Str::new_static("States.Http.Socket"),
        Resource::AwsSdk { .. } | Resource::Activity(_) | Resource::Foreign(_) => Str::new_static("States.TaskFailed"),
    };
    let cause = "The call was under way when this node stopped: whether it was carried out is not known. It was not \
                 repeated.";
    ErrorCause::new(name, cause)
}

/// How names of errors begin that an optimized integration gives (aws-sdk/optimized.json, `errorPrefix`).
fn error_prefix(service: &str) -> Option<&'static str> {
    const PREFIXES: [(&str, &str); 20] = [
        ("apigateway", "ApiGateway"),
        ("athena", "Athena"),
        ("batch", "Batch"),
        ("bedrock", "Bedrock"),
        ("codebuild", "CodeBuild"),
        ("databrew", "DataBrew"),
        ("dynamodb", "DynamoDB"),
        ("ecs", "ECS"),
        ("eks", "EKS"),
        ("elasticmapreduce", "ElasticMapReduce"),
        ("emr-containers", "EMRContainers"),
        ("emr-serverless", "EMRServerless"),
        ("events", "EventBridge"),
        ("glue", "Glue"),
        ("lambda", "Lambda"),
        ("mediaconvert", "MediaConvert"),
        ("sagemaker", "SageMaker"),
        ("sns", "SNS"),
        ("sqs", "SQS"),
        ("states", "StepFunctions"),
    ];
    PREFIXES.iter().find(|(name, _)| *name == service).map(|(_, prefix)| *prefix)
}

impl Execution {
    /// How many things would have to be taken up again after a crash; 0: letters and timers will reach it.
    pub fn owes(&self) -> u32 {
        if self.status != ExecutionStatus::Running {
            return 0;
        }
        self.owed_tasks + u32::from(!self.ready.is_empty())
    }

    /// After a crash: what has to be taken up again; as much as [`Execution::owes`] says.
    ///
    /// Activities that a worker has taken and tasks whose token was handed out wait as before.
    pub fn resume(&self, program: &Program, host: &dyn Host) -> Vec<Resume> {
        if self.status != ExecutionStatus::Running {
            return Vec::new();
        }
        let open = self.attempts.values().filter_map(|id| self.frames.get(id));
        let mut resume: Vec<_> = open.filter_map(|frame| self.resume_task(program, host, frame)).collect();
        if !self.ready.is_empty() {
            resume.push(Resume::GoOn);
        }
        resume
    }

    fn resume_task(&self, program: &Program, host: &dyn Host, frame: &Frame) -> Option<Resume> {
        let Phase::Task(open) = &frame.phase else { return None };
        let attempt = open.attempt;
        let Some(asked) = &open.asked else { return open.is_owed().then_some(Resume::Heartbeat { attempt }) };
        let StateKind::Task(task) = &program.state(frame.region, frame.state).kind else { return None };
        if open.started {
            return Some(Resume::InDoubt { attempt, error: in_doubt(&task.resource) });
        }
        Some(Resume::Queue(Box::new(self.request(program, host, frame, task, open, asked))))
    }

    /// The request of an open attempt.
    pub(crate) fn request(
        &self,
        program: &Program,
        host: &dyn Host,
        frame: &Frame,
        task: &Task,
        open: &OpenTask,
        asked: &Asked,
    ) -> TaskRequest {
        let has_token = matches!(task.resource.pattern(), Pattern::WaitForTaskToken | Pattern::Sync | Pattern::Sync2)
            || matches!(task.resource, Resource::Activity(_));
        TaskRequest {
            attempt: open.attempt,
            state: program.state(frame.region, frame.state).name.clone(),
            retry_count: frame.retries.iter().sum(),
            path: self.path_of(program, frame),
            resource: task.resource.clone(),
            resource_arn: task.resource_arn.clone(),
            parameters: asked.parameters.clone(),
            token: has_token.then(|| host.token(&self.identity, open.attempt)),
            role_arn: asked.role_arn.clone(),
            timeout_s: open.timeout_s,
            heartbeat_s: open.heartbeat_s,
        }
    }

    /// Names of the Parallel and Map states around a frame, outermost first.
    pub(crate) fn path_of(&self, program: &Program, frame: &Frame) -> Vec<Str> {
        let mut path = Vec::new();
        let mut above = frame.parent;
        while let Some(outer) = above.and_then(|id| self.frames.get(&id)) {
            path.push(program.state(outer.region, outer.state).name.clone());
            above = outer.parent;
        }
        path.reverse();
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_optimized_integration_has_a_name_for_calls_in_doubt() {
        for api in stepwell_aws::OPTIMIZED {
            if api.service != "http" {
                assert!(error_prefix(api.service).is_some(), "{}", api.service);
            }
        }
    }
}
