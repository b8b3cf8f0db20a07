//! EMR on EKS: EmrContainersCreateVirtualCluster, EmrContainersDeleteVirtualCluster, EmrContainersStartJobRun.

use std::borrow::Cow;

use stepwell_value::{Str, Value};

use crate::cfn::{Cfn, Part};
use crate::iam::Statement;
use crate::json::{Fields, Json, ToJson};
use crate::path::path;
use crate::references::{BucketRef, LogGroupRef, RoleRef};
use crate::stack::{NewResource, Resource, logical_id};
use crate::task::{Task, TaskContext, TaskFields, record, task};
use crate::tasks::function::{NewFunction, NodeRuntime};
use crate::tasks::roles::{self, Rights};
use crate::{IntegrationPattern, QueryLanguage};

task! {
    /// Makes a virtual cluster: lets EMR work in a namespace of a cluster of EKS, which is given by its name.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let cluster = EksClusterRef::from_logical_id("Cluster");
    /// w.add(EmrContainersCreateVirtualCluster::json_path("Make", cluster.name()).eks_namespace("spark"));
    /// w.add(EmrContainersCreateVirtualCluster::json_path("Make another", path("$.cluster")));
    /// ```
    EmrContainersCreateVirtualCluster(CreateVirtualClusterProps) {
        patterns { RequestResponse }
        required {
            /// The name of the cluster of EKS (field `ContainerProvider.Id`).
            #[doc(alias = "eksCluster")]
            #[doc(alias = "EksClusterInput")]
            eks_cluster: text,
        }
        optional {
            /// The namespace; `default` if nothing is said (field `ContainerInfo.EksInfo.Namespace`).
            #[doc(alias = "eksNamespace")]
            eks_namespace: text,
            /// Tags of the virtual cluster.
            tags: object => "Tags",
            /// The name of the virtual cluster; made of those of the execution and the state if nothing is said
            /// (field `Name`).
            #[doc(alias = "virtualClusterName")]
            virtual_cluster_name: text,
        }
    }
}

task! {
    /// Deletes a virtual cluster, which is given by its id.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// w.add(EmrContainersDeleteVirtualCluster::json_path("Delete", path("$.cluster.Id")).run_job());
    /// ```
    EmrContainersDeleteVirtualCluster(DeleteVirtualClusterProps) {
        patterns { RequestResponse, run_job }
        required {
            /// The id of the virtual cluster.
            #[doc(alias = "virtualClusterId")]
            virtual_cluster_id: text => "Id",
        }
        optional {}
    }
}

task! {
    /// Runs a job of Spark in a virtual cluster, which is given by its id.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let role = RoleRef::from_logical_id("JobRole");
    /// let pi = SparkSubmitJobDriver::new("local:///usr/lib/spark/examples/src/main/python/pi.py");
    /// w.add(EmrContainersStartJobRun::json_path("Pi", path("$.cluster.Id"), ReleaseLabel::EMR_6_2_0, pi)
    ///     .execution_role(&role)
    ///     .application_config([ApplicationConfiguration::new(Classification::SPARK_DEFAULTS)
    ///         .properties(obj!({ "spark.executor.instances": "1" }))]));
    /// ```
    EmrContainersStartJobRun(StartJobRunProps) {
        patterns { RunJob, request_response }
        required {
            /// The id of the virtual cluster.
            #[doc(alias = "virtualCluster")]
            #[doc(alias = "VirtualClusterInput")]
            virtual_cluster: text => "VirtualClusterId",
            /// The release of EMR.
            #[doc(alias = "releaseLabel")]
            release_label: (ReleaseLabel) => "ReleaseLabel",
            /// What runs (field `JobDriver`).
            #[doc(alias = "jobDriver")]
            #[doc(alias = "sparkSubmitJobDriver")]
            job_driver: {SparkSubmitJobDriver},
        }
        optional {
            /// Configurations of applications, at most 100 (field `ConfigurationOverrides`).
            #[doc(alias = "applicationConfig")]
            application_config: {[ApplicationConfiguration]},
            /// The role that the job runs as; made if nothing is said and the id of the virtual cluster is known, with a function
            /// that lets the cluster's jobs have it (field `ExecutionRoleArn`).
            #[doc(alias = "executionRole")]
            execution_role: (RoleRef),
            /// The name of the run.
            #[doc(alias = "jobName")]
            job_name: text => "Name",
            /// Where the logs go (field `ConfigurationOverrides`).
            monitoring: {Monitoring},
            /// Tags of the run.
            tags: object => "Tags",
        }
    }
}

record! {
    /// A job of Spark: where its program lies, 1 to 256 characters.
    #[doc(alias = "JobDriver")]
    SparkSubmitJobDriver(DriverData) plain {
        required {
            /// The place of the program in S3, 1 to 256 characters.
            #[doc(alias = "entryPoint")]
            entry_point: text => "EntryPoint",
        }
        optional {
            /// The arguments of the program, 1 to 10,280.
            #[doc(alias = "entryPointArguments")]
            entry_point_arguments: texts => "EntryPointArguments",
            /// The arguments of `spark-submit`, 1 to 102,400 characters.
            #[doc(alias = "sparkSubmitParameters")]
            spark_submit_parameters: text => "SparkSubmitParameters",
        }
    }
}

record! {
    /// A configuration of an application: properties, or configurations within it, or both.
    ApplicationConfiguration(ApplicationConfigurationData) plain {
        required {
            /// Which configuration it is.
            classification: (Classification) => "Classification",
        }
        optional {
            /// Configurations within this one, at most 100 (field `Configurations`).
            #[doc(alias = "nestedConfig")]
            nested_config: {[ApplicationConfiguration]} => "Configurations",
            /// The settings, at most 100.
            properties: object => "Properties",
        }
    }
}

record! {
    /// Where the logs of a job go.
    Monitoring(MonitoringData) custom {
        required {}
        optional {
            /// The bucket for the logs; the job may write to it then (field `S3MonitoringConfiguration`).
            #[doc(alias = "logBucket")]
            log_bucket: (BucketRef),
            /// The log group for the logs; the job may write to it then (field `CloudWatchMonitoringConfiguration`).
            #[doc(alias = "logGroup")]
            log_group: (LogGroupRef),
            /// Makes a log group and a bucket where none is given.
            logging: (bool),
            /// What the names of log streams begin with (field `LogStreamNamePrefix`).
            #[doc(alias = "logStreamNamePrefix")]
            log_stream_name_prefix: text,
            /// Whether the user interface of Spark stays when the job is done; it does by default
            /// (field `PersistentAppUI`).
            #[doc(alias = "persistentAppUI")]
            persistent_app_ui: (bool),
        }
    }
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident { $($(#[$constant_doc:meta])* $constant:ident = $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(Cow<'static, str>);

        impl $name {
            $($(#[$constant_doc])* pub const $constant: $name = $name(Cow::Borrowed($text));)*

            /// Any other.
            pub fn new(name: &str) -> $name {
                $name(Cow::Owned(name.to_owned()))
            }
        }

        impl ToJson for $name {
            fn to_json(&self) -> Json {
                Json::from(&*self.0)
            }
        }
    )*};
}

names! {
    /// A release of EMR on EKS.
    ReleaseLabel {
        /// Release 5.32.0.
        EMR_5_32_0 = "emr-5.32.0-latest",
        /// Release 5.33.0.
        EMR_5_33_0 = "emr-5.33.0-latest",
        /// Release 6.2.0.
        EMR_6_2_0 = "emr-6.2.0-latest",
        /// Release 6.3.0.
        EMR_6_3_0 = "emr-6.3.0-latest",
    }

    /// What a configuration configures.
    Classification {
        /// Settings of EMR for Spark.
        SPARK = "spark",
        /// Values of `spark-defaults.conf`.
        SPARK_DEFAULTS = "spark-defaults",
        /// Values of the environment of Spark.
        SPARK_ENV = "spark-env",
        /// Values of `hive-site.xml` for Spark.
        SPARK_HIVE_SITE = "spark-hive-site",
        /// Values of `log4j.properties`.
        SPARK_LOG4J = "spark-log4j",
        /// Values of `metrics.properties`.
        SPARK_METRICS = "spark-metrics",
    }
}

impl Task for CreateVirtualClusterProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        cx.allow(["emr-containers:CreateVirtualCluster"], [Cfn::from("*")]);
        let role = "role/aws-service-role/emr-containers.amazonaws.com/AWSServiceRoleForAmazonEMRContainers";
        let role = cx.environment.arn_in("iam", Cfn::default(), cx.environment.account(), role);
        let service = Cfn::from("emr-containers.amazonaws.com");
        let linked = Statement::allow(["iam:CreateServiceLinkedRole"], [role]);
        cx.needs.statements.push(linked.when("StringLike", "iam:AWSServiceName", &service));
        let namespace = self.eks_namespace.clone().unwrap_or_else(|| Json::from("default"));
        let provider = Fields::new()
            .set("Id", self.eks_cluster.clone())
            .set("Info", Fields::new().set("EksInfo", Fields::new().set("Namespace", namespace)))
            .set("Type", "EKS");
        let name = self.virtual_cluster_name.clone().unwrap_or_else(|| default_name(cx.language));
        let fields = self.fields().set("Name", name).set("ContainerProvider", provider);
        TaskFields::new(cx.integration("emr-containers", "createVirtualCluster"), fields)
    }
}

/// The names of the execution and the state.
fn default_name(language: QueryLanguage) -> Json {
    match language {
        QueryLanguage::JsonPath => Json::Path(path("States.Format('{}/{}', $$.Execution.Name, $$.State.Name)")),
        // The CDK writes States.Format here, too, which no expression knows.
        QueryLanguage::Jsonata => Json::from("{% $states.context.Execution.Name & '/' & $states.context.State.Name %}"),
    }
}

impl Task for DeleteVirtualClusterProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        let mut actions = vec!["emr-containers:DeleteVirtualCluster"];
        if cx.pattern == IntegrationPattern::RunJob {
            actions.push("emr-containers:DescribeVirtualCluster");
        }
        let cluster = cx.arn_of_named("emr-containers", "/virtualclusters/", &self.virtual_cluster_id);
        cx.allow(actions, [cluster]);
        TaskFields::new(cx.integration("emr-containers", "deleteVirtualCluster"), self.fields())
    }
}

impl Task for StartJobRunProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        self.check(cx);
        let monitoring = self.monitoring.as_ref();
        let logging = monitoring.is_some_and(|monitoring| monitoring.logging == Some(true));
        let given = monitoring.and_then(|monitoring| monitoring.log_group.clone());
        let group = given.or_else(|| logging.then(|| new_log_group(cx)));
        let given = monitoring.and_then(|monitoring| monitoring.log_bucket.clone());
        let bucket = given.or_else(|| logging.then(|| new_bucket(cx)));
        let role = self.execution_role.clone().unwrap_or_else(|| self.new_role(cx));
        allow_logs(cx, &role, group.as_ref(), bucket.as_ref());
        self.allow(cx, &role);
        let settings = monitoring;
        let mut monitoring = Fields::new();
        if let Some(group) = &group {
            let prefix = settings.and_then(|settings| settings.log_stream_name_prefix.clone());
            let logs = Fields::new().set("LogGroupName", log_group_name(group)).set_opt("LogStreamNamePrefix", &prefix);
            monitoring.put("CloudWatchMonitoringConfiguration", logs);
        }
        let disabled = settings.is_some_and(|settings| settings.persistent_app_ui == Some(false));
        monitoring.put("PersistentAppUI", if disabled { "DISABLED" } else { "ENABLED" });
        if let Some(bucket) = &bucket {
            let uri = Cfn::from("s3://").then(bucket.name());
            monitoring.put("S3MonitoringConfiguration", Fields::new().set("LogUri", uri));
        }
        let overrides = Fields::new()
            .set_opt("ApplicationConfiguration", &self.application_config)
            .set("MonitoringConfiguration", monitoring);
        let fields = self
            .fields()
            .set("ExecutionRoleArn", role.arn().clone())
            .set("JobDriver", Fields::new().set("SparkSubmitJobDriver", self.job_driver.to_json()))
            .set("ConfigurationOverrides", overrides);
        TaskFields::new(cx.integration("emr-containers", "startJobRun"), fields)
    }
}

impl StartJobRunProps {
    fn allow(&self, cx: &mut TaskContext<'_>, role: &RoleRef) {
        let clusters = "/virtualclusters/";
        let cluster = cx.arn_of_named("emr-containers", clusters, &self.virtual_cluster);
        let start = Statement::allow(["emr-containers:StartJobRun"], [cluster]);
        cx.needs.statements.push(start.when("StringEquals", "emr-containers:ExecutionRoleArn", role.arn()));
        if cx.pattern == IntegrationPattern::RunJob {
            let runs = match self.virtual_cluster.deployed() {
                Some(id) => Cfn::from(clusters).then(id).then("/jobruns/*"),
                None => Cfn::from(clusters).then("*"),
            };
            let runs = cx.arn("emr-containers", runs);
            cx.allow(["emr-containers:DescribeJobRun", "emr-containers:CancelJobRun"], [runs]);
        }
    }

    /// A role for the job, and what lets the jobs of the virtual cluster have it once that cluster is known.
    fn new_role(&self, cx: &mut TaskContext<'_>) -> RoleRef {
        let trust = [roles::trusted("emr-containers.amazonaws.com"), roles::trusted("states.amazonaws.com")];
        let role = roles::new_role(cx, "Job-Execution-Role", trust, Rights::None);
        let properties = Fields::new()
            .set("ServiceToken", trust_function(cx, &role))
            .set("VirtualClusterId", self.virtual_cluster.clone())
            .set("RoleName", roles::role_name(&role));
        roles::make(cx, ["Custom Resource", "Default"], "AWS::CloudFormation::CustomResource", properties);
        role
    }

    fn check(&self, cx: &mut TaskContext<'_>) {
        if self.execution_role.is_none() && self.virtual_cluster.is_dynamic() {
            cx.refuse(
                "ExecutionRoleCannotBeUndefined",
                "Execution role cannot be undefined when the virtual cluster ID is not a concrete value. Provide an execution role with the correct trust policy",
            );
        }
        check_configurations(cx, self.application_config.as_deref().unwrap_or_default());
        let driver = &self.job_driver;
        if let Some(length) = literal_length(&driver.entry_point).filter(|length| !(1..=256).contains(length)) {
            let message = format!("Entry point must be between 1 and 256 characters in length. Received {length}.");
            cx.refuse("EntryPointLengthOutOfRange", message);
        }
        if let Some(Json::Array(arguments)) = &driver.entry_point_arguments
            && !(1..=10_280).contains(&arguments.len())
        {
            let message = format!(
                "Entry point arguments must be a string array between 1 and 10280 in length. Received {}.",
                arguments.len(),
            );
            cx.refuse("EntryPointArgumentsLengthOutOfRange", message);
        }
        let parameters = driver.spark_submit_parameters.as_ref().and_then(literal_length);
        if let Some(length) = parameters.filter(|length| !(1..=102_400).contains(length)) {
            let message = format!(
                "Spark submit parameters must be between 1 and 102400 characters in length. Received {length}."
            );
            cx.refuse("SparkSubmitParametersLengthOutOfRange", message);
        }
    }
}

/// What lets the jobs of a virtual cluster have a role; CloudFormation calls it. It stands for the functions, the
/// layer and the two custom resources that the CDK makes.
const TRUST: &str = include_str!("functions/trust.js");

/// The function that completes the trust policy of the role; its ARN.
fn trust_function(cx: &mut TaskContext<'_>, role: &RoleRef) -> Cfn {
    let statements = vec![
        Statement::allow(["emr-containers:DescribeVirtualCluster"], [Cfn::from("*")]),
        Statement::allow(["eks:DescribeCluster"], [cx.arn("eks", "cluster/*")]),
        Statement::allow(["iam:GetRole", "iam:UpdateAssumeRolePolicy"], [role.arn().clone()]),
    ];
    let function = NewFunction {
        path: &roles::path_below(cx, ["TrustPolicyFunction"]),
        role: &roles::path_below(cx, ["TrustPolicyFunctionRole"]),
        code: TRUST,
        runtime: NodeRuntime::LATEST,
        architecture: None,
        timeout_s: Some(30),
        statements,
    };
    function.make(cx)
}

/// How deep configurations may lie within each other; the service takes far fewer.
const NESTED_CONFIGURATIONS_MAX: usize = 100;

fn check_configurations(cx: &mut TaskContext<'_>, configurations: &[ApplicationConfigurationData]) {
    let mut lists = vec![(configurations, 0)];
    while let Some((configurations, depth)) = lists.pop() {
        if configurations.len() > 100 {
            let message = format!(
                "Application configuration array must have 100 or fewer entries. Received {}",
                configurations.len(),
            );
            cx.refuse("ApplicationConfigurationArrayFewerThan100", message);
            continue;
        }
        if depth > NESTED_CONFIGURATIONS_MAX {
            cx.refuse("ApplicationConfigurationTooDeep", "Application configurations are nested too deep.");
            continue;
        }
        for configuration in configurations {
            let nested = configuration.nested_config.as_deref();
            let properties = configuration.properties.as_ref();
            if let Some(Json::Object(properties)) = properties
                && properties.len() > 100
            {
                let message = format!(
                    "Application configuration properties must have 100 or fewer entries. Received {}",
                    properties.len(),
                );
                cx.refuse("ApplicationConfigurationPropertiesFewerThan100", message);
            }
            if properties.is_none() && nested.is_none() {
                cx.refuse(
                    "ApplicationConfigurationEitherPropertiesOrNestedConfig",
                    "Application configuration must have either properties or nested app configurations defined.",
                );
            }
            lists.extend(nested.map(|nested| (nested, depth + 1)));
        }
    }
}

/// Lets the job write its logs.
fn allow_logs(cx: &mut TaskContext<'_>, role: &RoleRef, group: Option<&LogGroupRef>, bucket: Option<&BucketRef>) {
    if let Some(bucket) = bucket {
        let actions = [
            "s3:GetObject*",
            "s3:GetBucket*",
            "s3:List*",
            "s3:DeleteObject*",
            "s3:PutObject",
            "s3:PutObjectLegalHold",
            "s3:PutObjectRetention",
            "s3:PutObjectTagging",
            "s3:PutObjectVersionTagging",
            "s3:Abort*",
        ];
        let places = [bucket.arn().clone(), bucket.arn_for_objects("*")];
        roles::grant_bucket(cx, role, bucket, Statement::allow(actions, places));
    }
    if let Some(group) = group {
        let streams = group.arn().clone();
        let write = Statement::allow(["logs:CreateLogStream", "logs:PutLogEvents"], [streams.clone()]);
        roles::grant_log_group(cx, role, group, write);
        let itself = cx.arn("logs", Cfn::from("log-group:").then(log_group_name(group)));
        let describe = Statement::allow(["logs:DescribeLogStreams"], [itself, streams]);
        roles::grant_log_group(cx, role, group, describe);
    }
    let groups = cx.arn("logs", "*");
    roles::grant(cx, role, [Statement::allow(["logs:DescribeLogGroups"], [groups])]);
}

fn new_log_group(cx: &mut TaskContext<'_>) -> LogGroupRef {
    const ID: &str = "Monitoring Log Group";
    let properties = Fields::new().set("RetentionInDays", Value::from(731));
    let logical_id = retained(cx, ID, "AWS::Logs::LogGroup", properties);
    LogGroupRef::made(&logical_id, roles::path_below(cx, [ID]))
}

fn new_bucket(cx: &mut TaskContext<'_>) -> BucketRef {
    const ID: &str = "Monitoring Bucket";
    let logical_id = retained(cx, ID, "AWS::S3::Bucket", Fields::new());
    BucketRef::made(&logical_id, roles::path_below(cx, [ID]))
}

/// Makes a resource below the task that stays when the stack is deleted; its logical id.
fn retained(cx: &mut TaskContext<'_>, id: &str, kind: &str, properties: Fields) -> Str {
    let logical_id = Str::from(logical_id(&roles::path_below(cx, [id, "Resource"])));
    let resource = Resource { deletion_policy: Some("Retain"), ..Resource::new(kind, properties) };
    cx.needs.resources.push(NewResource { logical_id: logical_id.clone(), resource });
    logical_id
}

/// The name in the ARN of a log group: what a resource of the template is referred to by, or the part before `:*`.
fn log_group_name(group: &LogGroupRef) -> Cfn {
    let arn = group.arn();
    if let [Part::Token(token)] = arn.parts()
        && let Some(get_att) = token.get("Fn::GetAtt").and_then(Value::as_array)
        && let Some(logical_id) = get_att.first().and_then(Value::as_str)
    {
        return Cfn::reference(logical_id);
    }
    if let Some(Part::Text(last)) = arn.parts().last()
        && let Some((_, name)) = last.split_once("log-group:")
    {
        return Cfn::from(name.strip_suffix(":*").unwrap_or(name));
    }
    arn.part(6, ":")
}

/// The length of a text that is known now, as JavaScript counts it.
fn literal_length(text: &Json) -> Option<usize> {
    text.literal().map(|text| text.encode_utf16().count())
}
