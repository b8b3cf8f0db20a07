//! Athena: AthenaStartQueryExecution, AthenaGetQueryExecution, AthenaGetQueryResults, AthenaStopQueryExecution.

use std::time::Duration;

use stepwell_value::Value;

use crate::cfn::Cfn;
use crate::field::whole_minutes;
use crate::iam::Statement;
use crate::json::{Fields, Json, ToJson};
use crate::references::{BucketRef, KeyRef};
use crate::state::words;
use crate::task::{Task, TaskContext, TaskFields, record, task};

task! {
    /// Starts a query.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let results = BucketRef::from_name("query-results");
    /// w.add(AthenaStartQueryExecution::json_path("Report", path("$.query"))
    ///     .run_job()
    ///     .query_execution_context(QueryExecutionContext::new().database_name("sales"))
    ///     .result_configuration(ResultConfiguration::new().output_location(&results, "daily")));
    /// ```
    AthenaStartQueryExecution(AthenaStartQueryExecutionProps) {
        patterns { RequestResponse, run_job }
        required {
            /// The text of the query.
            #[doc(alias = "queryString")]
            query_string: text => "QueryString",
        }
        optional {
            /// By what a repeated request is found, 32 to 128 characters.
            #[doc(alias = "clientRequestToken")]
            client_request_token: text => "ClientRequestToken",
            /// Where the query looks for tables (field `QueryExecutionContext`).
            #[doc(alias = "queryExecutionContext")]
            query_execution_context: {QueryExecutionContext},
            /// Where and how results are kept (field `ResultConfiguration`).
            #[doc(alias = "resultConfiguration")]
            result_configuration: {ResultConfiguration},
            /// How old results may be that are used again: 0, or 1 to 10,080 whole minutes (field `ResultReuseConfiguration`).
            #[doc(alias = "resultReuseConfigurationMaxAge")]
            result_reuse_max_age: (Duration),
            /// The values of the question marks in the query, 1 to 1,024 characters each.
            #[doc(alias = "executionParameters")]
            execution_parameters: texts => "ExecutionParameters",
            /// The workgroup; `primary` if nothing is said.
            #[doc(alias = "workGroup")]
            work_group: text => "WorkGroup",
        }
    }
}

record! {
    /// Where a query looks for tables.
    QueryExecutionContext(QueryExecutionContextData) plain {
        required {}
        optional {
            /// The data catalog; `AwsDataCatalog` if nothing is said.
            #[doc(alias = "catalogName")]
            catalog_name: text => "Catalog",
            /// The database; `default` if nothing is said.
            #[doc(alias = "databaseName")]
            database_name: text => "Database",
        }
    }
}

record! {
    /// Where and how results of queries are kept.
    ResultConfiguration(ResultConfigurationData) custom {
        required {}
        optional {
            /// How results are encrypted (field `EncryptionConfiguration`).
            #[doc(alias = "encryptionOption")]
            encryption: (EncryptionOption),
            /// The key, unless S3 has it (field `EncryptionConfiguration.KmsKey`).
            #[doc(alias = "encryptionKey")]
            encryption_key: (KeyRef),
            /// The bucket and folder; more easily said by [`output_location`](ResultConfiguration::output_location) (field `OutputLocation`).
            location: (ResultLocation),
        }
    }
}

impl<L: crate::Language> ResultConfiguration<L> {
    /// The bucket and folder (field `OutputLocation`).
    #[doc(alias = "outputLocation")]
    #[must_use]
    pub fn output_location(self, bucket: &BucketRef, folder: impl Into<Cfn>) -> Self {
        self.location(ResultLocation { bucket: bucket.name().clone(), folder: folder.into() })
    }
}

/// A bucket and a folder in it.
#[derive(Clone, Debug)]
pub struct ResultLocation {
    bucket: Cfn,
    folder: Cfn,
}

words! {
    /// How results are encrypted.
    EncryptionOption {
        /// By a key of S3
        S3Managed = "SSE_S3",
        /// By a key of KMS
        Kms = "SSE_KMS",
        /// By a key of KMS, before they are sent
        ClientSideKms = "CSE_KMS",
    }
}

impl ToJson for ResultConfigurationData {
    fn to_json(&self) -> Json {
        let mut fields = Fields::new();
        if let Some(option) = self.encryption {
            let key = self.encryption_key.as_ref().map(|key| key.arn().clone());
            fields.put(
                "EncryptionConfiguration",
                Fields::new().set("EncryptionOption", option.to_json()).set_opt("KmsKey", &key),
            );
        }
        if let Some(ResultLocation { bucket, folder }) = &self.location {
            let url = Cfn::join([Cfn::from("s3://"), bucket.clone(), Cfn::from("/"), folder.clone(), Cfn::from("/")]);
            fields.put("OutputLocation", url);
        }
        fields.into()
    }
}

impl Task for AthenaStartQueryExecutionProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        self.check(cx);
        self.permissions(cx);
        let mut fields = self.fields();
        let context = self.query_execution_context.as_ref().map(QueryExecutionContextData::fields);
        if let Some(context) = context.filter(|context| !context.is_empty()) {
            fields.put("QueryExecutionContext", context);
        }
        let results = self.result_configuration.as_ref().map_or_else(|| Fields::new().into(), ToJson::to_json);
        fields.put("ResultConfiguration", results);
        if let Some(age) = self.result_reuse_max_age {
            let by_age = Fields::new().set("Enabled", Value::from(true)).set("MaxAgeInMinutes", whole_minutes(age));
            fields.put("ResultReuseConfiguration", Fields::new().set("ResultReuseByAgeConfiguration", by_age));
        }
        TaskFields::new(cx.integration("athena", "startQueryExecution"), fields)
    }
}

const DAYS_7_IN_MINUTES: u64 = 10_080;

impl AthenaStartQueryExecutionProps {
    fn check(&self, cx: &mut TaskContext<'_>) {
        if let Some(Json::Array(parameters)) = &self.execution_parameters {
            if parameters.is_empty() {
                cx.refuse("ExecutionParametersNonEmptyList", "'executionParameters' must be a non-empty list");
            }
            let lengths = parameters.iter().filter_map(Json::literal).map(|text| text.chars().count());
            if lengths.into_iter().any(|length| !(1..=1024).contains(&length)) {
                let message = "'executionParameters' items's length must be between 1 and 1024 characters";
                cx.refuse("ExecutionParametersItemsLengthCharacters", message);
            }
        }
        let Some(age) = self.result_reuse_max_age else { return };
        if age > Duration::ZERO && age < Duration::from_secs(60) {
            let millis = age.as_millis();
            let message = format!(
                "resultReuseConfigurationMaxAge must be greater than or equal to 1 minute or be equal to 0, got {millis} ms"
            );
            cx.refuse("ResultReuseConfigurationMaxAge", message);
        }
        let minutes = age.as_secs() / 60;
        if minutes > DAYS_7_IN_MINUTES {
            let message = format!(
                "resultReuseConfigurationMaxAge must either be 0 or between 1 and 10080 minutes, got {minutes}"
            );
            cx.refuse("ResultReuseConfigurationMaxAge", message);
        }
    }

    fn permissions(&self, cx: &mut TaskContext<'_>) {
        let context = self.query_execution_context.as_ref();
        let named = |name: Option<&Json>, default: &str| match name {
            Some(name) => name.deployed().unwrap_or_else(|| Cfn::from("*")),
            None => Cfn::from(default),
        };
        let catalog = named(context.and_then(|context| context.catalog_name.as_ref()), "AwsDataCatalog");
        let database = named(context.and_then(|context| context.database_name.as_ref()), "default");
        let work_group = named(self.work_group.as_ref(), "primary");
        let resources = [
            cx.arn("athena", Cfn::from("datacatalog/").then(catalog)),
            cx.arn("athena", Cfn::from("workgroup/").then(work_group)),
        ];
        cx.allow(["athena:getDataCatalog", "athena:startQueryExecution", "athena:getQueryExecution"], resources);
        let everything = || Cfn::from("*");
        cx.allow(["s3:CreateBucket", "s3:ListBucket", "s3:GetBucketLocation", "s3:GetObject"], [everything()]);
        let location = self.result_configuration.as_ref().and_then(|results| results.location.as_ref());
        let written = location.map_or_else(everything, |ResultLocation { bucket, folder }| {
            let objects = Cfn::join([bucket.clone(), Cfn::from("/"), folder.clone(), Cfn::from("/*")]);
            cx.environment.arn_in("s3", Cfn::default(), Cfn::default(), objects)
        });
        cx.allow(
            ["s3:AbortMultipartUpload", "s3:ListBucketMultipartUploads", "s3:ListMultipartUploadParts", "s3:PutObject"],
            [written],
        );
        cx.allow(["lakeformation:GetDataAccess"], [everything()]);
        let tables = [
            cx.arn("glue", "catalog"),
            cx.arn("glue", Cfn::from("database/").then(&database)),
            cx.arn("glue", Cfn::from("table/").then(&database).then("/*")),
            cx.arn("glue", Cfn::from("userDefinedFunction/").then(&database).then("/*")),
        ];
        cx.needs.statements.push(Statement::allow(GLUE_ACTIONS, tables));
    }
}

const GLUE_ACTIONS: [&str; 19] = [
    "glue:BatchCreatePartition",
    "glue:BatchDeletePartition",
    "glue:BatchDeleteTable",
    "glue:BatchGetPartition",
    "glue:CreateDatabase",
    "glue:CreatePartition",
    "glue:CreateTable",
    "glue:DeleteDatabase",
    "glue:DeletePartition",
    "glue:DeleteTable",
    "glue:GetDatabase",
    "glue:GetDatabases",
    "glue:GetPartition",
    "glue:GetPartitions",
    "glue:GetTable",
    "glue:GetTables",
    "glue:UpdateDatabase",
    "glue:UpdatePartition",
    "glue:UpdateTable",
];

task! {
    /// Asks how a query is doing.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// w.add(AthenaGetQueryExecution::json_path("Ask", path("$.QueryExecutionId")));
    /// ```
    AthenaGetQueryExecution(AthenaGetQueryExecutionProps) {
        patterns { RequestResponse }
        required {
            /// The id of the query.
            #[doc(alias = "queryExecutionId")]
            query_execution_id: text => "QueryExecutionId",
        }
        optional {}
    }
}

impl Task for AthenaGetQueryExecutionProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        cx.allow(["athena:getQueryExecution"], [Cfn::from("*")]);
        TaskFields::new(cx.integration("athena", "getQueryExecution"), self.fields())
    }
}

task! {
    /// Reads the results of a query.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// w.add(AthenaGetQueryResults::json_path("Read", path("$.QueryExecutionId")).max_results(10));
    /// ```
    AthenaGetQueryResults(AthenaGetQueryResultsProps) {
        patterns { RequestResponse }
        required {
            /// The id of the query.
            #[doc(alias = "queryExecutionId")]
            query_execution_id: text => "QueryExecutionId",
        }
        optional {
            /// The most rows, at most 1,000.
            #[doc(alias = "maxResults")]
            max_results: int => "MaxResults",
            /// Where an answer that was cut off goes on.
            #[doc(alias = "nextToken")]
            next_token: text => "NextToken",
        }
    }
}

impl Task for AthenaGetQueryResultsProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        cx.allow(["athena:getQueryResults"], [Cfn::from("*")]);
        cx.allow(["s3:GetObject"], [Cfn::from("*")]);
        TaskFields::new(cx.integration("athena", "getQueryResults"), self.fields())
    }
}

task! {
    /// Stops a query.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// w.add(AthenaStopQueryExecution::json_path("Stop", path("$.QueryExecutionId")));
    /// ```
    AthenaStopQueryExecution(AthenaStopQueryExecutionProps) {
        patterns { RequestResponse }
        required {
            /// The id of the query.
            #[doc(alias = "queryExecutionId")]
            query_execution_id: text => "QueryExecutionId",
        }
        optional {}
    }
}

impl Task for AthenaStopQueryExecutionProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        cx.allow(["athena:stopQueryExecution"], [Cfn::from("*")]);
        TaskFields::new(cx.integration("athena", "stopQueryExecution"), self.fields())
    }
}
