//! Endpoints and their configurations.

use stepwell_value::Value;

use crate::cfn::Cfn;
use crate::json::{Fields, Json, ToJson};
use crate::references::KeyRef;
use crate::task::{Task, TaskContext, TaskFields, record, task};

use super::{instance_type, lower_case};

task! {
    /// Makes the configuration of an endpoint: which models it serves, on which machines.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let variant = ProductionVariant::new("my-model", "all", "m5.xlarge").initial_instance_count(2);
    /// w.add(SageMakerCreateEndpointConfig::json_path("Configure", "my-config", [variant]));
    /// ```
    SageMakerCreateEndpointConfig(SageMakerCreateEndpointConfigProps) {
        patterns { RequestResponse }
        required {
            /// The name of the configuration.
            #[doc(alias = "endpointConfigName")]
            endpoint_config_name: text => "EndpointConfigName",
            /// The models behind the endpoint, 1 to 10 (field `ProductionVariants`).
            #[doc(alias = "productionVariants")]
            production_variants: {[ProductionVariant]},
        }
        optional {
            /// The key that volumes are encrypted with (field `KmsKeyId`).
            #[doc(alias = "kmsKey")]
            kms_key: (KeyRef),
            /// The tags of the configuration, as a list of objects with `Key` and `Value`.
            tags: any => "Tags",
        }
    }
}

record! {
    /// A model behind an endpoint: the model, the variant's own name, and the type of machines.
    ProductionVariant(ProductionVariantData) custom {
        required {
            /// The name of the model.
            #[doc(alias = "modelName")]
            model_name: text => "ModelName",
            /// The name of the variant.
            #[doc(alias = "variantName")]
            variant_name: text => "VariantName",
            /// The type of the machines: `m5.xlarge` (field `InstanceType`).
            #[doc(alias = "instanceType")]
            instance_type: text,
        }
        optional {
            /// How many machines there are at first; one if nothing is said (field `InitialInstanceCount`).
            #[doc(alias = "initialInstanceCount")]
            initial_instance_count: int,
            /// The accelerator of each machine.
            #[doc(alias = "AcceleratorClass")]
            #[doc(alias = "acceleratorType")]
            accelerator_type: text => "AcceleratorType",
            /// Which part of the requests it gets, by its weight among all.
            #[doc(alias = "initialVariantWeight")]
            initial_variant_weight: number => "InitialVariantWeight",
        }
    }
}

impl Task for SageMakerCreateEndpointConfigProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        if !(1..=10).contains(&self.production_variants.len()) {
            cx.refuse(
                "SpecifyProductionVariantsPerEndpoint",
                "Must specify from 1 to 10 production variants per endpoint configuration",
            );
        }
        for variant in &self.production_variants {
            let less = |number: &Option<Json>, least: f64| {
                number.as_ref().and_then(Json::number).is_some_and(|number| number < least)
            };
            if less(&variant.initial_instance_count, 1.0) {
                cx.refuse("DefineLeastOneInstance", "Must define at least one instance");
            }
            if less(&variant.initial_variant_weight, 0.0) {
                cx.refuse("InitialVariantWeightMinimumValue", "InitialVariantWeight has minimum value of 0");
            }
        }
        let configuration = cx.arn_of_named("sagemaker", "endpoint-config/", &lower_case(&self.endpoint_config_name));
        cx.allow(["sagemaker:CreateEndpointConfig"], [configuration]);
        cx.allow(["sagemaker:ListTags"], [Cfn::from("*")]);
        let mut fields = self.fields();
        fields = fields.set_opt("KmsKeyId", &self.kms_key.as_ref().map(KeyRef::id));
        fields.put("ProductionVariants", self.production_variants.to_json());
        TaskFields::new(cx.integration("sagemaker", "createEndpointConfig"), fields)
    }
}

impl ToJson for ProductionVariantData {
    fn to_json(&self) -> Json {
        let count = self.initial_instance_count.clone().unwrap_or_else(|| Value::from(1).into());
        let accelerator = self.accelerator_type.as_ref().map(instance_type);
        Fields::new()
            .set("InitialInstanceCount", count)
            .set("InstanceType", instance_type(&self.instance_type))
            .set("ModelName", self.model_name.clone())
            .set("VariantName", self.variant_name.clone())
            .set_opt("AcceleratorType", &accelerator)
            .set_opt("InitialVariantWeight", &self.initial_variant_weight)
            .into()
    }
}

task! {
    /// Makes an endpoint of a configuration.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// w.add(SageMakerCreateEndpoint::json_path("Serve", path("$.endpoint"), "my-config"));
    /// ```
    SageMakerCreateEndpoint(SageMakerCreateEndpointProps) {
        patterns { RequestResponse }
        required {
            /// The name of the endpoint.
            #[doc(alias = "endpointName")]
            endpoint_name: text => "EndpointName",
            /// The name of the configuration.
            #[doc(alias = "endpointConfigName")]
            endpoint_config_name: text => "EndpointConfigName",
        }
        optional {
            /// The tags of the endpoint, as a list of objects with `Key` and `Value`.
            tags: any => "Tags",
        }
    }
}

impl Task for SageMakerCreateEndpointProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        allow_endpoint(cx, "sagemaker:createEndpoint", &self.endpoint_name, &self.endpoint_config_name);
        cx.allow(["sagemaker:ListTags"], [Cfn::from("*")]);
        TaskFields::new(cx.integration("sagemaker", "createEndpoint"), self.fields())
    }
}

task! {
    /// Gives an endpoint another configuration.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// w.add(SageMakerUpdateEndpoint::json_path("Switch", path("$.endpoint"), path("$.config")));
    /// ```
    SageMakerUpdateEndpoint(SageMakerUpdateEndpointProps) {
        patterns { RequestResponse }
        required {
            /// The name of the endpoint.
            #[doc(alias = "endpointName")]
            endpoint_name: text => "EndpointName",
            /// The name of the configuration.
            #[doc(alias = "endpointConfigName")]
            endpoint_config_name: text => "EndpointConfigName",
        }
        optional {}
    }
}

impl Task for SageMakerUpdateEndpointProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        allow_endpoint(cx, "sagemaker:updateEndpoint", &self.endpoint_name, &self.endpoint_config_name);
        TaskFields::new(cx.integration("sagemaker", "updateEndpoint"), self.fields())
    }
}

/// Asks for the action with an endpoint and a configuration.
fn allow_endpoint(cx: &mut TaskContext<'_>, action: &str, endpoint: &Json, configuration: &Json) {
    let endpoint = cx.arn_of_named("sagemaker", "endpoint/", &lower_case(endpoint));
    let configuration = cx.arn_of_named("sagemaker", "endpoint-config/", &lower_case(configuration));
    cx.allow([action], [endpoint, configuration]);
}
