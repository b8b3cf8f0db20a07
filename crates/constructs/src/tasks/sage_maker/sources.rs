//! Where data and images come from, and what a role must be allowed to get them.

use std::marker::PhantomData;

use crate::cfn::Cfn;
use crate::iam::Statement;
use crate::json::{Json, ToJson};
use crate::references::BucketRef;
use crate::task::Record;
use crate::{IntoVal, Language};

/// A place in S3: in a bucket that is known, or as the state computes it.
#[derive(Debug)]
pub struct S3Location<L> {
    data: S3LocationData,
    language: PhantomData<fn() -> L>,
}

/// A place in S3 without its language.
#[derive(Debug)]
pub(crate) enum S3LocationData {
    Bucket(BucketRef, String),
    Computed(Json),
}

impl<L: Language> S3Location<L> {
    /// All keys with this prefix; the role is allowed to use just them.
    #[doc(alias = "fromBucket")]
    pub fn from_bucket(bucket: &BucketRef, key_prefix: &str) -> S3Location<L> {
        S3Location { data: S3LocationData::Bucket(bucket.clone(), key_prefix.to_owned()), language: PhantomData }
    }

    /// A place that the state computes; the role is allowed to use all of S3.
    #[doc(alias = "fromJsonExpression")]
    pub fn from_json_expression(expression: impl IntoVal<String, L>) -> S3Location<L> {
        S3Location { data: S3LocationData::Computed(expression.into_val().0), language: PhantomData }
    }
}

impl<L> Record for S3Location<L> {
    type Data = S3LocationData;

    fn into_data(self) -> S3LocationData {
        self.data
    }
}

impl S3LocationData {
    /// What the role must be allowed with the place.
    fn statement(&self, known: &[&str], computed: &[&str]) -> Statement {
        match self {
            S3LocationData::Bucket(bucket, key) => {
                Statement::allow(known, [bucket.arn().clone(), bucket.arn_for_objects(&format!("{key}*"))])
            }
            S3LocationData::Computed(_) => Statement::allow(computed, [Cfn::from("*")]),
        }
    }

    pub(super) fn read(&self) -> Statement {
        self.statement(&["s3:GetObject*", "s3:GetBucket*", "s3:List*"], &["s3:GetObject", "s3:ListBucket"])
    }

    pub(super) fn write(&self) -> Statement {
        self.statement(
            &[
                "s3:DeleteObject*",
                "s3:PutObject",
                "s3:PutObjectLegalHold",
                "s3:PutObjectRetention",
                "s3:PutObjectTagging",
                "s3:PutObjectVersionTagging",
                "s3:Abort*",
            ],
            &["s3:PutObject"],
        )
    }
}

impl ToJson for S3LocationData {
    fn to_json(&self) -> Json {
        match self {
            S3LocationData::Bucket(bucket, key) => Json::Cfn(Cfn::join([
                Cfn::from("https://s3."),
                Cfn::region(),
                Cfn::from("."),
                Cfn::reference("AWS::URLSuffix"),
                Cfn::from("/"),
                bucket.name().clone(),
                Cfn::from(format!("/{key}")),
            ])),
            S3LocationData::Computed(expression) => expression.clone(),
        }
    }
}

/// An image of a container.
#[derive(Debug)]
pub struct DockerImage<L> {
    data: DockerImageData,
    language: PhantomData<fn() -> L>,
}

/// An image without its language.
#[derive(Debug)]
pub(crate) struct DockerImageData {
    uri: Json,
    /// What the role must be allowed to pull it.
    pub(super) pull: Vec<Statement>,
}

const PULL: [&str; 3] = ["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"];

impl<L: Language> DockerImage<L> {
    fn new(uri: Json, pull: Vec<Statement>) -> DockerImage<L> {
        DockerImage { data: DockerImageData { uri, pull }, language: PhantomData }
    }

    /// An image of a public registry.
    #[doc(alias = "fromRegistry")]
    pub fn from_registry(uri: impl Into<Cfn>) -> DockerImage<L> {
        DockerImage::new(Json::Cfn(uri.into()), vec![])
    }

    /// An image of a repository of ECR, by the repository's URI and ARN and the image's tag.
    #[doc(alias = "fromEcrRepository")]
    pub fn from_ecr_repository(uri: impl Into<Cfn>, arn: impl Into<Cfn>, tag: &str) -> DockerImage<L> {
        let pull = vec![
            Statement::allow(PULL, [arn.into()]),
            Statement::allow(["ecr:GetAuthorizationToken"], [Cfn::from("*")]),
        ];
        DockerImage::new(Json::Cfn(uri.into().then(":").then(tag)), pull)
    }

    /// An image that the state computes; the role may pull any image of ECR.
    #[doc(alias = "fromJsonExpression")]
    pub fn from_json_expression(expression: impl IntoVal<String, L>) -> DockerImage<L> {
        DockerImage::new(expression.into_val().0, vec![Statement::allow(PULL, [Cfn::from("*")])])
    }

    /// An image that the state computes; the role is not allowed to pull images by this.
    pub fn from_json_expression_without_pull(expression: impl IntoVal<String, L>) -> DockerImage<L> {
        DockerImage::new(expression.into_val().0, vec![])
    }
}

impl<L> Record for DockerImage<L> {
    type Data = DockerImageData;

    fn into_data(self) -> DockerImageData {
        self.data
    }
}

impl ToJson for DockerImageData {
    fn to_json(&self) -> Json {
        self.uri.clone()
    }
}
