//! What the help says beyond lists of flags: examples and topics.

use clap::CommandFactory;

use stepwell_asl::diagnostic::nearest;

use crate::args::{Cli, Help};
use crate::failure::{Exit, Failure};
use crate::terminal;

pub(crate) const EXAMPLES: &str = "\
Examples:
  stepwell run examples/hello.asl.json
  stepwell run examples/order-saga/order.asl.json --mocks examples/order-saga/mocks.json \\
      --case PaymentFails
  stepwell validate examples
  stepwell eval '$sum(items.price)' --input '{\"items\": [{\"price\": 3}, {\"price\": 4}]}'
  stepwell help mocks";

pub(crate) const RUN_EXAMPLES: &str = "\
Examples:
  stepwell run examples/hello.asl.json
  stepwell run examples/hello.asl.json --input '{\"name\": \"Ada\"}' --history
  stepwell run examples/order-saga/order.asl.json --input @examples/order-saga/input.json \\
      --mocks examples/order-saga/mocks.json --case PaymentFails
  stepwell run examples/job-poller/poller.asl.json --mock SubmitJob='{\"JobId\": \"j-1\"}' \\
      --mock GetStatus='{\"Status\": \"SUCCEEDED\"}'
  stepwell run examples/hello.asl.json --json

Exit codes: 0 succeeded, 1 failed, timed out or aborted, 2 wrong usage, 3 invalid definition
More: stepwell help mocks, stepwell help clock, stepwell help json";

pub(crate) const VALIDATE_EXAMPLES: &str = "\
Examples:
  stepwell validate examples/hello.asl.json
  stepwell validate examples --deny warnings
  stepwell validate examples/hello.asl.json --type EXPRESS --json";

pub(crate) const EVAL_EXAMPLES: &str = "\
Examples:
  stepwell eval '$sum(items.price)' --input '{\"items\": [{\"price\": 3}, {\"price\": 4}]}'
  stepwell eval '{% $states.input.name & $suffix %}' --input '{\"name\": \"Ada\"}' --bind suffix='\"!\"'
  stepwell eval '$.items[?(@.price > 3)]' --input '{\"items\": [{\"price\": 3}, {\"price\": 4}]}'
  stepwell eval \"States.Format('Hello {}', \\$.name)\" --input '{\"name\": \"Ada\"}'
  echo '{\"expr\": \"a + 1\", \"input\": {\"a\": 1}}' | stepwell eval --batch";

pub(crate) const SERVE_EXAMPLES: &str = "\
Examples:
  stepwell serve
  stepwell serve --listen 127.0.0.1:0 --memory --ready-file address.txt
  stepwell serve --data /var/lib/stepwell --lambda-endpoint http://127.0.0.1:3001

  export AWS_ENDPOINT_URL_SFN=http://127.0.0.1:8083 AWS_DISABLE_HOST_PREFIX_INJECTION=true
  export AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any AWS_DEFAULT_REGION=us-east-1
  aws stepfunctions list-state-machines

Options and environment variables of Step Functions Local are understood, too: -lambdaEndpoint, LAMBDA_ENDPOINT and so on.
The server names those that change nothing yet.";

pub(crate) const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  stepwell completions bash
  stepwell completions zsh
  stepwell completions fish";

pub(crate) const TOPICS: &str = "\
Topics:
  mocks         how to answer for tasks that cannot be run here
  clock         virtual time: waits, retries and time-outs
  placeholders  definitions with ${NAME} in them
  json          the documents that --json prints
  exit-codes    how a command says what became of it

Examples:
  stepwell help mocks
  stepwell help run";

const MOCKS: &str = "\
Mocks: answers for tasks

A Task state calls something: a function, a queue, a person. In `stepwell run` it answers with its mock; a task without
one ends the execution with States.Runtime, which no Retry and no Catch of the workflow can touch.

On the command line, one state at a time:
  --mock Charge='{\"paid\": true}'                           the result, at every attempt
  --mock Charge='{\"Throw\": {\"Error\": \"Card.Declined\"}}'    fails with an error, at every attempt
  --mock Charge='{\"0\": {\"Throw\": {\"Error\": \"Busy\"}}, \"1\": {\"Return\": 7}}'   fails, then gives 7
  --mock Charge=@charge.json                               any of these in a file
A result that has one of these forms itself is written as {\"Return\": …}.

In a file, in the format of Step Functions Local; --case chooses the test case:
  {
    \"StateMachines\": {\"order\": {\"TestCases\": {\"HappyPath\": {\"Charge\": \"Paid\"}}}},
    \"MockedResponses\": {
      \"Paid\": {
        \"0-1\": {\"Throw\": {\"Error\": \"Busy\", \"Cause\": \"try later\"}},
        \"2\": {\"Return\": {\"paid\": true}}
      }
    }
  }
Attempts are counted from 0 through the whole execution: retries, loops and iterations count on. An attempt without a
response ends the execution. Result and error are in the form the integration gives: {\"StatusCode\": 200, \"Payload\": …}
for lambda:invoke; a function called by its ARN gives the payload alone.

Beyond Step Functions Local:
  \"AfterSeconds\": 90 beside Return or Throw lets the task take that long, so that time-outs can be tried.
  Activities, .sync and .waitForTaskToken are mocked alike; their call is answered with {}, and the mock is the end.
  STATE/ItemReader and STATE/ResultWriter stand for the S3 parts of a distributed Map: the items it reads, the result
  it gives after writing.

Examples:
  stepwell run examples/approval/approval.asl.json --mocks examples/approval/mocks.json \\
      --case ApprovedAtOnce
  stepwell run examples/order-saga/order.asl.json --input @examples/order-saga/input.json \\
      --mocks examples/order-saga/mocks.json --case HappyPath \\
      --mock ShipOrder='{\"Throw\": {\"Error\": \"NoCarrier\", \"Cause\": \"strike\"}}' \\
      --mock RefundCard='{}' --mock ReleaseStock='{}'
";

const CLOCK: &str = "\
The clock

  --clock virtual   the default: time jumps to the next timer, so a wait of a year takes no time, and the history says a
                    year has passed
  --clock real      waits as long as AWS would
  --clock x60       a minute passes in a second

Mocks answer at once unless they say AfterSeconds. An execution that runs in circles meets its time limit on the virtual
clock, too: 100 ms pass whenever it has taken a thousand events.

--start-time sets when the execution starts; --seed decides jitter and random numbers. With both, two runs are the same.

Examples:
  stepwell run examples/approval/approval.asl.json --mocks examples/approval/mocks.json \\
      --case NobodyAnswers --history
  stepwell run examples/hello.asl.json --start-time 2026-01-31T12:00:00Z --seed 7
";

const PLACEHOLDERS: &str = "\
Placeholders

Deployment tools write ${NAME} into definitions and fill it in when they deploy. Here --set NAME=VALUE does; a name
may have letters, digits and _ . : -. Values are put in as text: in a JSON string they become part of it.

`stepwell run` refuses placeholders without a value and names all of them; `stepwell validate` checks them as they stand.

Examples:
  stepwell validate examples/nightly-report/report.asl.yaml --set JobName=nightly
  stepwell run examples/nightly-report/report.asl.yaml --set JobName=nightly \\
      --mocks examples/nightly-report/mocks.json --case Published
";

const JSON: &str = "\
JSON documents

With --json a command prints exactly one document on standard output. Members are added over time, never changed.

  run       {\"schema\": \"stepwell.run/1\", \"status\", \"output\", \"error\", \"cause\", \"startDate\", \"stopDate\", \"transitions\",
            \"executionArn\", \"stateMachineArn\", \"clock\", \"seed\", \"events\"}
            output: a JSON value, when it succeeded; error and cause: when it did not; dates: seconds since 1970;
            events: with --history, as GetExecutionHistory lists them
  validate  {\"schema\": \"stepwell.validate/1\", \"files\": [{\"file\", \"result\": \"OK\" or \"FAIL\", \"diagnostics\": [{\"severity\",
            \"code\", \"message\", \"location\", \"line\", \"column\", \"hint\"}]}]}
  eval      {\"schema\": \"stepwell.eval/1\", \"result\"} or {\"schema\": \"stepwell.eval/1\", \"error\": {\"code\", \"message\",
            \"position\"}}; no result: nothing was selected
  serve     {\"schema\": \"stepwell.serve/1\", \"endpoint\", \"data\", \"lambdaEndpoint\", \"account\", \"region\"} when it is ready;
            null: data in memory, no endpoint, the region of each request
  any       {\"schema\": \"stepwell.error/1\", \"error\": {\"code\", \"message\", …}} when the command could not do its work

Examples:
  stepwell run examples/hello.asl.json --json --history
  stepwell eval 'a' --input '{\"a\": 1}' --json
";

/// Names of the topics.
const NAMES: [&str; 5] = ["mocks", "clock", "placeholders", "json", "exit-codes"];

pub(crate) fn help(help: &Help) -> Result<Exit, Failure> {
    let mut command = Cli::command();
    let Some(topic) = &help.topic else {
        terminal::print(&format!("{}\n\n{TOPICS}\n", command.render_help()));
        return Ok(Exit::Success);
    };
    let text = match topic.as_str() {
        "mocks" => MOCKS.to_owned(),
        "clock" => CLOCK.to_owned(),
        "placeholders" => PLACEHOLDERS.to_owned(),
        "json" => JSON.to_owned(),
        "exit-codes" => exit_codes(),
        name => {
            command.build();
            match command.find_subcommand_mut(name) {
                Some(command) => command.render_long_help().to_string(),
                None => return Err(unknown(name, &command)),
            }
        }
    };
    terminal::print(&text);
    Ok(Exit::Success)
}

fn unknown(name: &str, command: &clap::Command) -> Failure {
    let known = NAMES.into_iter().chain(command.get_subcommands().map(clap::Command::get_name));
    let failure = Failure::usage(format!("there is no command or topic '{name}'"));
    match nearest(name, known) {
        Some(near) => failure.hint(format!("did you mean: stepwell help {near}")),
        None => failure.hint("all topics: stepwell help"),
    }
}

fn exit_codes() -> String {
    let mut text = String::from("Exit codes\n\n");
    for (exit, meaning) in Exit::TABLE {
        text.push_str(&format!("  {:>3}  {meaning}\n", *exit as u8));
    }
    text.push_str("  130  interrupted\n\nOf several files the worst one decides, the highest number.\n");
    text
}
