//! Where a distributed map reads its items from.

use std::marker::PhantomData;

use stepwell_value::Value;

use super::words;
use crate::cfn::Cfn;
use crate::field::IntoVal;
use crate::iam::Statement;
use crate::json::{Fields, Json, ToJson};
use crate::language::{JsonPath, Jsonata, Language, QueryLanguage};
use crate::path::{Expr, Path};
use crate::references::BucketRef;

/// What reads the items of a [`DistributedMap`](crate::DistributedMap).
pub trait ItemReader<L> {
    #[doc(hidden)]
    fn into_data(self) -> ItemReaderData;
}

/// A reader, whatever its kind.
#[derive(Clone, Debug)]
pub struct ItemReaderData {
    api: &'static str,
    bucket: BucketData,
    object: Option<(&'static str, Json)>,
    config: Fields,
}

/// The bucket of a reader or writer.
#[derive(Clone, Debug)]
pub(crate) enum BucketData {
    Known(BucketRef),
    Computed(Json),
}

/// Whatever can say which bucket is meant: a [`BucketRef`], or a path or expression for its name.
#[doc(alias = "bucketNamePath")]
pub trait ReaderBucket<L> {
    #[doc(hidden)]
    fn into_bucket(self) -> Bucket;
}

/// A bucket, in a form that no one else needs.
#[derive(Clone, Debug)]
pub struct Bucket(pub(crate) BucketData);

impl<L> ReaderBucket<L> for &BucketRef {
    fn into_bucket(self) -> Bucket {
        Bucket(BucketData::Known(self.clone()))
    }
}

impl ReaderBucket<JsonPath> for Path {
    fn into_bucket(self) -> Bucket {
        Bucket(BucketData::Computed(Json::Path(self)))
    }
}

impl ReaderBucket<Jsonata> for Expr {
    fn into_bucket(self) -> Bucket {
        Bucket(BucketData::Computed(Json::Value(Value::from(self.0))))
    }
}

impl BucketData {
    pub(crate) fn name(&self) -> Json {
        match self {
            BucketData::Known(bucket) => Json::Cfn(bucket.name().clone()),
            BucketData::Computed(name) => name.clone(),
        }
    }
}

impl ItemReaderData {
    /// The field `ItemReader`.
    pub(crate) fn fields(&self, language: QueryLanguage, resource: Cfn) -> Fields {
        let mut parameters = Fields::new().set("Bucket", self.bucket.name());
        if let Some((key, value)) = &self.object {
            parameters.put(*key, value.clone());
        }
        let mut fields = Fields::new().set("Resource", resource);
        if !self.config.is_empty() {
            fields.put("ReaderConfig", self.config.clone());
        }
        match language {
            QueryLanguage::JsonPath => fields.set("Parameters", parameters),
            QueryLanguage::Jsonata => fields.set("Arguments", parameters),
        }
    }

    pub(crate) fn api(&self) -> &'static str {
        self.api
    }

    pub(crate) fn statement(&self) -> Statement {
        let objects = self.api == "listObjectsV2";
        match (&self.bucket, objects) {
            (BucketData::Known(bucket), true) => Statement::allow(["s3:ListBucket"], [bucket.arn().clone()]),
            (BucketData::Known(bucket), false) => Statement::allow(["s3:GetObject"], [all_objects(bucket)]),
            (BucketData::Computed(_), true) => Statement::allow(["s3:ListBucket"], [Cfn::from("*")]),
            (BucketData::Computed(_), false) => Statement::allow(["s3:GetObject"], [Cfn::from("*")]),
        }
    }
}

/// Every object of a bucket, by the name of the bucket.
pub(crate) fn all_objects(bucket: &BucketRef) -> Cfn {
    Cfn::join([Cfn::from("arn:"), Cfn::partition(), Cfn::from(":s3:::"), bucket.name().clone(), Cfn::from("/*")])
}

macro_rules! readers {
    ($($(#[$doc:meta])* $name:ident: $input_type:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name<L> {
            data: ItemReaderData,
            language: PhantomData<fn() -> L>,
        }

        impl<L: Language> $name<L> {
            /// A reader of the object with this key.
            pub fn new(bucket: impl ReaderBucket<L>, key: impl IntoVal<String, L>) -> Self {
                let data = ItemReaderData {
                    api: "getObject",
                    bucket: bucket.into_bucket().0,
                    object: Some(("Key", key.into_val().0)),
                    config: Fields::new().set("InputType", $input_type),
                };
                $name { data, language: PhantomData }
            }

            /// The most items that are read (ASL field `ReaderConfig.MaxItems`).
            #[doc(alias = "maxItems")]
            #[must_use]
            pub fn max_items(mut self, items: u32) -> Self {
                self.data.config.put("MaxItems", Value::from(items));
                self
            }
        }
    )*};
}

readers! {
    /// Reads the items of a JSON array in S3.
    S3JsonItemReader: "JSON";
    /// Reads the lines of a file of JSON lines in S3.
    S3JsonLItemReader: "JSONL";
    /// Reads the objects that a manifest of S3 Inventory lists.
    S3ManifestItemReader: "MANIFEST";
    /// Reads the rows of a CSV file in S3; each is an object by the names of the columns.
    S3CsvItemReader: "CSV";
}

impl<L> ItemReader<L> for S3JsonItemReader<L> {
    fn into_data(self) -> ItemReaderData {
        self.data
    }
}

impl<L> ItemReader<L> for S3JsonLItemReader<L> {
    fn into_data(self) -> ItemReaderData {
        self.data
    }
}

impl<L> ItemReader<L> for S3ManifestItemReader<L> {
    fn into_data(self) -> ItemReaderData {
        self.data
    }
}

impl<L> ItemReader<L> for S3CsvItemReader<L> {
    fn into_data(self) -> ItemReaderData {
        let mut data = self.data;
        if !data.config.contains("CSVHeaderLocation") {
            data.config.put("CSVHeaderLocation", "FIRST_ROW");
        }
        data
    }
}

impl<L: Language> S3CsvItemReader<L> {
    /// The names of the columns (ASL fields `CSVHeaderLocation` and `CSVHeaders`); by default the first row has them.
    #[doc(alias = "csvHeaders")]
    #[must_use]
    pub fn csv_headers(mut self, headers: impl Into<CsvHeaders>) -> Self {
        if let CsvHeaders::Given(names) = headers.into() {
            self.data.config.put("CSVHeaderLocation", "GIVEN");
            self.data
                .config
                .put("CSVHeaders", Json::Array(names.iter().map(|name| Json::from(name.as_str())).collect()));
        }
        self
    }

    /// What separates the columns (ASL field `CSVDelimiter`); a comma by default.
    #[doc(alias = "csvDelimiter")]
    #[must_use]
    pub fn csv_delimiter(mut self, delimiter: CsvDelimiter) -> Self {
        self.data.config.put("CSVDelimiter", delimiter.to_json());
        self
    }
}

/// Where the names of the columns of a CSV file come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CsvHeaders {
    /// The first row.
    #[doc(alias = "CsvHeaders.useFirstRow")]
    FirstRow,
    /// They are given.
    Given(Vec<String>),
}

impl<S: Into<String>, const N: usize> From<[S; N]> for CsvHeaders {
    fn from(names: [S; N]) -> CsvHeaders {
        CsvHeaders::Given(names.into_iter().map(Into::into).collect())
    }
}

impl From<Vec<String>> for CsvHeaders {
    fn from(names: Vec<String>) -> CsvHeaders {
        CsvHeaders::Given(names)
    }
}

words! {
    /// What separates the columns of a CSV file.
    CsvDelimiter {
        /// `,`
        Comma = "COMMA",
        /// `|`
        Pipe = "PIPE",
        /// `;`
        Semicolon = "SEMICOLON",
        /// A space
        Space = "SPACE",
        /// A tab
        Tab = "TAB",
    }
}

/// Reads the list of the objects of a bucket; each item describes one.
///
/// ```
/// use stepwell_constructs::*;
///
/// DistributedMap::json_path("Pictures").item_reader(S3ObjectsItemReader::new(path("$.bucket")).prefix("in/").max_items(1000));
/// ```
#[derive(Clone, Debug)]
pub struct S3ObjectsItemReader<L> {
    data: ItemReaderData,
    language: PhantomData<fn() -> L>,
}

impl<L: Language> S3ObjectsItemReader<L> {
    /// A reader of all objects of the bucket.
    pub fn new(bucket: impl ReaderBucket<L>) -> Self {
        let data = ItemReaderData {
            api: "listObjectsV2",
            bucket: bucket.into_bucket().0,
            object: None,
            config: Fields::new(),
        };
        S3ObjectsItemReader { data, language: PhantomData }
    }

    /// Only objects whose keys begin with it (ASL field `Parameters.Prefix`).
    #[must_use]
    pub fn prefix(mut self, prefix: impl IntoVal<String, L>) -> Self {
        self.data.object = Some(("Prefix", prefix.into_val().0));
        self
    }

    /// The most objects that are read (ASL field `ReaderConfig.MaxItems`).
    #[doc(alias = "maxItems")]
    #[must_use]
    pub fn max_items(mut self, items: u32) -> Self {
        self.data.config.put("MaxItems", Value::from(items));
        self
    }
}

impl<L> ItemReader<L> for S3ObjectsItemReader<L> {
    fn into_data(self) -> ItemReaderData {
        self.data
    }
}
