//! The tasks of SageMaker.

use stepwell_constructs::*;

use super::adapt;
use crate::adapter::case::Cx;
use crate::adapter::convert::{self, Lang};
use crate::adapter::eval::V;
use crate::adapter::states::{AnyNode, Input};
use crate::adapter::{Answer, refs, unknown};

pub fn task(cx: &Cx, construct: &str, input: &mut Input) -> Option<Answer<AnyNode>> {
    Some(match construct {
        "SageMakerCreateTrainingJob" => training(cx, input),
        "SageMakerCreateTransformJob" => transform(cx, input),
        "SageMakerCreateModel" => model(cx, input),
        "SageMakerCreateEndpointConfig" => endpoint_config(cx, input),
        "SageMakerCreateEndpoint" => endpoint(cx, input),
        "SageMakerUpdateEndpoint" => update(cx, input),
        _ => return None,
    })
}

fn training(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let name = input.props.need("trainingJobName")?;
    let algorithm = input.props.need("algorithmSpecification")?;
    let output = input.props.need("outputDataConfig")?;
    let id = input.id.clone();
    adapt!(cx, input, SageMakerCreateTrainingJob(
        convert::val::<String, L>(&name)?, self::algorithm::<L>(cx, &algorithm)?, self::output::<L>(cx, &output)?
    ) {
        "enableNetworkIsolation" => enable_network_isolation: flag,
        "role" => role: (refs::role),
        "inputDataConfig" => input_data_config: {channels},
        "resourceConfig" => resource_config: {resources},
        "stoppingCondition" => stopping_condition: {stopping},
        "hyperparameters" => hyperparameters: object,
        "tags" => tags: object,
        "environment" => environment: object,
        "vpcConfig" => vpc_config: {vpc},
    } patterns "REQUEST_RESPONSE", "RUN_JOB" => run_job; built => cx.note_role(&id, "role", Some(built.role_in(&cx.workflow))))
}

/// Sets what is there.
macro_rules! set {
    ($cx:ident $builder:ident $props:ident { $($prop:literal => $method:ident: $kind:tt,)* }) => {
        $(
            if let Some(v) = $props.take($prop) {
                $builder = $builder.$method(super::kind!($kind $cx v));
            }
        )*
        $props.done(stringify!($builder))?;
    };
}

macro_rules! words {
    ($($function:ident -> $name:ident { $($word:literal => $variant:ident,)* })*) => {$(
        fn $function(word: &str) -> Answer<$name> {
            Ok(match word {
                $($word => $name::$variant,)*
                other => return unknown(other),
            })
        }
    )*};
}

words! {
    input_mode -> InputMode { "PIPE" => Pipe, "FILE" => File, "FAST_FILE" => FastFile, }
    data_type -> S3DataType {
        "MANIFEST_FILE" => ManifestFile, "S3_PREFIX" => S3Prefix, "AUGMENTED_MANIFEST_FILE" => AugmentedManifestFile,
    }
    distribution -> S3DataDistributionType {
        "FULLY_REPLICATED" => FullyReplicated, "SHARDED_BY_S3_KEY" => ShardedByS3Key,
    }
    compression -> CompressionType { "NONE" => None, "GZIP" => Gzip, }
    wrapper -> RecordWrapperType { "NONE" => None, "RECORD_IO" => RecordIo, }
    strategy -> BatchStrategy { "MULTI_RECORD" => MultiRecord, "SINGLE_RECORD" => SingleRecord, }
    split -> SplitType { "NONE" => None, "LINE" => Line, "RECORD_IO" => RecordIo, "TF_RECORD" => TfRecord, }
    assemble -> AssembleWith { "NONE" => None, "LINE" => Line, }
    mode -> Mode { "SINGLE_MODEL" => SingleModel, "MULTI_MODEL" => MultiModel, }
}

fn algorithm<L: Lang>(cx: &Cx, value: &V) -> Answer<AlgorithmSpecification<L>> {
    let mut props = value.props()?;
    let mut algorithm = AlgorithmSpecification::new();
    set!(cx algorithm props {
        "algorithmName" => algorithm_name: text,
        "trainingImage" => training_image: {image},
        "trainingInputMode" => training_input_mode: [input_mode],
        "metricDefinitions" => metric_definitions: {metrics},
    });
    Ok(algorithm)
}

fn metrics<L: Lang>(_: &Cx, value: &V) -> Answer<Vec<MetricDefinition<L>>> {
    let metric = |value: &V| {
        let mut props = value.props()?;
        let name = convert::val::<String, L>(&props.need("name")?)?;
        Ok(MetricDefinition::new(name, convert::val::<String, L>(&props.need("regex")?)?))
    };
    value.items()?.iter().map(metric).collect()
}

fn output<L: Lang>(cx: &Cx, value: &V) -> Answer<OutputDataConfig<L>> {
    let mut props = value.props()?;
    let mut output = OutputDataConfig::new(location(cx, &props.need("s3OutputLocation")?)?);
    set!(cx output props { "encryptionKey" => encryption_key: (refs::key), });
    Ok(output)
}

/// Text or a path that stands for what a state computes.
fn computed<L: Lang>(value: &V) -> Answer<Val<String, L>> {
    match value.str() {
        Some(text) if text.starts_with('$') => convert::val::<String, L>(&V::Path(path(text))),
        Some(text) if text.starts_with("{%") => convert::expression::<String, L>(text),
        _ => convert::val::<String, L>(value),
    }
}

fn location<L: Lang>(cx: &Cx, value: &V) -> Answer<S3Location<L>> {
    match value {
        V::Call(name, args) if name == "S3Location.fromBucket" => {
            Ok(S3Location::from_bucket(&refs::bucket(cx, &args[0])?, args[1].text()?))
        }
        V::Call(name, args) if name == "S3Location.fromJsonExpression" => {
            Ok(S3Location::from_json_expression(computed::<L>(&args[0])?))
        }
        other => unknown(format!("a place in S3, not {other:?}")),
    }
}

fn image<L: Lang>(cx: &Cx, value: &V) -> Answer<DockerImage<L>> {
    let V::Call(name, args) = value else { return unknown(format!("an image, not {value:?}")) };
    Ok(match name.as_str() {
        "DockerImage.fromRegistry" => DockerImage::from_registry(convert::cfn(&args[0])?),
        "DockerImage.fromEcrRepository" => {
            let tag = args.get(1).map_or(Ok("latest"), V::text)?;
            DockerImage::from_ecr_repository(
                cx.attr(&args[0], "repositoryUri")?,
                cx.attr(&args[0], "repositoryArn")?,
                tag,
            )
        }
        "DockerImage.fromJsonExpression" => {
            let expression = computed::<L>(&args[0])?;
            match args.get(1).map_or(Ok(true), V::bool)? {
                true => DockerImage::from_json_expression(expression),
                false => DockerImage::from_json_expression_without_pull(expression),
            }
        }
        other => return unknown(other),
    })
}

fn channels<L: Lang>(cx: &Cx, value: &V) -> Answer<Vec<Channel<L>>> {
    value.items()?.iter().map(|value| channel(cx, value)).collect()
}

fn channel<L: Lang>(cx: &Cx, value: &V) -> Answer<Channel<L>> {
    let mut props = value.props()?;
    let name = convert::val::<String, L>(&props.need("channelName")?)?;
    let mut source = props.need("dataSource")?.props()?.need("s3DataSource")?.props()?;
    let mut channel = Channel::new(name, location(cx, &source.need("s3Location")?)?);
    set!(cx channel source {
        "s3DataType" => s3_data_type: [data_type],
        "s3DataDistributionType" => s3_data_distribution_type: [distribution],
        "attributeNames" => attribute_names: texts,
    });
    set!(cx channel props {
        "compressionType" => compression_type: [compression],
        "contentType" => content_type: text,
        "inputMode" => input_mode: [input_mode],
        "recordWrapperType" => record_wrapper_type: [wrapper],
        "shuffleConfig" => shuffle_seed: {seed},
    });
    Ok(channel)
}

fn seed<L: Lang>(_: &Cx, value: &V) -> Answer<Val<i64, L>> {
    let mut props = value.props()?;
    let seed = convert::val::<i64, L>(&props.need("seed")?)?;
    props.done("ShuffleConfig")?;
    Ok(seed)
}

fn instance_type<L: Lang>(value: &V) -> Answer<Val<String, L>> {
    match value {
        V::New(name, args) if name == "ec2.InstanceType" => computed(&args[0]),
        V::New(name, args) if name == "AcceleratorType" => computed(&args[0]),
        V::Call(_, args) => Ok(convert::instance_type(args)?.into_val()),
        other => unknown(format!("an instance type, not {other:?}")),
    }
}

const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

fn size(value: &V, unit: f64) -> Answer<i64> {
    match value {
        V::Size(bytes) => convert::whole(bytes / unit),
        other => unknown(format!("a size, not {other:?}")),
    }
}

fn mib(_: &Cx, value: &V) -> Answer<i64> {
    size(value, 1024.0 * 1024.0)
}

fn resources<L: Lang>(cx: &Cx, value: &V) -> Answer<ResourceConfig<L>> {
    let mut props = value.props()?;
    let count = convert::val::<i64, L>(&props.need("instanceCount")?)?;
    let kind = instance_type::<L>(&props.need("instanceType")?)?;
    let mut resources = ResourceConfig::new(count, kind, size(&props.need("volumeSize")?, GIB)?);
    set!(cx resources props { "volumeEncryptionKey" => volume_encryption_key: (refs::key), });
    Ok(resources)
}

fn stopping<L: Lang>(_cx: &Cx, value: &V) -> Answer<StoppingCondition<L>> {
    let mut props = value.props()?;
    let mut stopping = StoppingCondition::new();
    set!(_cx stopping props { "maxRuntime" => max_runtime: seconds, });
    Ok(stopping)
}

fn vpc<L: Lang>(cx: &Cx, value: &V) -> Answer<VpcConfig<L>> {
    let mut props = value.props()?;
    let vpc = props.need("vpc")?;
    let subnets = props.take("subnets");
    let groups = props.take("securityGroups");
    props.done("vpcConfig")?;
    let network = network(cx, &vpc, subnets.as_ref())?;
    let Some(groups) = groups else { return Ok(network) };
    let groups = groups.items()?.iter().map(|group| cx.attr(group, "securityGroupId"));
    Ok(network.security_groups(groups.collect::<Answer<Vec<_>>>()?))
}

fn network<L: Lang>(cx: &Cx, vpc: &V, subnets: Option<&V>) -> Answer<VpcConfig<L>> {
    let mut kind = "privateSubnetIds";
    if let Some(subnets) = subnets {
        let mut props = subnets.props()?;
        if props.need("subnetType")?.word()? == "PUBLIC" {
            kind = "publicSubnetIds";
        }
        props.done("subnets")?;
    }
    let subnets = cx.attribute(&format!("{}.{kind}", refs::name(vpc)?))?;
    let subnets = subnets.items()?.iter().map(convert::cfn).collect::<Answer<Vec<Cfn>>>()?;
    Ok(VpcConfig::new(cx.attr(vpc, "vpcId")?, subnets))
}

fn transform(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let name = input.props.need("transformJobName")?;
    let model = input.props.need("modelName")?;
    let from = input.props.need("transformInput")?;
    let to = input.props.need("transformOutput")?;
    let id = input.id.clone();
    adapt!(cx, input, SageMakerCreateTransformJob(
        convert::val::<String, L>(&name)?,
        convert::val::<String, L>(&model)?,
        transform_input::<L>(cx, &from)?,
        transform_output::<L>(cx, &to)?
    ) {
        "role" => role: (refs::role),
        "batchStrategy" => batch_strategy: [strategy],
        "environment" => environment: object,
        "maxConcurrentTransforms" => max_concurrent_transforms: int,
        "maxPayload" => max_payload_mib: (mib),
        "modelClientOptions" => model_client_options: {client_options},
        "tags" => tags: object,
        "transformResources" => transform_resources: {transform_resources},
    } patterns "REQUEST_RESPONSE", "RUN_JOB" => run_job; built => cx.note_role(&id, "role", Some(built.role_in(&cx.workflow))))
}

fn transform_input<L: Lang>(_cx: &Cx, value: &V) -> Answer<TransformInput<L>> {
    let mut props = value.props()?;
    let mut source = props.need("transformDataSource")?.props()?.need("s3DataSource")?.props()?;
    let mut input = TransformInput::new(convert::val::<String, L>(&source.need("s3Uri")?)?);
    set!(_cx input source { "s3DataType" => s3_data_type: [data_type], });
    set!(_cx input props {
        "compressionType" => compression_type: [compression],
        "contentType" => content_type: text,
        "splitType" => split_type: [split],
    });
    Ok(input)
}

fn transform_output<L: Lang>(cx: &Cx, value: &V) -> Answer<TransformOutput<L>> {
    let mut props = value.props()?;
    let mut output = TransformOutput::new(convert::val::<String, L>(&props.need("s3OutputPath")?)?);
    set!(cx output props {
        "encryptionKey" => encryption_key: (refs::key),
        "accept" => accept: text,
        "assembleWith" => assemble_with: [assemble],
    });
    Ok(output)
}

fn transform_resources<L: Lang>(cx: &Cx, value: &V) -> Answer<TransformResources<L>> {
    let mut props = value.props()?;
    let count = convert::val::<i64, L>(&props.need("instanceCount")?)?;
    let mut resources = TransformResources::new(count, instance_type::<L>(&props.need("instanceType")?)?);
    set!(cx resources props { "volumeEncryptionKey" => volume_encryption_key: (refs::key), });
    Ok(resources)
}

fn client_options<L: Lang>(_cx: &Cx, value: &V) -> Answer<ModelClientOptions<L>> {
    let mut props = value.props()?;
    let mut options = ModelClientOptions::new();
    set!(_cx options props {
        "invocationsMaxRetries" => invocations_max_retries: int,
        "invocationsTimeout" => invocations_timeout: seconds,
    });
    Ok(options)
}

fn model(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let name = input.props.need("modelName")?;
    let primary = input.props.need("primaryContainer")?;
    let vpc = input.props.take("vpc");
    let subnets = input.props.take("subnetSelection");
    if let Some(vpc) = vpc {
        let both = match subnets {
            Some(subnets) => V::Array(vec![vpc, subnets]),
            None => V::Array(vec![vpc]),
        };
        input.props.0.push(("network".into(), both));
    }
    let id = input.id.clone();
    adapt!(cx, input, SageMakerCreateModel(convert::val::<String, L>(&name)?, container::<L>(cx, &primary)?) {
        "containers" => containers: {containers},
        "enableNetworkIsolation" => enable_network_isolation: flag,
        "role" => role: (refs::role),
        "tags" => tags: field,
        "network" => vpc_config: {model_network},
    } patterns "REQUEST_RESPONSE"; built => cx.note_role(&id, "role", Some(built.role_in(&cx.workflow))))
}

fn model_network<L: Lang>(cx: &Cx, value: &V) -> Answer<VpcConfig<L>> {
    let both = value.items()?;
    network(cx, &both[0], both.get(1))
}

fn containers<L: Lang>(cx: &Cx, value: &V) -> Answer<Vec<ContainerDefinition<L>>> {
    value.items()?.iter().map(|value| container(cx, value)).collect()
}

fn container<L: Lang>(cx: &Cx, value: &V) -> Answer<ContainerDefinition<L>> {
    let V::New(_, args) = value else { return unknown(format!("a container, not {value:?}")) };
    let mut props = args[0].props()?;
    let mut container = ContainerDefinition::new();
    set!(cx container props {
        "containerHostName" => container_host_name: text,
        "image" => image: {image},
        "mode" => mode: [mode],
        "modelS3Location" => model_s3_location: {location},
        "modelPackageName" => model_package_name: text,
        "environmentVariables" => environment_variables: field,
    });
    Ok(container)
}

fn endpoint_config(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let name = input.props.need("endpointConfigName")?;
    let variants = input.props.need("productionVariants")?;
    adapt!(cx, input, SageMakerCreateEndpointConfig(
        convert::val::<String, L>(&name)?, self::variants::<L>(cx, &variants)?
    ) {
        "kmsKey" => kms_key: (refs::key),
        "tags" => tags: field,
    } patterns "REQUEST_RESPONSE")
}

fn variants<L: Lang>(cx: &Cx, value: &V) -> Answer<Vec<ProductionVariant<L>>> {
    value.items()?.iter().map(|value| variant(cx, value)).collect()
}

fn variant<L: Lang>(_cx: &Cx, value: &V) -> Answer<ProductionVariant<L>> {
    let mut props = value.props()?;
    let model = convert::val::<String, L>(&props.need("modelName")?)?;
    let name = convert::val::<String, L>(&props.need("variantName")?)?;
    let mut variant = ProductionVariant::new(model, name, instance_type::<L>(&props.need("instanceType")?)?);
    if let Some(accelerator) = props.take("acceleratorType") {
        variant = variant.accelerator_type(instance_type::<L>(&accelerator)?);
    }
    set!(_cx variant props {
        "initialInstanceCount" => initial_instance_count: int,
        "initialVariantWeight" => initial_variant_weight: number,
    });
    Ok(variant)
}

fn endpoint(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let name = input.props.need("endpointName")?;
    let configuration = input.props.need("endpointConfigName")?;
    adapt!(cx, input, SageMakerCreateEndpoint(
        convert::val::<String, L>(&name)?, convert::val::<String, L>(&configuration)?
    ) {
        "tags" => tags: field,
    } patterns "REQUEST_RESPONSE")
}

fn update(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let name = input.props.need("endpointName")?;
    let configuration = input.props.need("endpointConfigName")?;
    adapt!(cx, input, SageMakerUpdateEndpoint(
        convert::val::<String, L>(&name)?, convert::val::<String, L>(&configuration)?
    ) {} patterns "REQUEST_RESPONSE")
}
