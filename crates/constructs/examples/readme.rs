//! The examples of the CDK's README, in Rust.
//!
//! The number of each example in the three READMEs stands in `docs/constructs.md`; `tests/suite/readme.rs` compares what
//! they make with what the CDK makes of the original.
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

pub fn lambda_with_callback(w: &Workflow) -> Node<JsonPath, Work> {
    let function = FunctionRef::from_logical_id("Fn");
    w.add(
        LambdaInvoke::json_path("Invoke with callback", &function)
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

pub fn batch_job(w: &Workflow) -> Task {
    let (definition, queue) = (Cfn::reference("JobDefinition"), Cfn::get_att("JobQueue", "JobQueueArn"));
    w.add(BatchSubmitJob::json_path("Submit Job", "MyJob", definition, queue))
}

fn names() -> Obj<JsonPath> {
    obj!({
        "inputText": "Generate a list of five first names.",
        "textGenerationConfig": { "maxTokenCount": 100, "temperature": 1 },
    })
}

fn model() -> BedrockModelRef {
    BedrockModelRef::foundation("amazon.titan-text-express-v1")
}

pub fn invoke_model(w: &Workflow) -> Task {
    w.add(
        BedrockInvokeModel::json_path("Prompt Model", model())
            .body(names())
            .result_selector(obj!({ "names": path("$.Body.results[0].outputText") })),
    )
}

pub fn invoke_model_with_objects_of_s3(w: &Workflow) -> Task {
    // In the CDK, the input and output paths of the state.
    w.add(
        BedrockInvokeModel::json_path("Prompt Model", model())
            .input(BedrockS3Object::uri(path("$.prompt")))
            .output(BedrockS3Object::uri(path("$.prompt"))),
    )
}

pub fn invoke_model_with_guardrail(w: &Workflow) -> Task {
    w.add(
        BedrockInvokeModel::json_path("Prompt Model with guardrail", model())
            .body(names())
            // As printed, `guardrailId` is refused: ids have small letters.
            .guardrail(Guardrail::enable("guardrailid", 1))
            .result_selector(obj!({ "names": path("$.Body.results[0].outputText") })),
    )
}

pub fn start_build(w: &Workflow) -> Task {
    let project = ProjectRef::from_logical_id("Project");
    let zone = BuildEnvironmentVariable::new(path("$.envVariables.zone"))
        .variable_type(BuildEnvironmentVariableType::PlainText);
    w.add(CodeBuildStartBuild::json_path("Task", &project).run_job().environment_variables_override([("ZONE", zone)]))
}

pub fn start_build_batch(w: &Workflow) -> Task {
    let project = ProjectRef::from_logical_id("Project");
    let test = BuildEnvironmentVariable::new("testValue").variable_type(BuildEnvironmentVariableType::PlainText);
    w.add(
        CodeBuildStartBuildBatch::json_path("buildBatchTask", &project)
            .environment_variables_override([("test", test)]),
    )
}

fn my_table() -> TableRef {
    TableRef::from_logical_id("Messages")
}

pub fn get_item(w: &Workflow) -> Task {
    let key = [("messageId", DynamoAttributeValue::string("message-007"))];
    w.add(DynamoGetItem::json_path("Get Item", my_table(), key))
}

pub fn get_item_of_version_1(w: &Workflow) -> Task {
    let key = [("message_id", DynamoAttributeValue::string("message-007"))];
    w.add(DynamoGetItem::json_path("Get Item", my_table(), key))
}

pub fn put_item(w: &Workflow) -> Task {
    let item = [
        ("MessageId", DynamoAttributeValue::string("message-007")),
        ("Text", DynamoAttributeValue::string(path("$.bar"))),
        ("TotalCount", DynamoAttributeValue::number(10)),
    ];
    w.add(DynamoPutItem::json_path("PutItem", my_table(), item))
}

pub fn put_item_result_path(w: &Workflow) -> Task {
    let item = [("MessageId", DynamoAttributeValue::string("message-id"))];
    w.add(DynamoPutItem::json_path("PutItem", my_table(), item).result_path("$.Item"))
}

pub fn delete_item(w: &Workflow) -> Task {
    let key = [("MessageId", DynamoAttributeValue::string("message-007"))];
    w.add(DynamoDeleteItem::json_path("DeleteItem", my_table(), key).result_path(DISCARD))
}

pub fn update_item(w: &Workflow) -> Task {
    let key = [("MessageId", DynamoAttributeValue::string("message-007"))];
    w.add(
        DynamoUpdateItem::json_path("UpdateItem", my_table(), key)
            .expression_attribute_values([
                (":val", DynamoAttributeValue::number_from_string(path("$.Item.TotalCount.N"))),
                (":rand", DynamoAttributeValue::number(20)),
            ])
            .update_expression("SET TotalCount = :val + :rand"),
    )
}

pub fn create_cluster(w: &Workflow) -> Task {
    w.add(
        EmrCreateCluster::json_path("Create Cluster", path("$.ClusterName"), EmrInstancesConfig::new())
            .cluster_role(RoleRef::from_construct_id("ClusterRole"))
            .service_role(RoleRef::from_construct_id("ServiceRole"))
            .auto_scaling_role(RoleRef::from_construct_id("AutoScalingRole")),
    )
}

pub fn create_cluster_on_demand(w: &Workflow) -> Task {
    let strategy =
        EmrLaunchSpecifications::new().on_demand_allocation_strategy(OnDemandAllocationStrategy::LowestPrice);
    let fleet = EmrInstanceFleetConfig::new(InstanceRoleType::Master)
        .launch_specifications(strategy)
        // As printed there is no capacity, which is refused.
        .target_on_demand_capacity(1);
    let instances = EmrInstancesConfig::new().instance_fleets([fleet]);
    w.add(EmrCreateCluster::json_path("OnDemandSpecification", "OnDemandCluster", instances))
}

pub fn create_cluster_of_spot_instances(w: &Workflow) -> Task {
    let spot = EmrSpotSpecification::new(SpotTimeoutAction::TerminateCluster, minutes(5))
        .allocation_strategy(SpotAllocationStrategy::CapacityOptimized);
    let fleet = EmrInstanceFleetConfig::new(InstanceRoleType::Master)
        .launch_specifications(EmrLaunchSpecifications::new().spot_specification(spot))
        .target_spot_capacity(1);
    let instances = EmrInstancesConfig::new().instance_fleets([fleet]);
    w.add(EmrCreateCluster::json_path("SpotSpecification", "SpotCluster", instances))
}

pub fn create_cluster_with_concurrent_steps(w: &Workflow) -> Task {
    w.add(
        EmrCreateCluster::json_path("Create Cluster", path("$.ClusterName"), EmrInstancesConfig::new())
            .step_concurrency_level(10),
    )
}

pub fn termination_protection(w: &Workflow) -> Task {
    w.add(EmrSetClusterTerminationProtection::json_path("Task", "ClusterId", false))
}

pub fn terminate_cluster(w: &Workflow) -> Task {
    w.add(EmrTerminateCluster::json_path("Task", "ClusterId"))
}

pub fn add_step(w: &Workflow) -> Task {
    w.add(EmrAddStep::json_path("Task", "ClusterId", "StepName", "Jar").action_on_failure(ActionOnFailure::Continue))
}

pub fn add_step_with_a_role() -> Result<Machine, BuildErrors> {
    let w = Workflow::new();
    let create = w.add(
        EmrCreateCluster::json_path("Create Cluster", path("$.ClusterName"), EmrInstancesConfig::new())
            .security_configuration(Cfn::reference("EmrSecurityConfiguration")),
    );
    let role = RoleRef::from_logical_id("StepRole");
    let step = w.add(
        EmrAddStep::json_path("Task", "ClusterId", "StepName", "Jar")
            .execution_role_arn(role.arn())
            .action_on_failure(ActionOnFailure::Continue),
    );
    StateMachine::new("StateMachine", create.next(step)).build()
}

pub fn cancel_step(w: &Workflow) -> Task {
    w.add(EmrCancelStep::json_path("Task", "ClusterId", "StepId"))
}

pub fn modify_instance_fleet(w: &Workflow) -> Task {
    w.add(EmrModifyInstanceFleetByName::json_path("Task", "ClusterId", "InstanceFleetName", 2, 0))
}

pub fn modify_instance_group(w: &Workflow) -> Task {
    let group = EmrInstanceGroupModifyConfig::new().instance_count(1);
    w.add(EmrModifyInstanceGroupByName::json_path("Task", "ClusterId", path("$.InstanceGroupName"), group))
}

pub fn create_virtual_cluster(w: &Workflow) -> Task {
    w.add(EmrContainersCreateVirtualCluster::json_path("Create a Virtual Cluster", "clusterId"))
}

pub fn create_virtual_cluster_of_a_cluster(w: &Workflow) -> Task {
    let cluster = EksClusterRef::from_logical_id("Cluster");
    w.add(EmrContainersCreateVirtualCluster::json_path("Create a Virtual Cluster", cluster.name()))
}

pub fn create_virtual_cluster_in_a_namespace(w: &Workflow) -> Task {
    w.add(
        EmrContainersCreateVirtualCluster::json_path("Create a Virtual Cluster", "clusterId")
            .eks_namespace("specified-namespace"),
    )
}

pub fn delete_virtual_cluster(w: &Workflow) -> Task {
    w.add(EmrContainersDeleteVirtualCluster::json_path("Delete a Virtual Cluster", path("$.virtualCluster")))
}

fn pi() -> SparkSubmitJobDriver<JsonPath> {
    SparkSubmitJobDriver::new("local:///usr/lib/spark/examples/src/main/python/pi.py")
}

const SPARK: &str = "--conf spark.executor.instances=2 --conf spark.executor.memory=2G \
    --conf spark.executor.cores=2 --conf spark.driver.cores=1";

fn spark_job(
    virtual_cluster: impl IntoVal<String, JsonPath>,
    driver: SparkSubmitJobDriver<JsonPath>,
) -> EmrContainersStartJobRun<JsonPath> {
    let id = "EMR Containers Start Job Run";
    // The original has the CDK make the role; here it is given.
    EmrContainersStartJobRun::json_path(id, virtual_cluster, ReleaseLabel::EMR_6_2_0, driver)
        .execution_role(RoleRef::from_logical_id("JobRole"))
}

pub fn spark_job_with_parameters(w: &Workflow) -> Task {
    w.add(spark_job("de92jdei2910fwedz", pi().spark_submit_parameters(SPARK)))
}

pub fn spark_job_with_configuration(w: &Workflow) -> Task {
    let defaults = ApplicationConfiguration::new(Classification::SPARK_DEFAULTS)
        .properties(obj!({ "spark.executor.instances": "1", "spark.executor.memory": "512M" }));
    w.add(spark_job("de92jdei2910fwedz", pi()).job_name("EMR-Containers-Job").application_config([defaults]))
}

pub fn spark_job_with_new_logs(w: &Workflow) -> Task {
    w.add(
        spark_job("de92jdei2910fwedz", pi().spark_submit_parameters(SPARK)).monitoring(Monitoring::new().logging(true)),
    )
}

pub fn spark_job_with_own_logs(w: &Workflow) -> Task {
    let monitoring = Monitoring::new()
        .log_group(LogGroupRef::from_logical_id("LogGroup"))
        .log_bucket(BucketRef::from_logical_id("S3Bucket"));
    w.add(spark_job("de92jdei2910fwedz", pi().spark_submit_parameters(SPARK)).monitoring(monitoring))
}

pub fn spark_job_with_a_role(w: &Workflow) -> Task {
    let role = RoleRef::from_arn("Job-Execution-Role", "arn:aws:iam::xxxxxxxxxxxx:role/JobExecutionRole");
    w.add(
        spark_job(path("$.VirtualClusterId"), pi().spark_submit_parameters(SPARK))
            .job_name("EMR-Containers-Job")
            .execution_role(&role),
    )
}

pub fn call_kubernetes(w: &Workflow) -> Task {
    let cluster = EksClusterRef::from_logical_id("mysamplecluster");
    let pods = "/api/v1/namespaces/default/pods";
    w.add(EksCall::json_path("Call a EKS Endpoint", &cluster, HttpMethod::Get, pods))
}

pub fn put_events(w: &Workflow) -> Task {
    let message = obj!({ "Message": "Hello from Step Functions!" });
    let entry = EventBridgePutEventsEntry::new(message, "MessageFromStepFunctions", "step.functions")
        .event_bus(EventBusRef::from_logical_id("EventBus"));
    w.add(EventBridgePutEvents::json_path("Send an event to EventBridge").entries([entry]))
}

pub fn databrew_job(w: &Workflow) -> Task {
    w.add(GlueDataBrewStartJobRun::json_path("Task", "databrew-job"))
}

fn vpc() -> VpcRef {
    VpcRef::new("vpc-12345").public_subnets(["s-12345", "s-67890"]).private_subnets(["p-12345", "p-67890"])
}

fn role_of_containers() -> RoleRef {
    RoleRef::from_logical_id("TDTaskRole")
}

pub fn task_on_ec2(w: &Workflow) -> Task {
    w.add(ec2_task().propagated_tag_source(PropagatedTagSource::TaskDefinition))
}

pub fn task_on_ec2_of_version_1(w: &Workflow) -> Task {
    w.add(ec2_task())
}

fn ec2_task() -> EcsRunTask<JsonPath, RunJob> {
    let cluster = EcsClusterRef::from_logical_id("Ec2Cluster", &vpc()).with_ec2_capacity();
    let family = "TestStackTDA1565983";
    let definition = TaskDefinitionRef::ec2(Cfn::reference("TD"), family, &role_of_containers(), ["TheContainer"]);
    let target = EcsEc2LaunchTarget::new()
        .placement_strategies([
            PlacementStrategy::spread_across_instances(),
            PlacementStrategy::packed_by_cpu(),
            PlacementStrategy::randomly(),
        ])
        .placement_constraints([PlacementConstraint::member_of(["blieptuut"])]);
    EcsRunTask::json_path("Run", &cluster, &definition, target).run_job()
}

fn fargate_definition() -> TaskDefinitionRef {
    let family = "TestStackTDA1565983";
    TaskDefinitionRef::fargate(Cfn::reference("TD"), family, &role_of_containers(), ["TheContainer"])
}

fn fargate_task() -> EcsRunTask<JsonPath, RunJob> {
    let cluster = EcsClusterRef::from_logical_id("FargateCluster", &vpc());
    let container = ContainerOverride::new("TheContainer").environment(obj!({ "SOME_KEY": path("$.SomeKey") }));
    EcsRunTask::json_path("RunFargate", &cluster, fargate_definition(), EcsFargateLaunchTarget::new())
        .run_job()
        .assign_public_ip(true)
        .container_overrides([container])
}

pub fn task_on_fargate(w: &Workflow) -> Task {
    w.add(fargate_task().propagated_tag_source(PropagatedTagSource::TaskDefinition))
}

pub fn task_on_fargate_of_version_1(w: &Workflow) -> Task {
    w.add(fargate_task())
}

pub fn task_with_more_cpu_and_memory(w: &Workflow) -> Task {
    let cluster = EcsClusterRef::from_logical_id("ECSCluster", &vpc());
    w.add(
        EcsRunTask::json_path("Run", &cluster, fargate_definition(), EcsFargateLaunchTarget::new())
            .run_job()
            .cpu("1024")
            .memory_mib("1048"),
    )
}

pub fn task_with_exec(w: &Workflow) -> Task {
    // As printed, the cluster has no instances, which is refused.
    let cluster = EcsClusterRef::from_logical_id("ECSCluster", &vpc()).with_ec2_capacity();
    let family = "TestStackTDA1565983";
    let definition = TaskDefinitionRef::ec2(Cfn::reference("TD"), family, &role_of_containers(), ["TheContainer"]);
    w.add(
        EcsRunTask::json_path("Run", &cluster, &definition, EcsEc2LaunchTarget::new())
            .run_job()
            .enable_execute_command(true),
    )
}
