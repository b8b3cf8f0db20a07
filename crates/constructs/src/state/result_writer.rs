//! Where a distributed map writes its results.

use std::marker::PhantomData;

use super::item_reader::{BucketData, ReaderBucket, all_objects};
use super::words;
use crate::cfn::Cfn;
use crate::field::IntoVal;
use crate::iam::Statement;
use crate::json::{Fields, Json, ToJson};
use crate::language::{Language, QueryLanguage};
use crate::references::BucketRef;

/// Writes the results of a distributed map to S3.
///
/// The CDK's first version, which counts while the flag of the second one is off; see [`ResultWriterV2`].
#[derive(Clone, Debug)]
pub struct ResultWriter {
    data: WriterData,
}

impl ResultWriter {
    /// A writer to the bucket.
    pub fn new(bucket: &BucketRef) -> ResultWriter {
        let data = WriterData { bucket: Some(BucketData::Known(bucket.clone())), ..WriterData::default() };
        ResultWriter { data }
    }

    /// What the keys of the results begin with (ASL field `Parameters.Prefix`).
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<Cfn>) -> ResultWriter {
        self.data.prefix = Some(Json::Cfn(prefix.into()));
        self
    }

    pub(crate) fn into_data(self) -> WriterData {
        self.data
    }
}

/// Writes the results of a distributed map to S3, in a form of choice.
///
/// ```
/// use stepwell_constructs::*;
///
/// let config = WriterConfig { output_type: OutputType::Jsonl, transformation: Transformation::Compact };
/// let bucket = BucketRef::from_name("results");
/// DistributedMap::json_path("Rows")
///     .result_writer_v2(ResultWriterV2::new().bucket(&bucket).prefix("nightly").writer_config(config));
/// ```
#[derive(Clone, Debug)]
pub struct ResultWriterV2<L> {
    data: WriterData,
    language: PhantomData<fn() -> L>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct WriterData {
    bucket: Option<BucketData>,
    prefix: Option<Json>,
    config: Option<WriterConfig>,
}

impl<L: Language> ResultWriterV2<L> {
    /// A writer that says nothing yet: neither where nor how.
    pub fn new() -> Self {
        ResultWriterV2 { data: WriterData::default(), language: PhantomData }
    }

    /// The bucket (ASL field `Bucket`).
    #[must_use]
    pub fn bucket(mut self, bucket: impl ReaderBucket<L>) -> Self {
        self.data.bucket = Some(bucket.into_bucket().0);
        self
    }

    /// What the keys of the results begin with (ASL field `Prefix`).
    #[must_use]
    pub fn prefix(mut self, prefix: impl IntoVal<String, L>) -> Self {
        self.data.prefix = Some(prefix.into_val().0);
        self
    }

    /// The form of the results (ASL field `WriterConfig`).
    #[doc(alias = "writerConfig")]
    #[must_use]
    pub fn writer_config(mut self, config: WriterConfig) -> Self {
        self.data.config = Some(config);
        self
    }

    pub(crate) fn into_data(self) -> WriterData {
        self.data
    }
}

impl<L: Language> Default for ResultWriterV2<L> {
    fn default() -> Self {
        ResultWriterV2::new()
    }
}

/// The form of the results of a distributed map (ASL field `WriterConfig`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriterConfig {
    /// The format of the files.
    #[doc(alias = "outputType")]
    pub output_type: OutputType,
    /// What stands in them.
    pub transformation: Transformation,
}

words! {
    /// The format of the files of results.
    OutputType {
        /// One JSON array
        Json = "JSON",
        /// A line of JSON for each result
        Jsonl = "JSONL",
    }
    /// What stands in the files of results.
    Transformation {
        /// Outputs and what is known of the executions
        None = "NONE",
        /// The outputs alone
        Compact = "COMPACT",
        /// The outputs, arrays taken apart
        Flatten = "FLATTEN",
    }
}

impl WriterData {
    /// The field `ResultWriter`.
    pub(crate) fn fields(&self, language: QueryLanguage, resource: Cfn) -> Fields {
        let mut fields = Fields::new();
        if let Some(bucket) = &self.bucket {
            let parameters = Fields::new().set("Bucket", bucket.name()).set_opt("Prefix", &self.prefix);
            fields.put("Resource", resource);
            let key = if language == QueryLanguage::JsonPath { "Parameters" } else { "Arguments" };
            fields.put(key, parameters);
        }
        if let Some(config) = self.config {
            fields.put(
                "WriterConfig",
                Fields::new()
                    .set("OutputType", config.output_type.to_json())
                    .set("Transformation", config.transformation.to_json()),
            );
        }
        fields
    }

    pub(crate) fn says_nothing(&self) -> bool {
        self.bucket.is_none() && self.config.is_none()
    }

    pub(crate) fn statement(&self) -> Option<Statement> {
        let objects = match self.bucket.as_ref()? {
            BucketData::Known(bucket) => all_objects(bucket),
            BucketData::Computed(_) => Cfn::from("*"),
        };
        let actions = ["s3:PutObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload"];
        Some(Statement::allow(actions, [objects]))
    }
}
