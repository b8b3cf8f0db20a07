//! SageMaker: training and transform jobs, models, endpoints and their configurations.

mod endpoint;
mod model;
mod sources;
mod training;
mod transform;

pub use endpoint::{
    ProductionVariant, SageMakerCreateEndpoint, SageMakerCreateEndpointConfig, SageMakerUpdateEndpoint,
};
pub use model::{ContainerDefinition, Mode, SageMakerCreateModel};
pub use sources::{DockerImage, S3Location};
pub use training::{
    AlgorithmSpecification, Channel, InputMode, MetricDefinition, OutputDataConfig, RecordWrapperType, ResourceConfig,
    S3DataDistributionType, SageMakerCreateTrainingJob, StoppingCondition,
};
pub use transform::{
    AssembleWith, BatchStrategy, ModelClientOptions, SageMakerCreateTransformJob, SplitType, TransformInput,
    TransformOutput, TransformResources,
};

use crate::cfn::Cfn;
use crate::iam::Statement;
use crate::json::{Fields, Json, ToJson};
use crate::references::RoleRef;
use crate::state::words;
use crate::task::{TaskContext, record};
use crate::tasks::network::new_security_group;
use crate::tasks::roles::{self, Rights, trusted};

record! {
    /// A network: an id of a VPC and those of subnets. The template gets a security group for it.
    VpcConfig(VpcConfigData) custom {
        required {
            /// The id of the VPC.
            #[doc(alias = "vpc")]
            vpc_id: (Cfn),
            /// The ids of the subnets (field `Subnets`).
            #[doc(alias = "subnetSelection")]
            subnets: [Cfn],
        }
        optional {
            /// Ids of security groups that the containers belong to beside their own.
            #[doc(alias = "addSecurityGroup")]
            security_groups: [Cfn],
        }
    }
}

impl VpcConfigData {
    /// Puts the security group into the template and gives the value of `VpcConfig`.
    fn make(&self, cx: &mut TaskContext<'_>, id: &str) -> Json {
        let own = new_security_group(cx, id, &self.vpc_id);
        let groups = std::iter::once(own).chain(self.security_groups.iter().flatten().cloned());
        Fields::new()
            .set("SecurityGroupIds", Json::Array(groups.map(Json::Cfn).collect()))
            .set("Subnets", self.subnets.to_json())
            .into()
    }
}

const NETWORK: [&str; 9] = [
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeVpcs",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeSubnets",
    "ec2:DescribeSecurityGroups",
];

words! {
    /// What a place in S3 is.
    S3DataType {
        /// A list of objects
        ManifestFile = "ManifestFile",
        /// A prefix of keys
        S3Prefix = "S3Prefix",
        /// Objects with attributes
        AugmentedManifestFile = "AugmentedManifestFile",
    }
    /// How data is compressed.
    CompressionType {
        /// Not at all
        None = "None",
        /// As gzip
        Gzip = "Gzip",
    }
}

/// The method `role_in` of a task that may bring a role along: for grants to it.
macro_rules! role_of {
    ($task:ident: $id:ident) => {
        impl<L: $crate::Language, P> $task<L, P> {
            /// The role that SageMaker assumes, the given one or the one that is made when the task is added to this
            /// workflow.
            #[doc(alias = "grantPrincipal")]
            pub fn role_in(&self, workflow: &$crate::Workflow) -> RoleRef {
                let made = || RoleRef::made(&workflow.path_of([self.id.as_str(), $id]));
                self.props.role.clone().unwrap_or_else(made)
            }
        }
    };
}
use role_of;

const SERVICE: &str = "sagemaker.amazonaws.com";

/// The ids of roles that are made.
const ROLE: &str = "SagemakerRole";
const TRANSFORM_ROLE: &str = "SagemakerTransformRole";

/// The given role, or a new one of this id.
fn role_or_new(cx: &mut TaskContext<'_>, given: Option<&RoleRef>, id: &str, rights: Rights<'_>) -> RoleRef {
    given.cloned().unwrap_or_else(|| roles::new_role(cx, id, [trusted(SERVICE)], rights))
}

fn allow_to_pass(cx: &mut TaskContext<'_>, role: &RoleRef) {
    let service = Cfn::from(SERVICE);
    let statement = Statement::allow(["iam:PassRole"], [role.arn().clone()]);
    cx.needs.statements.push(statement.when("StringEquals", "iam:PassedToService", &service));
}

/// The type of a machine: a literal gets the prefix that SageMaker wants.
fn instance_type(given: &Json) -> Json {
    match given.literal() {
        Some(literal) if !literal.starts_with("ml.") => Json::from(format!("ml.{literal}").as_str()),
        _ => given.clone(),
    }
}

const DEFAULT_INSTANCE: &str = "ml.m4.xlarge";

/// The name as it stands in ARNs, where SageMaker has only small letters.
fn lower_case(name: &Json) -> Json {
    match name.literal() {
        Some(literal) => Json::from(literal.to_lowercase().as_str()),
        None => name.clone(),
    }
}
