//! EcsRunTask.
#![allow(unused_variables, reason = "not every property looks at the context")]

use stepwell_constructs::*;
use stepwell_value::Value;

use super::{adapt, kind};
use crate::adapter::case::Cx;
use crate::adapter::convert::{self, Lang};
use crate::adapter::eval::V;
use crate::adapter::states::{AnyNode, Input};
use crate::adapter::{Answer, unknown};

pub fn task(cx: &Cx, construct: &str, input: &mut Input) -> Option<Answer<AnyNode>> {
    (construct == "EcsRunTask").then(|| run(cx, input))
}

fn run(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let cluster = cluster(cx, &input.props.need("cluster")?)?;
    let definition = definition(cx, &input.props.need("taskDefinition")?)?;
    let target = target(cx, &input.props.need("launchTarget")?)?;
    adapt!(cx, input, EcsRunTask(&cluster, &definition, target.clone()) {
        "assignPublicIp" => assign_public_ip: bool,
        "containerOverrides" => container_overrides: {overrides},
        "cpu" => cpu: text,
        "enableExecuteCommand" => enable_execute_command: flag,
        "memoryMiB" => memory_mib: text,
        "propagatedTagSource" => propagated_tag_source: [tag_source],
        "revisionNumber" => revision_number: (count),
        "securityGroups" => security_groups: (security_groups),
        "subnets" => subnets: (subnets),
    } patterns "REQUEST_RESPONSE", "RUN_JOB" => run_job, token "containerOverrides": {overrides})
}

fn count(_: &Cx, value: &V) -> Answer<u32> {
    value.u32()
}

/// The cluster, in the only VPC that the case declares.
fn cluster(cx: &Cx, value: &V) -> Answer<EcsClusterRef> {
    let vpc = V::Ref("vpc".to_owned());
    let subnets = |name: &str| -> Vec<Cfn> {
        let ids = cx.fact(&vpc, name).and_then(|ids| ids.as_array().map(|ids| ids.to_vec()));
        ids.unwrap_or_default().iter().map(Cfn::intrinsic).collect()
    };
    let id = cx.fact(&vpc, "vpcId").map(|id| Cfn::intrinsic(&id)).unwrap_or_default();
    let vpc = VpcRef::new(id)
        .public_subnets(subnets("publicSubnetIds"))
        .private_subnets(subnets("privateSubnetIds"))
        .isolated_subnets(subnets("isolatedSubnetIds"));
    let cluster = EcsClusterRef::from_arn(cx.attr(value, "clusterArn")?, &vpc);
    Ok(if flag(cx, value, "hasEc2Capacity") { cluster.with_ec2_capacity() } else { cluster })
}

fn flag(cx: &Cx, value: &V, name: &str) -> bool {
    cx.fact(value, name).and_then(|flag| flag.as_bool()).unwrap_or_default()
}

fn definition(cx: &Cx, value: &V) -> Answer<TaskDefinitionRef> {
    let (arn, family) = (cx.attr(value, "taskDefinitionArn")?, cx.attr(value, "family")?);
    let role = RoleRef::immutable_from_arn(cx.attr(value, "taskRole.roleArn")?);
    let names = cx.fact(value, "containerNames").and_then(|names| names.as_array().map(|names| names.to_vec()));
    let names: Vec<String> =
        names.unwrap_or_default().iter().filter_map(|name| name.as_str().map(str::to_owned)).collect();
    let (fargate, ec2) = (flag(cx, value, "isFargateCompatible"), flag(cx, value, "isEc2Compatible"));
    let mut definition = match fargate {
        true => TaskDefinitionRef::fargate(arn, family, &role, names),
        false => TaskDefinitionRef::ec2(arn, family, &role, names),
    };
    if fargate && ec2 {
        definition = definition.on_fargate_and_ec2();
    }
    if let Some(role) = cx.fact(value, "executionRole.roleArn") {
        definition = definition.execution_role(&RoleRef::immutable_from_arn(Cfn::intrinsic(&role)));
    }
    let mode = cx.fact(value, "networkMode");
    Ok(match mode.as_ref().and_then(Value::as_str) {
        Some("none") => definition.network_mode(NetworkMode::None),
        Some("bridge") => definition.network_mode(NetworkMode::Bridge),
        Some("awsvpc") => definition.network_mode(NetworkMode::AwsVpc),
        Some("host") => definition.network_mode(NetworkMode::Host),
        Some("nat") => definition.network_mode(NetworkMode::Nat),
        _ => definition,
    })
}

fn target(cx: &Cx, value: &V) -> Answer<EcsLaunchTarget> {
    let V::New(class, _) = value else { return unknown(format!("a launch target from {value:?}")) };
    let mut props = value.props()?;
    let capacity = props.take("capacityProviderOptions").map(|v| capacity(&v)).transpose()?;
    let target = match class.as_str() {
        "EcsFargateLaunchTarget" => {
            let mut target = EcsFargateLaunchTarget::new();
            if let Some(v) = props.take("platformVersion") {
                target = target.platform_version(kind!([platform] cx v));
            }
            EcsLaunchTarget::from(match capacity {
                Some(capacity) => target.capacity_provider_options(capacity),
                None => target,
            })
        }
        "EcsEc2LaunchTarget" => {
            let mut target = EcsEc2LaunchTarget::new();
            if let Some(v) = props.take("placementConstraints") {
                target = target.placement_constraints(v.items()?.iter().map(constraint).collect::<Answer<Vec<_>>>()?);
            }
            if let Some(v) = props.take("placementStrategies") {
                target = target.placement_strategies(v.items()?.iter().map(strategy).collect::<Answer<Vec<_>>>()?);
            }
            EcsLaunchTarget::from(match capacity {
                Some(capacity) => target.capacity_provider_options(capacity),
                None => target,
            })
        }
        other => return unknown(other),
    };
    props.done("a launch target")?;
    Ok(target)
}

fn capacity(value: &V) -> Answer<CapacityProviderOptions> {
    let V::Call(call, args) = value else { return unknown(format!("capacity from {value:?}")) };
    if call == "CapacityProviderOptions.default" {
        return Ok(CapacityProviderOptions::of_cluster());
    }
    let items = args[0].items()?.iter().map(|item| {
        let mut props = item.props()?;
        let mut item = CapacityProviderStrategyItem::new(convert::cfn(&props.need("capacityProvider")?)?);
        if let Some(v) = props.take("weight") {
            item = item.weight(v.u32()?);
        }
        if let Some(v) = props.take("base") {
            item = item.base(v.u32()?);
        }
        props.done("CapacityProviderStrategyItem")?;
        Ok(item)
    });
    Ok(CapacityProviderOptions::custom(items.collect::<Answer<Vec<_>>>()?))
}

fn texts(values: &[V]) -> Answer<Vec<&str>> {
    values.iter().map(V::text).collect()
}

fn constraint(value: &V) -> Answer<PlacementConstraint> {
    let V::Call(call, args) = value else { return unknown(format!("a constraint from {value:?}")) };
    Ok(match call.as_str() {
        "ecs.PlacementConstraint.distinctInstances" => PlacementConstraint::distinct_instances(),
        "ecs.PlacementConstraint.memberOf" => PlacementConstraint::member_of(texts(args)?),
        other => return unknown(other),
    })
}

fn strategy(value: &V) -> Answer<PlacementStrategy> {
    let V::Call(call, args) = value else { return unknown(format!("a strategy from {value:?}")) };
    Ok(match call.as_str() {
        "ecs.PlacementStrategy.spreadAcrossInstances" => PlacementStrategy::spread_across_instances(),
        "ecs.PlacementStrategy.spreadAcross" => PlacementStrategy::spread_across(texts(args)?),
        "ecs.PlacementStrategy.packedByCpu" => PlacementStrategy::packed_by_cpu(),
        "ecs.PlacementStrategy.packedByMemory" => PlacementStrategy::packed_by_memory(),
        "ecs.PlacementStrategy.randomly" => PlacementStrategy::randomly(),
        other => return unknown(other),
    })
}

fn overrides<L: Lang>(cx: &Cx, value: &V) -> Answer<Vec<ContainerOverride<L>>> {
    let overrides = value.items()?.iter().map(|item| {
        let mut props = item.props()?;
        let name = cx.attr(&props.need("containerDefinition")?, "containerName")?;
        let mut container = ContainerOverride::new(name.as_literal().unwrap_or_default());
        if let Some(v) = props.take("command") {
            container = container.command(kind!(texts cx v));
        }
        if let Some(v) = props.take("cpu") {
            container = container.cpu(kind!(int cx v));
        }
        if let Some(v) = props.take("environment") {
            container = container.environment(environment::<L>(&v)?);
        }
        if let Some(v) = props.take("memoryLimit") {
            container = container.memory_limit(kind!(int cx v));
        }
        if let Some(v) = props.take("memoryReservation") {
            container = container.memory_reservation(kind!(int cx v));
        }
        props.done("ContainerOverride")?;
        Ok(container)
    });
    overrides.collect()
}

fn environment<L: Lang>(value: &V) -> Answer<Obj<L>> {
    let mut variables = Obj::new();
    for variable in value.items()? {
        let mut props = variable.props()?;
        let name = props.need("name")?;
        variables = variables.field(name.text()?, convert::field::<L>(&props.need("value")?)?);
        props.done("TaskEnvironmentVariable")?;
    }
    Ok(variables)
}

fn security_groups(cx: &Cx, value: &V) -> Answer<Vec<Cfn>> {
    value.items()?.iter().map(|group| cx.attr(group, "securityGroupId")).collect()
}

fn subnets(cx: &Cx, value: &V) -> Answer<SubnetSelection> {
    let mut props = value.props()?;
    let selection = match (props.take("subnetType"), props.take("subnets")) {
        (Some(kind), None) => match kind.word()? {
            "PUBLIC" => SubnetSelection::Public,
            "PRIVATE_ISOLATED" => SubnetSelection::PrivateIsolated,
            "PRIVATE_WITH_EGRESS" | "PRIVATE_WITH_NAT" | "PRIVATE" => SubnetSelection::PrivateWithEgress,
            other => return unknown(other),
        },
        (None, Some(subnets)) => {
            let ids = subnets.items()?.iter().map(|subnet| match subnet {
                V::Ref(_) => cx.attr(subnet, "subnetId"),
                id => convert::cfn(id),
            });
            SubnetSelection::Ids(ids.collect::<Answer<_>>()?)
        }
        _ => return unknown("a selection of subnets"),
    };
    props.done("SubnetSelection")?;
    Ok(selection)
}

fn platform(word: &str) -> Answer<FargatePlatformVersion> {
    Ok(match word {
        "LATEST" => FargatePlatformVersion::Latest,
        "VERSION1_4" => FargatePlatformVersion::Version1_4,
        "VERSION1_3" => FargatePlatformVersion::Version1_3,
        "VERSION1_2" => FargatePlatformVersion::Version1_2,
        "VERSION1_1" => FargatePlatformVersion::Version1_1,
        "VERSION1_0" => FargatePlatformVersion::Version1_0,
        other => return unknown(other),
    })
}

fn tag_source(word: &str) -> Answer<PropagatedTagSource> {
    Ok(match word {
        "SERVICE" => PropagatedTagSource::Service,
        "TASK_DEFINITION" => PropagatedTagSource::TaskDefinition,
        "NONE" => PropagatedTagSource::None,
        other => return unknown(other),
    })
}
