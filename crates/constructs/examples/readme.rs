//! The examples of the CDK's README, in Rust.
//!
//! The number of each example in the three READMEs stands in `docs/constructs.md`; `tests/readme.rs` compares what they
//! make with what the CDK makes of the original.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "an example shows, and a test calls it")]

use std::time::Duration;

use stepwell_constructs::*;

type Task = Node<JsonPath, Work>;

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

fn main() {
    let machine = evaluate_expression().expect("the workflow is complete");
    println!("{}", machine.to_asl());
}

pub fn evaluate_expression() -> Result<Machine, BuildErrors> {
    let w = Workflow::new();
    let convert_to_seconds = EvaluateExpression::json_path("Convert to seconds", "$.waitMilliseconds / 1000");
    // Note: this is a string inside a string.
    let create_message = EvaluateExpression::json_path("Create message", "`Now waiting ${$.waitSeconds} seconds...`")
        .runtime(NodeRuntime::LATEST);
    let publish_message =
        SnsPublish::json_path("Publish message", TopicRef::from_logical_id("Topic")).message(path("$.message"));
    let wait = Wait::json_path("Wait", WaitTime::seconds_path("$.waitSeconds"));
    let definition = w
        .add(convert_to_seconds.result_path("$.waitSeconds"))
        .next(w.add(create_message.result_path("$.message")))
        .next(w.add(publish_message.result_path("$.sns")))
        .next(w.add(wait));
    StateMachine::new("StateMachine", definition).build()
}

pub fn call_rest_api(w: &Workflow) -> Task {
    let api = Cfn::reference("MyRestApi");
    w.add(CallApiGatewayRestApiEndpoint::json_path("Call REST API", api, "prod", HttpMethod::Get))
}

pub fn call_rest_api_with_token(w: &Workflow) -> Task {
    let api = Cfn::reference("Api");
    w.add(
        CallApiGatewayRestApiEndpoint::json_path("Endpoint", api, "Stage", HttpMethod::Put)
            .wait_for_task_token(|token| obj!({ "TaskToken": intrinsic::array([token]) })),
    )
}

pub fn call_http_api(w: &Workflow) -> Task {
    let api = Cfn::reference("MyHttpApi");
    w.add(CallApiGatewayHttpApiEndpoint::json_path("Call HTTP API", api, HttpMethod::Get))
}

pub fn get_object(w: &Workflow) -> Task {
    let my_bucket = BucketRef::from_logical_id("MyBucket");
    w.add(
        CallAwsService::json_path("GetObject", "s3", "getObject", [my_bucket.arn_for_objects("*")])
            .parameters(obj!({ "Bucket": my_bucket.name(), "Key": path("$.key") })),
    )
}

pub fn list_buckets(w: &Workflow) -> Task {
    w.add(
        CallAwsService::json_path("ListBuckets", "s3", "listBuckets", [Cfn::from("*")])
            .iam_action("s3:ListAllMyBuckets"),
    )
}

pub fn detect_labels(w: &Workflow) -> Task {
    let read = Statement::allow(["s3:getObject"], [Cfn::from("arn:aws:s3:::my-bucket/*")]);
    w.add(
        CallAwsService::json_path("DetectLabels", "rekognition", "detectLabels", [Cfn::from("*")])
            .additional_iam_statements([read]),
    )
}

pub fn get_object_of_another_region(w: &Workflow) -> Task {
    let my_bucket = BucketRef::from_logical_id("MyBucket");
    let objects = [my_bucket.arn_for_objects("*")];
    w.add(
        CallAwsServiceCrossRegion::json_path("GetObject", "s3", "getObject", "ap-northeast-1", objects)
            .parameters(obj!({ "Bucket": my_bucket.name(), "Key": path("$.key") })),
    )
}

fn athena_query(query: impl IntoVal<String, JsonPath>) -> AthenaStartQueryExecution<JsonPath> {
    let results = BucketRef::from_name("query-results-bucket");
    AthenaStartQueryExecution::json_path("Start Athena Query", query)
        .query_execution_context(QueryExecutionContext::new().database_name("mydatabase"))
        .result_configuration(
            ResultConfiguration::new().encryption(EncryptionOption::S3Managed).output_location(&results, "folder"),
        )
}

pub fn start_query(w: &Workflow) -> Task {
    w.add(athena_query(path("$.queryString")).execution_parameters(["param1", "param2"]))
}

pub fn start_query_of_version_1(w: &Workflow) -> Task {
    w.add(athena_query(path("$.queryString")))
}

pub fn start_query_reusing_results(w: &Workflow) -> Task {
    w.add(
        athena_query(path("$.queryString"))
            .execution_parameters(["param1", "param2"])
            .result_reuse_max_age(minutes(100)),
    )
}

pub fn query_with_an_intrinsic_function(w: &Workflow) -> Task {
    let results = BucketRef::from_name("mybucket");
    let query = intrinsic::format("select contacts where year={};", [path("$.year")]);
    w.add(
        AthenaStartQueryExecution::json_path("Athena Start Query", query)
            .run_job()
            .query_execution_context(QueryExecutionContext::new().database_name("interactions"))
            .result_configuration(
                ResultConfiguration::new()
                    .encryption(EncryptionOption::S3Managed)
                    .output_location(&results, "myprefix"),
            ),
    )
}

pub fn get_query_execution(w: &Workflow) -> Task {
    w.add(AthenaGetQueryExecution::json_path("Get Query Execution", path("$.QueryExecutionId")))
}

pub fn get_query_results(w: &Workflow) -> Task {
    w.add(AthenaGetQueryResults::json_path("Get Query Results", path("$.QueryExecutionId")))
}

pub fn stop_query_execution(w: &Workflow) -> Task {
    w.add(AthenaStopQueryExecution::json_path("Stop Query Execution", path("$.QueryExecutionId")))
}

pub fn glue_job(w: &Workflow) -> Task {
    w.add(
        GlueStartJobRun::json_path("Task", "my-glue-job")
            .arguments(obj!({ "key": "value" }))
            .timeout(minutes(30))
            .notify_delay_after(minutes(5)),
    )
}

pub fn glue_job_with_workers(w: &Workflow) -> Task {
    w.add(
        GlueStartJobRun::json_path("Task", "my-glue-job")
            .worker_configuration(WorkerConfiguration::new(WorkerType::G1x, 2)),
    )
}

pub fn glue_job_that_can_wait(w: &Workflow) -> Task {
    w.add(GlueStartJobRun::json_path("Task", "my-glue-job").execution_class(ExecutionClass::Flex))
}

pub fn glue_crawler_by_reference(w: &Workflow) -> Task {
    w.add(GlueStartCrawlerRun::json_path("Task1", Cfn::reference("MyCrawler")))
}

pub fn glue_crawler_by_name(w: &Workflow) -> Task {
    w.add(GlueStartCrawlerRun::json_path("Task2", "my-crawler-job"))
}

pub fn http_invoke(w: &Workflow) -> Task {
    let connection = ConnectionRef::from_logical_id("Connection");
    let (root, endpoint) = ("https://api.example.com", "path/to/resource");
    w.add(
        HttpInvoke::json_path("Invoke HTTP API", root, endpoint, "POST", &connection)
            .body(obj!({ "foo": "bar" }))
            .headers(obj!({ "Content-Type": "application/json" }))
            .query_string_parameters(obj!({ "id": "123" }))
            .url_encoding_format(UrlEncodingFormat::Brackets),
    )
}

fn function() -> FunctionRef {
    FunctionRef::from_logical_id("Fn")
}

pub fn lambda_with_state_input(w: &Workflow) -> Task {
    w.add(LambdaInvoke::json_path("Invoke with state input", function()))
}

pub fn lambda_with_empty_object(w: &Workflow) -> Task {
    w.add(LambdaInvoke::json_path("Invoke with empty object as payload", function()).payload(obj!({})))
}

pub fn lambda_with_field_as_payload(w: &Workflow) -> Task {
    w.add(
        LambdaInvoke::json_path("Invoke with payload field in the state input", function()).payload(path("$.Payload")),
    )
}

pub fn lambda_response_as_output(w: &Workflow) -> Task {
    w.add(
        LambdaInvoke::json_path("Invoke and set function response as task output", function()).output_path("$.Payload"),
    )
}

pub fn lambda_response_beside_input(w: &Workflow) -> Task {
    w.add(
        LambdaInvoke::json_path("Invoke and combine function response with task input", function())
            .payload_response_only()
            .result_path("$.fn"),
    )
}

pub fn lambda_with_callback(w: &Workflow) -> Task {
    w.add(
        LambdaInvoke::json_path("Invoke with callback", function())
            .wait_for_task_token(|token| obj!({ "token": token, "input": path("$.someField") })),
    )
}

pub fn lambda_input_path(w: &Workflow) -> Task {
    w.add(LambdaInvoke::json_path("Invoke Handler", function()).input_path("$.input"))
}

pub fn lambda_output_path(w: &Workflow) -> Task {
    w.add(LambdaInvoke::json_path("Invoke Handler", function()).output_path("$.Payload.result"))
}

pub fn lambda_result_selector(w: &Workflow) -> Task {
    w.add(LambdaInvoke::json_path("Invoke Handler", function()).result_selector(obj!({
        "lambda_output": path("$.Payload"),
        "invoke_request_id": path("$.SdkResponseMetadata.RequestId"),
        "static_value": { "foo": "bar" },
        "state_name": path("$.State.Name"),
    })))
}

pub fn lambda_event(w: &Workflow) -> Task {
    w.add(
        LambdaInvoke::json_path("Invoke Handler", function())
            .payload(path("$.input"))
            .invocation_type(LambdaInvocationType::Event),
    )
}

pub fn media_convert(w: &Workflow) -> Task {
    let video = obj!({
        "CodecSettings": {
            "Codec": "H_264",
            "H264Settings": { "MaxBitrate": 1000, "RateControlMode": "QVBR", "SceneChangeDetect": "TRANSITION_DETECTION" },
        },
    });
    let audio = obj!({
        "CodecSettings": {
            "Codec": "AAC",
            "AacSettings": { "Bitrate": 96000, "CodingMode": "CODING_MODE_2_0", "SampleRate": 48000 },
        },
    });
    let settings = obj!({
        "OutputGroups": [{
            "Outputs": [{
                "ContainerSettings": { "Container": "MP4" },
                "VideoDescription": video,
                "AudioDescriptions": [audio],
            }],
            "OutputGroupSettings": {
                "Type": "FILE_GROUP_SETTINGS",
                "FileGroupSettings": { "Destination": "s3://EXAMPLE-DESTINATION-BUCKET/" },
            },
        }],
        "Inputs": [{
            "AudioSelectors": { "Audio Selector 1": { "DefaultSelection": "DEFAULT" } },
            "FileInput": "s3://EXAMPLE-SOURCE-BUCKET/EXAMPLE-SOURCE_FILE",
        }],
    });
    let role = "arn:aws:iam::123456789012:role/MediaConvertRole";
    w.add(MediaConvertCreateJob::json_path("CreateJob", role, settings).run_job())
}

pub fn training_job(w: &Workflow) -> Task {
    let bucket = BucketRef::from_name("mybucket");
    w.add(
        SageMakerCreateTrainingJob::json_path(
            "TrainSagemaker",
            path("$.JobName"),
            AlgorithmSpecification::new().algorithm_name("BlazingText").training_input_mode(InputMode::File),
            OutputDataConfig::new(S3Location::from_bucket(&bucket, "myoutputpath")),
        )
        .input_data_config([Channel::new("train", S3Location::from_json_expression(path("$.S3Bucket")))
            .s3_data_type(S3DataType::S3Prefix)])
        // Optional: without it there is one ml.m4.xlarge with 10 GiB.
        .resource_config(ResourceConfig::new(1, path("$.InstanceType"), 50))
        // Optional: without it the job may take an hour.
        .stopping_condition(StoppingCondition::new().max_runtime(minutes(120))),
    )
}

pub fn transform_job(w: &Workflow) -> Task {
    w.add(
        SageMakerCreateTransformJob::json_path(
            "Batch Inference",
            "MyTransformJob",
            "MyModelName",
            TransformInput::new("s3://inputbucket/train").s3_data_type(S3DataType::S3Prefix),
            TransformOutput::new("s3://outputbucket/TransformJobOutputPath"),
        )
        .model_client_options(
            ModelClientOptions::new()
                .invocations_max_retries(3) // 0 if nothing is said
                .invocations_timeout(minutes(5)), // a minute if nothing is said
        )
        .transform_resources(TransformResources::new(1, "m4.xlarge")),
    )
}

pub fn create_endpoint(w: &Workflow) -> Task {
    let (endpoint, configuration) = (path("$.EndpointName"), path("$.EndpointConfigName"));
    w.add(SageMakerCreateEndpoint::json_path("SagemakerEndpoint", endpoint, configuration))
}

pub fn create_endpoint_config(w: &Workflow) -> Task {
    let variant = ProductionVariant::new("MyModel", "awesome-variant", "m5.xlarge").initial_instance_count(2);
    w.add(SageMakerCreateEndpointConfig::json_path("SagemakerEndpointConfig", "MyEndpointConfig", [variant]))
}

pub fn create_model(w: &Workflow) -> Task {
    let artifacts = path("$.TrainingJob.ModelArtifacts.S3ModelArtifacts");
    let container = ContainerDefinition::new()
        .image(DockerImage::from_json_expression(path("$.Model.imageName")))
        .mode(Mode::SingleModel)
        .model_s3_location(S3Location::from_json_expression(artifacts));
    w.add(SageMakerCreateModel::json_path("Sagemaker", "MyModel", container))
}

pub fn update_endpoint(w: &Workflow) -> Task {
    let (endpoint, configuration) = (path("$.Endpoint.Name"), path("$.Endpoint.EndpointConfig"));
    w.add(SageMakerUpdateEndpoint::json_path("SagemakerEndpoint", endpoint, configuration))
}

pub fn publish_a_field(w: &Workflow) -> Task {
    let topic = TopicRef::from_logical_id("Topic");
    let handles = Items::new().item("@kslater").item("@jjf").item(Null).item("@mfanning");
    // A field of the execution's data is the message.
    w.add(SnsPublish::json_path("Publish1", &topic).message(path("$.state.message")).message_attributes([
        ("place", MessageAttribute::new(path("$.place"))),
        // Binary must be said.
        ("pic", MessageAttribute::new(path("$.pic")).data_type(MessageAttributeDataType::Binary)),
        ("people", MessageAttribute::new(4)),
        ("handles", MessageAttribute::new(handles)),
    ]))
}

pub fn publish_an_object(w: &Workflow) -> Task {
    let topic = TopicRef::from_logical_id("Topic");
    // A field of the execution's data in an object.
    w.add(SnsPublish::json_path("Publish2", &topic).message(obj!({ "field1": "somedata", "field2": path("$.field2") })))
}

pub fn start_a_child_with_callback() -> Result<Machine, BuildErrors> {
    let stack = Stack::new("Machines");
    let w = Workflow::new();
    // A machine with one Pass state.
    let child = stack.add(StateMachine::new("ChildStateMachine", w.add(Pass::json_path("PassState"))))?;
    // A task that starts it and waits for the token.
    let task = w.add(
        StepFunctionsStartExecution::json_path("ChildTask", child.reference())
            .wait_for_task_token(|token| obj!({ "token": token, "foo": "bar" }))
            .name("MyExecutionName"),
    );
    // The machine that does so.
    stack.add(StateMachine::new("ParentStateMachine", task))
}

pub fn start_an_associated_child(w: &Workflow) -> Task {
    let child = StateMachineRef::from_logical_id("ChildStateMachine");
    w.add(StepFunctionsStartExecution::json_path("ChildTask", &child).associate_with_parent(true))
}

pub fn invoke_activity(w: &Workflow) -> Task {
    let submit_job = ActivityRef::from_arn(Cfn::reference("SubmitJob"));
    w.add(StepFunctionsInvokeActivity::json_path("Submit Job", &submit_job))
}

pub fn invoke_activity_with_parameters(w: &Workflow) -> Task {
    let submit_job = ActivityRef::from_arn(Cfn::reference("SubmitJob"));
    w.add(StepFunctionsInvokeActivity::json_path("Submit Job", &submit_job).parameters(obj!({
        "comment": "Selecting what I care about.",
        "MyDetails": {
            "size": path("$.product.details.size"),
            "exists": path("$.product.availability"),
            "StaticValue": "foo",
        },
    })))
}

pub fn send_a_field(w: &Workflow) -> Task {
    let queue = QueueRef::from_logical_id("Queue");
    w.add(SqsSendMessage::json_path("Send1", &queue).message_body(path("$.message")))
}

pub fn send_an_object(w: &Workflow) -> Task {
    let queue = QueueRef::from_logical_id("Queue");
    w.add(
        SqsSendMessage::json_path("Send2", &queue)
            .message_body(obj!({ "field1": "somedata", "field2": path("$.field2") })),
    )
}
