//! Models and the containers that serve them.

use crate::cfn::Cfn;
use crate::iam::Statement;
use crate::json::ToJson;
use crate::references::RoleRef;
use crate::state::words;
use crate::task::{Task, TaskContext, TaskFields, record, task};
use crate::tasks::roles::{self, Rights};

use super::sources::{DockerImage, S3Location, S3LocationData};
use super::{NETWORK, ROLE, VpcConfig, allow_to_pass, lower_case, role_of, role_or_new};

task! {
    /// Makes a model of what a training has left.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let container = ContainerDefinition::new()
    ///     .image(DockerImage::from_json_expression(path("$.image")))
    ///     .mode(Mode::SingleModel)
    ///     .model_s3_location(S3Location::from_json_expression(path("$.training.ModelArtifacts.S3ModelArtifacts")));
    /// w.add(SageMakerCreateModel::json_path("Model", "my-model", container));
    /// ```
    SageMakerCreateModel(SageMakerCreateModelProps) {
        patterns { RequestResponse }
        required {
            /// The name of the model (field `ModelName`).
            #[doc(alias = "modelName")]
            model_name: text,
            /// The container that is asked (field `PrimaryContainer`).
            #[doc(alias = "primaryContainer")]
            primary_container: {ContainerDefinition},
        }
        optional {
            /// Further containers, one after the other (field `Containers`).
            containers: {[ContainerDefinition]},
            /// Whether the containers have no network.
            #[doc(alias = "enableNetworkIsolation")]
            enable_network_isolation: flag => "EnableNetworkIsolation",
            /// The role that SageMaker assumes (field `ExecutionRoleArn`).
            role: (RoleRef),
            /// The tags of the model, as a list of objects with `Key` and `Value` (field `Tags`).
            tags: any,
            /// The network of the containers (field `VpcConfig`).
            #[doc(alias = "vpcConfig")]
            vpc_config: {VpcConfig},
        }
    }
}

record! {
    /// A container that serves a model.
    #[doc(alias = "ContainerDefinitionOptions")]
    ContainerDefinition(ContainerDefinitionData) plain {
        required {}
        optional {
            /// The name by which the other containers know it.
            #[doc(alias = "containerHostName")]
            container_host_name: text => "ContainerHostname",
            /// The image.
            image: {DockerImage} => "Image",
            /// How many models it serves.
            mode: (Mode) => "Mode",
            /// Where the model is.
            #[doc(alias = "modelS3Location")]
            model_s3_location: {S3Location} => "ModelDataUrl",
            /// The model as a package.
            #[doc(alias = "modelPackageName")]
            model_package_name: text => "ModelPackageName",
            /// The environment of the container.
            #[doc(alias = "environmentVariables")]
            environment_variables: any => "Environment",
        }
    }
}

words! {
    /// How many models a container serves.
    Mode {
        /// One
        SingleModel = "SingleModel",
        /// Several
        MultiModel = "MultiModel",
    }
}

role_of!(SageMakerCreateModel: ROLE);

impl Task for SageMakerCreateModelProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        let actions = vec![
            "cloudwatch:PutMetricData",
            "logs:CreateLogStream",
            "logs:CreateLogGroup",
            "logs:PutLogEvents",
            "logs:DescribeLogStreams",
            "ecr:GetAuthorizationToken",
        ];
        let everything = [Statement::allow(actions, [Cfn::from("*")])];
        let rights = Rights::Inline("CreateModel", &everything);
        let role = role_or_new(cx, self.role.as_ref(), ROLE, rights);
        if self.vpc_config.is_some() {
            roles::grant(cx, &role, [Statement::allow(NETWORK, [Cfn::from("*")])]);
        }
        for container in [&self.primary_container].into_iter().chain(self.containers.iter().flatten()) {
            roles::grant(cx, &role, container.image.iter().flat_map(|image| image.pull.clone()));
            roles::grant(cx, &role, container.model_s3_location.iter().map(S3LocationData::read));
        }
        let model = lower_case(&self.model_name).deployed().map_or(Cfn::from("*"), |name| name.then("*"));
        let model = cx.arn("sagemaker", Cfn::from("model/").then(model));
        cx.allow(["sagemaker:CreateModel"], [model]);
        cx.allow(["sagemaker:ListTags"], [Cfn::from("*")]);
        allow_to_pass(cx, &role);
        let vpc = self.vpc_config.as_ref().map(|vpc| vpc.make(cx, "ModelSecurityGroup"));
        let fields = self
            .fields()
            .set("ExecutionRoleArn", role.arn().clone())
            .set("ModelName", self.model_name.clone())
            .set_opt("Tags", &self.tags)
            .set("PrimaryContainer", self.primary_container.to_json())
            .set_opt("Containers", &self.containers)
            .set_opt("VpcConfig", &vpc);
        TaskFields::new(cx.integration("sagemaker", "createModel"), fields)
    }
}
