//! Behaviours of the CDK that its feature flags choose.

/// Which of two behaviours is taken where a feature flag of the CDK chooses; all on unless said otherwise.
///
/// `cdk init` writes every flag as on; an application whose `cdk.json` has none of them gets [`Compat::bare`].
///
/// ```
/// use stepwell_constructs::{Compat, Stack};
///
/// let mut compat = Compat::recommended();
/// compat.minimize_policies = false;
/// let stack = Stack::new("Orders").compat(compat);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Compat {
    /// EMR clusters get the newer managed policy of the service.
    pub emr_service_policy_v2: bool,
    /// EcsRunTask allows its task definition by the ARN that it has, not every revision by an ARN put together.
    pub fix_run_ecs_task_policy: bool,
    /// BedrockInvokeModel takes S3 locations from properties of their own instead of its input and output paths.
    pub new_s3_uri_parameters_for_bedrock_invoke_model_task: bool,
    /// HttpInvoke may take its endpoint from the input.
    pub http_invoke_dynamic_json_path_endpoint: bool,
    /// Each EvaluateExpression has a function of its own.
    pub evaluate_expression_dedicated_function: bool,
    /// DistributedMap takes the second version of its result writer.
    pub distributed_map_result_writer_v2: bool,
    /// Policy documents have as few statements as possible.
    pub minimize_policies: bool,
    /// ARNs name the partition where the region is known.
    pub partition_literals: bool,
}

impl Compat {
    /// All flags on, as `cdk init` recommends.
    pub fn recommended() -> Compat {
        Compat {
            emr_service_policy_v2: true,
            fix_run_ecs_task_policy: true,
            new_s3_uri_parameters_for_bedrock_invoke_model_task: true,
            http_invoke_dynamic_json_path_endpoint: true,
            evaluate_expression_dedicated_function: true,
            distributed_map_result_writer_v2: true,
            minimize_policies: true,
            partition_literals: true,
        }
    }

    /// The flags of an application that sets none.
    pub fn bare() -> Compat {
        Compat {
            emr_service_policy_v2: false,
            fix_run_ecs_task_policy: false,
            distributed_map_result_writer_v2: false,
            minimize_policies: false,
            partition_literals: false,
            ..Compat::recommended()
        }
    }
}

impl Default for Compat {
    fn default() -> Compat {
        Compat::recommended()
    }
}
