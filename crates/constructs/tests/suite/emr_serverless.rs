//! The tasks of EMR Serverless, which no corpus has: what they render and what they need, in both languages, waiting
//! and not. The expectations are those of the developer guide.

use stepwell_constructs::*;
use stepwell_value::Value;

/// What a task renders and what its machine is allowed, one line each.
fn told<S: State<Kind = Work>>(task: S) -> Vec<String> {
    let mut compat = Compat::recommended();
    compat.minimize_policies = false;
    let stack = Stack::new("Stack").compat(compat).environment("123456789012", "us-east-1");
    let machine = stack.add(StateMachine::new("Machine", Workflow::new().add(task))).expect("the machine is valid");
    let asl = machine.to_asl();
    let states = asl.get("States").and_then(Value::as_object).expect("there are states");
    let (_, state) = states.iter().next().expect("there is a state");
    let resource = state.get("Resource").and_then(Value::as_str).unwrap_or_default();
    let input = ["Parameters", "Arguments"].iter().find_map(|key| Some(format!("{key} {}", state.get(key)?)));
    let mut lines = vec![format!("{} {}", resource.trim_start_matches("arn:aws:states:::"), input.unwrap_or_default())];
    lines.extend(machine.policy().iter().map(|statement| line(&statement.to_value())));
    lines
}

/// `ACTIONS on RESOURCES when CONDITION`, without what is the same everywhere.
fn line(statement: &Value) -> String {
    let words = |key: &str| match statement.get(key) {
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        Some(one) => one.as_str().unwrap_or_default().to_owned(),
        None => String::new(),
    };
    let condition = statement.get("Condition").map(|condition| format!(" when {condition}")).unwrap_or_default();
    format!("{} on {}{condition}", words("Action"), words("Resource").replace("us-east-1:123456789012:", ""))
}

const WATCH_APPLICATIONS: &str = "events:PutTargets events:PutRule events:DescribeRule \
    on arn:aws:events:rule/StepFunctionsGetEventsForEMRServerlessApplicationRule";
const WATCH_JOBS: &str = "events:PutTargets events:PutRule events:DescribeRule \
    on arn:aws:events:rule/StepFunctionsGetEventsForEMRServerlessJobRule";
const LINKED_ROLE: &str = "iam:CreateServiceLinkedRole on arn:aws:iam::123456789012:role/aws-service-role/\
    ops.emr-serverless.amazonaws.com/AWSServiceRoleForAmazonEMRServerless* \
    when {\"StringLike\":{\"iam:AWSServiceName\":\"ops.emr-serverless.amazonaws.com\"}}";

#[test]
fn an_application_is_made() {
    let named = EmrServerlessCreateApplication::json_path("Make", "emr-7.1.0", "Spark")
        .name(path("$.name"))
        .maximum_capacity(obj!({ "Cpu": "4 vCPU", "Memory": path("$.memory") }));
    assert_eq!(
        told(named.run_job()),
        [
            "emr-serverless:createApplication.sync Parameters {\"ReleaseLabel\":\"emr-7.1.0\",\"Type\":\"Spark\",\
             \"MaximumCapacity\":{\"Cpu\":\"4 vCPU\",\"Memory.$\":\"$.memory\"},\"Name.$\":\"$.name\"}",
            "emr-serverless:CreateApplication on arn:aws:emr-serverless:/*",
            "emr-serverless:GetApplication emr-serverless:DeleteApplication on arn:aws:emr-serverless:/applications/*",
            WATCH_APPLICATIONS,
            LINKED_ROLE,
        ]
    );
    assert_eq!(
        told(EmrServerlessCreateApplication::jsonata("Make", jsonata("$states.input.label"), "Hive")),
        [
            "emr-serverless:createApplication Arguments \
             {\"ReleaseLabel\":\"{% $states.input.label %}\",\"Type\":\"Hive\"}",
            "emr-serverless:CreateApplication on arn:aws:emr-serverless:/*",
            LINKED_ROLE,
        ]
    );
}

#[test]
fn an_application_is_started() {
    assert_eq!(
        told(EmrServerlessStartApplication::json_path("Start", path("$.id"))),
        [
            "emr-serverless:startApplication Parameters {\"ApplicationId.$\":\"$.id\"}",
            "emr-serverless:StartApplication on arn:aws:emr-serverless:/applications/*",
        ]
    );
    assert_eq!(
        told(EmrServerlessStartApplication::jsonata("Start", "app").run_job()),
        [
            "emr-serverless:startApplication.sync Arguments {\"ApplicationId\":\"app\"}",
            "emr-serverless:StartApplication emr-serverless:GetApplication emr-serverless:StopApplication \
             on arn:aws:emr-serverless:/applications/app",
            WATCH_APPLICATIONS,
        ]
    );
}

#[test]
fn an_application_is_stopped() {
    assert_eq!(
        told(EmrServerlessStopApplication::json_path("Stop", "app").run_job()),
        [
            "emr-serverless:stopApplication.sync Parameters {\"ApplicationId\":\"app\"}",
            "emr-serverless:StopApplication emr-serverless:GetApplication on arn:aws:emr-serverless:/applications/app",
            WATCH_APPLICATIONS,
        ]
    );
    assert_eq!(
        told(EmrServerlessStopApplication::jsonata("Stop", jsonata("$states.input.id"))),
        [
            "emr-serverless:stopApplication Arguments {\"ApplicationId\":\"{% $states.input.id %}\"}",
            "emr-serverless:StopApplication on arn:aws:emr-serverless:/applications/*",
        ]
    );
}

#[test]
fn an_application_is_deleted() {
    assert_eq!(
        told(EmrServerlessDeleteApplication::json_path("Delete", "app")),
        [
            "emr-serverless:deleteApplication Parameters {\"ApplicationId\":\"app\"}",
            "emr-serverless:DeleteApplication on arn:aws:emr-serverless:/applications/app",
        ]
    );
    assert_eq!(
        told(EmrServerlessDeleteApplication::jsonata("Delete", jsonata("$states.input.id")).run_job()),
        [
            "emr-serverless:deleteApplication.sync Arguments {\"ApplicationId\":\"{% $states.input.id %}\"}",
            "emr-serverless:DeleteApplication emr-serverless:GetApplication on arn:aws:emr-serverless:/applications/*",
            WATCH_APPLICATIONS,
        ]
    );
}

#[test]
fn a_job_is_run_as_a_role() {
    const PASS: &str = "iam:PassRole on arn:aws:iam::123456789012:role/job \
        when {\"StringEquals\":{\"iam:PassedToService\":\"emr-serverless.amazonaws.com\"}}";
    let role = RoleRef::immutable_from_arn("arn:aws:iam::123456789012:role/job");
    let driver = obj!({ "SparkSubmit": { "EntryPoint": path("$.program") } });
    assert_eq!(
        told(EmrServerlessStartJobRun::json_path("Run", "app", &role, driver).execution_timeout_minutes(30).run_job()),
        [
            "emr-serverless:startJobRun.sync Parameters {\"ApplicationId\":\"app\",\
             \"JobDriver\":{\"SparkSubmit\":{\"EntryPoint.$\":\"$.program\"}},\"ExecutionTimeoutMinutes\":30,\
             \"ExecutionRoleArn\":\"arn:aws:iam::123456789012:role/job\"}",
            "emr-serverless:StartJobRun on arn:aws:emr-serverless:/applications/app",
            PASS,
            "emr-serverless:GetJobRun emr-serverless:CancelJobRun on arn:aws:emr-serverless:/applications/app/jobruns/*",
            WATCH_JOBS,
        ]
    );
    let driver = obj!({ "Hive": { "Query": jsonata("$states.input.query") } });
    assert_eq!(
        told(EmrServerlessStartJobRun::jsonata("Run", jsonata("$states.input.id"), &role, driver)),
        [
            "emr-serverless:startJobRun Arguments {\"ApplicationId\":\"{% $states.input.id %}\",\
             \"JobDriver\":{\"Hive\":{\"Query\":\"{% $states.input.query %}\"}},\
             \"ExecutionRoleArn\":\"arn:aws:iam::123456789012:role/job\"}",
            "emr-serverless:StartJobRun on arn:aws:emr-serverless:/applications/*",
            PASS,
        ]
    );
}

#[test]
fn a_run_of_a_job_is_cancelled() {
    assert_eq!(
        told(EmrServerlessCancelJobRun::json_path("Cancel", "app", "run").run_job()),
        [
            "emr-serverless:cancelJobRun.sync Parameters {\"ApplicationId\":\"app\",\"JobRunId\":\"run\"}",
            "emr-serverless:CancelJobRun emr-serverless:GetJobRun on arn:aws:emr-serverless:/applications/app/jobruns/run",
            WATCH_JOBS,
        ]
    );
    assert_eq!(
        told(EmrServerlessCancelJobRun::jsonata("Cancel", "app", jsonata("$states.input.run"))),
        [
            "emr-serverless:cancelJobRun Arguments {\"ApplicationId\":\"app\",\"JobRunId\":\"{% $states.input.run %}\"}",
            "emr-serverless:CancelJobRun on arn:aws:emr-serverless:/applications/*",
        ]
    );
}
