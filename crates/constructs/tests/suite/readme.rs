//! The examples of the CDK's README, compared with what the CDK makes of the original.

#[path = "../../examples/readme.rs"]
mod examples;

use std::collections::BTreeSet;
use std::path::Path;

use examples::*;
use stepwell_asl::program::ExecutionType;
use stepwell_asl::{Format, Options, compile};
use stepwell_constructs::*;
use stepwell_value::{Object, Value};

use crate::corpus::{corpus, read};

type Example = fn(&Workflow) -> Node<JsonPath, Work>;

/// Examples of one task, with their cases in the corpus.
const EXAMPLES: [(Example, Option<&str>); 84] = [
    (call_rest_api, Some("CallApiGatewayRestApiEndpoint/readme-get")),
    (call_rest_api_with_token, Some("CallApiGatewayRestApiEndpoint/readme-task-token")),
    (call_http_api, Some("CallApiGatewayHttpApiEndpoint/readme-get")),
    (get_object, Some("CallAwsService/readme-get-object")),
    (list_buckets, None),
    (detect_labels, Some("CallAwsService/readme-detect-labels")),
    (get_object_of_another_region, Some("CallAwsServiceCrossRegion/readme-get-object")),
    (start_query, None),
    (start_query_of_version_1, Some("AthenaStartQueryExecution/readme-start-v1")),
    (start_query_reusing_results, Some("AthenaStartQueryExecution/readme-reuse")),
    (query_with_an_intrinsic_function, Some("AthenaStartQueryExecution/readme-v1-intrinsic")),
    (get_query_execution, Some("AthenaGetQueryExecution/readme-get")),
    (get_query_results, Some("AthenaGetQueryResults/readme-get")),
    (stop_query_execution, None),
    (glue_job, Some("GlueStartJobRun/readme-start-v1")),
    (glue_job_with_workers, None),
    (glue_job_that_can_wait, Some("GlueStartJobRun/readme-flex")),
    (glue_crawler_by_reference, Some("GlueStartCrawlerRun/readme-ref")),
    (glue_crawler_by_name, Some("GlueStartCrawlerRun/readme-name")),
    (http_invoke, None),
    (lambda_with_state_input, Some("LambdaInvoke/readme-state-input")),
    (lambda_with_empty_object, Some("LambdaInvoke/readme-empty-object")),
    (lambda_with_field_as_payload, None),
    (lambda_response_as_output, Some("LambdaInvoke/readme-output-path")),
    (lambda_response_beside_input, Some("LambdaInvoke/readme-response-only")),
    (lambda_with_callback, None),
    (lambda_input_path, Some("LambdaInvoke/readme-v1-input-path")),
    (lambda_output_path, None),
    (lambda_result_selector, Some("LambdaInvoke/readme-v1-result-selector")),
    (lambda_event, Some("LambdaInvoke/readme-v1-event")),
    (media_convert, None),
    (training_job, Some("SageMakerCreateTrainingJob/readme-train")),
    (transform_job, None),
    (create_endpoint, Some("SageMakerCreateEndpoint/readme-create")),
    (create_endpoint_config, None),
    (create_model, Some("SageMakerCreateModel/readme-create")),
    (update_endpoint, None),
    (publish_a_field, Some("SnsPublish/readme-attributes")),
    (publish_an_object, Some("SnsPublish/readme-object")),
    (start_an_associated_child, Some("StepFunctionsStartExecution/readme-associate")),
    (invoke_activity, Some("StepFunctionsInvokeActivity/readme-invoke")),
    (invoke_activity_with_parameters, Some("StepFunctionsInvokeActivity/readme-parameters")),
    (send_a_field, Some("SqsSendMessage/readme-path")),
    (send_an_object, Some("SqsSendMessage/readme-object")),
    (batch_job, None),
    (invoke_model, Some("BedrockInvokeModel/readme-prompt")),
    (invoke_model_with_objects_of_s3, None),
    (invoke_model_with_guardrail, Some("BedrockInvokeModel/readme-guardrail-lowercase")),
    (start_build, Some("CodeBuildStartBuild/readme-start-build")),
    (start_build_batch, Some("CodeBuildStartBuildBatch/readme-start-build-batch")),
    (get_item, None),
    (get_item_of_version_1, Some("DynamoGetItem/readme-get-v1")),
    (put_item, Some("DynamoPutItem/readme-put")),
    (put_item_result_path, Some("DynamoPutItem/readme-v1-result-path")),
    (delete_item, Some("DynamoDeleteItem/readme-delete")),
    (update_item, Some("DynamoUpdateItem/readme-update")),
    (create_cluster, Some("EmrCreateCluster/readme-create")),
    (create_cluster_on_demand, None),
    (create_cluster_of_spot_instances, Some("EmrCreateCluster/readme-spot")),
    (create_cluster_with_concurrent_steps, Some("EmrCreateCluster/readme-step-concurrency")),
    (termination_protection, Some("EmrSetClusterTerminationProtection/readme-off")),
    (terminate_cluster, Some("EmrTerminateCluster/readme-terminate")),
    (add_step, None),
    (cancel_step, Some("EmrCancelStep/readme-cancel")),
    (modify_instance_fleet, Some("EmrModifyInstanceFleetByName/readme-modify")),
    (modify_instance_group, Some("EmrModifyInstanceGroupByName/readme-modify")),
    (create_virtual_cluster, Some("EmrContainersCreateVirtualCluster/readme-text-input")),
    (create_virtual_cluster_of_a_cluster, None),
    (create_virtual_cluster_in_a_namespace, Some("EmrContainersCreateVirtualCluster/readme-namespace")),
    (delete_virtual_cluster, None),
    (spark_job_with_parameters, None),
    (spark_job_with_configuration, None),
    (spark_job_with_new_logs, None),
    (spark_job_with_own_logs, None),
    (spark_job_with_a_role, Some("EmrContainersStartJobRun/readme-execution-role")),
    (call_kubernetes, Some("EksCall/readme-pods")),
    (put_events, Some("EventBridgePutEvents/readme-put")),
    (databrew_job, Some("GlueDataBrewStartJobRun/readme-start")),
    (task_on_ec2, Some("EcsRunTask/readme-ec2")),
    (task_on_ec2_of_version_1, Some("EcsRunTask/readme-ec2-v1")),
    (task_on_fargate, Some("EcsRunTask/readme-fargate")),
    (task_on_fargate_of_version_1, Some("EcsRunTask/readme-fargate-v1")),
    (task_with_more_cpu_and_memory, Some("EcsRunTask/readme-cpu-memory")),
    (task_with_exec, None),
];

#[test]
fn the_examples_make_what_the_cdk_makes() {
    let corpus = corpus();
    let mut compared = 0;
    for (example, case) in EXAMPLES {
        // The corpus was made without feature flags.
        let stack = Stack::new("TestStack").compat(Compat::bare());
        let machine = StateMachine::new("StateMachine", example(&Workflow::new()));
        let machine = stack.add(machine).expect("it is complete");
        valid(&machine);
        let Some((corpus, case)) = corpus.as_ref().zip(case) else { continue };
        compared += 1;
        let definition = expected(corpus, &format!("cases/{case}")).get("definition").cloned().unwrap_or_default();
        assert_eq!(without_hashes(&machine.definition()), without_hashes(&definition), "{case}");
    }
    println!("{compared} of {} examples compared", EXAMPLES.len());
}

#[test]
fn the_workflows_make_what_the_cdk_makes() {
    let machine = evaluate_expression().expect("it is complete");
    valid(&machine);
    if let Some(corpus) = corpus() {
        let expected = expected(&corpus, "stacks/evaluate-expression");
        let definitions = expected.get("definitions").and_then(Value::as_object).expect("a stack has definitions");
        let (_, definition) = definitions.iter().next().expect("the stack has a machine");
        assert_eq!(without_hashes(&machine.definition()), without_hashes(definition));
    }
    valid(&start_a_child_with_callback().expect("it is complete"));
    valid(&add_step_with_a_role().expect("it is complete"));
}

/// Block 1 and block 48 of the TypeScript README have 24 and 9 lines that are not blank, imports not counted.
#[test]
fn the_examples_are_no_longer_than_the_originals() {
    const IMPORT: usize = 1;
    let source = include_str!("../../examples/readme.rs");
    let lines = |function: &str| {
        let start = source.find(&format!("pub fn {function}(")).expect("the example is there");
        let body = source[start..].split_inclusive("\n}\n").next().expect("the example ends");
        body.lines().filter(|line| !line.trim().is_empty()).count()
    };
    for (example, of_original) in [("evaluate_expression", 24), ("lambda_with_callback", 9)] {
        let ours = IMPORT + lines(example);
        println!("{example}: {ours} lines, {of_original} in TypeScript");
        assert!(ours <= of_original, "{example} has {ours} lines, the original {of_original}");
    }
}

/// The blocks of code of the three READMEs, and a row for each example.
#[test]
fn the_table_of_the_docs_is_complete() {
    let docs = include_str!("../../../../docs/constructs.md");
    let rows: Vec<Vec<&str>> = docs
        .lines()
        .map(|line| line.split('|').map(str::trim).collect())
        .filter(|row: &Vec<_>| row.len() == 7)
        .collect();
    for (column, blocks) in [(3, 72), (4, 60), (5, 47)] {
        let shown: BTreeSet<usize> = rows.iter().filter_map(|row| row[column].parse().ok()).collect();
        assert_eq!(shown, (1..=blocks).collect(), "column {column}");
    }
    let examples = include_str!("../../examples/readme.rs").lines().filter_map(|line| line.strip_prefix("pub fn "));
    for example in examples.filter_map(|line| line.split('(').next()) {
        assert!(rows.iter().any(|row| row[1] == format!("`{example}`")), "{example} is in no row");
    }
}

fn valid(machine: &Machine) {
    let options = Options { machine_type: ExecutionType::Standard };
    let compiled = compile(&machine.to_asl().to_string(), Format::Json, &options);
    assert!(compiled.program.is_some(), "{:?}", compiled.diagnostics);
}

/// What a case expects, which has to be there if the corpus is.
fn expected(corpus: &Path, case: &str) -> Value {
    read(&corpus.join(format!("{case}.json"))).get("expected").expect("a case has an expectation").clone()
}

/// The same with logical ids as they are in the examples: without the hash that the CDK appends.
fn without_hashes(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(without_hashes).collect(),
        Value::Object(object) => {
            let id = |value: &Value| match value.as_str() {
                Some(id) => Value::from(without_hash(id)),
                None => without_hashes(value),
            };
            let mut clean = Object::default();
            for (key, member) in object.iter() {
                let member = match key.as_str() {
                    "Ref" => id(member),
                    "Fn::GetAtt" => member.as_array().map(|parts| parts.iter().map(id).collect()).unwrap_or_default(),
                    _ => without_hashes(member),
                };
                clean.insert(key.clone(), member);
            }
            Value::Object(clean)
        }
        other => other.clone(),
    }
}

fn without_hash(id: &str) -> &str {
    match id.len().checked_sub(8).and_then(|at| id.split_at_checked(at)) {
        Some((name, hash)) if hash.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b)) => name,
        _ => id,
    }
}
