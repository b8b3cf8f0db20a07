//! The functions that tasks bring along, run by node as Lambda would.

use std::path::Path;
use std::process::Command;

use stepwell_value::{Value, parse};

/// What the handler of a file answers; `None` without node.
fn invoke(file: &str, before: &str, event: &str) -> Option<Result<Value, String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tasks/functions").join(file);
    let script = format!(
        "{before}\nrequire({path:?}).handler({event}).then(\n\
         (result) => console.log(JSON.stringify(result ?? null)),\n\
         (error) => {{ console.error(error.message); process.exit(1); }});"
    );
    let Ok(output) = Command::new("node").arg("--eval").arg(script).output() else {
        println!("skipped: no node");
        return None;
    };
    Some(if output.status.success() {
        Ok(parse(String::from_utf8_lossy(&output.stdout).trim()).expect("the answer is JSON"))
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    })
}

fn evaluate(expression: &str, values: &str) -> Option<Result<Value, String>> {
    let expression = Value::from(expression);
    invoke("evaluate.js", "", &format!("{{ expression: {expression}, expressionAttributeValues: {values} }}"))
}

#[test]
fn expressions_are_evaluated() {
    let cases = [
        ("$.a + $.b", r#"{ "$.a": 1, "$.b": 2 }"#, "3"),
        ("$.ms / 1000", r#"{ "$.ms": 1500 }"#, "1.5"),
        ("`Now waiting ${$.seconds} seconds...`", r#"{ "$.seconds": 5 }"#, r#""Now waiting 5 seconds...""#),
        ("Math.max(...$.list)", r#"{ "$.list": [1, 2] }"#, "2"),
        ("$.order.lines[0].price", r#"{ "$.order.lines[0].price": "7" }"#, r#""7""#),
        ("($.text).length", r#"{ "$.text": "a\"b`c$d" }"#, "7"),
        ("$$.Execution.Name", r#"{ "$$.Execution.Name": "nightly" }"#, r#""nightly""#),
        ("typeof values", "{}", r#""undefined""#),
        ("undefined", "{}", "null"),
    ];
    for (expression, values, expected) in cases {
        let expected = parse(expected).expect("the expectation is JSON");
        let Some(result) = evaluate(expression, values) else { return };
        assert_eq!(result, Ok(expected), "{expression}");
    }
}

#[test]
fn an_expression_that_throws_fails_the_function() {
    let Some(result) = evaluate("missing.field", "{}") else { return };
    assert_eq!(result, Err("missing is not defined".to_owned()));
}

/// A stand-in for the SDK that the runtime has.
const SDK: &str = r#"
const { Module } = require("node:module");
const load = Module._load;
class S3Client { constructor(options) { this.options = options; } async send(command) { return command.run(this.options); } }
class GetObjectCommand {
  constructor(parameters) { this.parameters = parameters; }
  run(options) {
    return { $metadata: { requestId: "r" }, Body: { transformToString: async () => "text" }, Size: 5n,
      At: new Date(0), Of: this.parameters.Key, Region: options.region };
  }
}
Module._load = (name, ...rest) => name === "@aws-sdk/client-s3" ? { S3Client, GetObjectCommand } : load(name, ...rest);
"#;

#[test]
fn an_api_is_called_in_its_region() {
    let event = r#"{ service: "s3", action: "getObject", region: "eu-west-1", parameters: { Key: "k" } }"#;
    let Some(result) = invoke("call.js", SDK, event) else { return };
    let expected =
        r#"{ "Body": "text", "Size": 5, "At": "1970-01-01T00:00:00.000Z", "Of": "k", "Region": "eu-west-1" }"#;
    assert_eq!(result, Ok(parse(expected).expect("the expectation is JSON")));
}

#[test]
fn an_unknown_api_fails_the_function() {
    let event = r#"{ service: "s3", action: "fetchObject", region: "eu-west-1" }"#;
    let Some(result) = invoke("call.js", SDK, event) else { return };
    assert_eq!(result, Err("s3 has no API fetchObject".to_owned()));
}

/// A stand-in for three clients of the SDK, and for the answer to CloudFormation.
const CLIENTS: &str = r#"
const { Module } = require("node:module");
const load = Module._load;
const answers = {
  DescribeVirtualClusterCommand: { virtualCluster: { containerProvider: { id: "shop", info: { eksInfo: { namespace: "spark" } } } } },
  DescribeClusterCommand: { cluster: { identity: { oidc: { issuer: "https://oidc.eks.us-east-1.amazonaws.com/id/ABC" } } } },
  GetRoleCommand: { Role: { Arn: "arn:aws:iam::123456789012:role/job", AssumeRolePolicyDocument: encodeURIComponent('{"Statement":[]}') } },
};
let updated = null;
const command = (name) => class { constructor(input) { Object.assign(this, { name, input }); } };
const client = class {
  async send({ name, input }) {
    if (name === "UpdateAssumeRolePolicyCommand") updated = JSON.parse(input.PolicyDocument);
    if (input.id === "missing") throw new Error("no such virtual cluster");
    return answers[name] ?? {};
  }
};
Module._load = (id, ...rest) => !id.startsWith("@aws-sdk/") ? load(id, ...rest)
  : new Proxy({}, { get: (_, name) => name.endsWith("Client") ? client : command(name) });
globalThis.fetch = async (url, { body }) => { console.log(JSON.stringify({ url, answer: JSON.parse(body), updated })); process.exit(0); };
"#;

fn trust(request: &str, cluster: &str) -> Option<Value> {
    let event = format!(
        r#"{{ RequestType: "{request}", ResponseURL: "https://answer", LogicalResourceId: "Trust",
             ResourceProperties: {{ VirtualClusterId: "{cluster}", RoleName: "job" }} }}"#
    );
    invoke("trust.js", CLIENTS, &event).map(|answer| answer.expect("the function answers"))
}

#[test]
fn the_service_accounts_of_a_virtual_cluster_may_have_the_role() {
    let Some(answer) = trust("Create", "vc") else { return };
    let text = answer.to_string();
    assert!(text.contains(r#""Status":"SUCCESS""#), "{text}");
    assert!(text.contains("arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/ABC"), "{text}");
    assert!(text.contains("system:serviceaccount:spark:emr-containers-sa-*-*-123456789012-"), "{text}");
    assert!(text.contains(&format!("-{}\"", base_36(0x6a_6f_62))), "{text}");
}

fn base_36(mut number: u64) -> String {
    let mut digits = Vec::new();
    while number > 0 {
        digits.push(char::from_digit((number % 36) as u32, 36).expect("it is a digit"));
        number /= 36;
    }
    digits.iter().rev().collect()
}

#[test]
fn a_failure_is_told_to_cloud_formation_and_a_deletion_does_nothing() {
    let Some(answer) = trust("Create", "missing") else { return };
    assert!(answer.to_string().contains(r#""Reason":"no such virtual cluster""#), "{answer}");
    let Some(answer) = trust("Delete", "missing") else { return };
    assert!(answer.to_string().contains(r#""Status":"SUCCESS""#), "{answer}");
    assert!(answer.to_string().contains(r#""updated":null"#), "{answer}");
}
