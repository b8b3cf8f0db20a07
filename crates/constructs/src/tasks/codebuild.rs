//! CodeBuild: CodeBuildStartBuild, CodeBuildStartBuildBatch.

use crate::IntegrationPattern;
use crate::cfn::Cfn;
use crate::json::{Fields, Json};
use crate::metrics::Metrics;
use crate::references::{arn, by_reference};
use crate::state::words;
use crate::task::{ByName, HasMetrics, Task, TaskContext, TaskFields, has_metrics, record, task};

/// A task that starts builds of a project: what a build and a batch share.
macro_rules! start_task {
    ($(#[$doc:meta])* $name:ident($props:ident)) => {
        task! {
            $(#[$doc])*
            $name($props) {
                patterns { RequestResponse, run_job }
                required {
                    /// The project (field `ProjectName`).
                    project: (ProjectRef),
                }
                optional {
                    /// Environment variables beside and instead of the project's (field `EnvironmentVariablesOverride`).
                    #[doc(alias = "environmentVariablesOverride")]
                    environment_variables_override: {map BuildEnvironmentVariable},
                }
            }
        }

        has_metrics!($name);

        impl HasMetrics for $props {
            fn metrics(&self) -> Metrics {
                let dimensions = vec![("ProjectArn", Json::Cfn(self.project.arn.clone()))];
                Metrics::new("CodeBuildProject", "CodeBuildProjects", dimensions)
            }
        }
    };
}

start_task! {
    /// Starts a build of a project.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let project = ProjectRef::from_logical_id("Site");
    /// w.add(CodeBuildStartBuild::json_path("Build", &project)
    ///     .run_job()
    ///     .environment_variables_override([("ZONE", BuildEnvironmentVariable::new(path("$.zone")))]));
    /// ```
    CodeBuildStartBuild(CodeBuildStartBuildProps)
}

start_task! {
    /// Starts a batch of builds of a project.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let project = ProjectRef::from_logical_id("Site");
    /// let secret = BuildEnvironmentVariable::new("site/key").variable_type(BuildEnvironmentVariableType::SecretsManager);
    /// w.add(CodeBuildStartBuildBatch::jsonata("Build all", &project).environment_variables_override([("KEY", secret)]));
    /// ```
    CodeBuildStartBuildBatch(CodeBuildStartBuildBatchProps)
}

record! {
    /// An environment variable of a build: its value, or where the value is kept.
    BuildEnvironmentVariable(VariableData) custom {
        required {
            /// The value, or the name of the parameter or secret.
            value: text => "Value",
        }
        optional {
            /// What the value is; the text itself by default (field `Type`).
            #[doc(alias = "type")]
            variable_type: (BuildEnvironmentVariableType),
        }
    }
}

words! {
    /// What the value of an environment variable is.
    BuildEnvironmentVariableType {
        /// The text itself
        PlainText = "PLAINTEXT",
        /// The name of a secret of Secrets Manager
        SecretsManager = "SECRETS_MANAGER",
        /// The name of a parameter of Systems Manager
        ParameterStore = "PARAMETER_STORE",
    }
}

/// A project of CodeBuild.
#[derive(Clone, Debug, PartialEq)]
pub struct ProjectRef {
    name: Cfn,
    arn: Cfn,
}

impl ProjectRef {
    /// The project of this name in the account and region of the stack.
    pub fn from_name(name: impl Into<Cfn>) -> ProjectRef {
        let name = name.into();
        ProjectRef { arn: arn("codebuild", Cfn::from("project/").then(&name)), name }
    }

    /// The project with this name and ARN.
    pub fn from_attributes(name: impl Into<Cfn>, arn: impl Into<Cfn>) -> ProjectRef {
        ProjectRef { name: name.into(), arn: arn.into() }
    }

    /// An `AWS::CodeBuild::Project` of the same template.
    pub fn from_logical_id(logical_id: &str) -> ProjectRef {
        ProjectRef::from_attributes(Cfn::reference(logical_id), Cfn::get_att(logical_id, "Arn"))
    }
}

by_reference!(ProjectRef);

impl Task for CodeBuildStartBuildProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        let project = self.project.arn.clone();
        let actions =
            ["codebuild:StartBuild", "codebuild:StopBuild", "codebuild:BatchGetBuilds", "codebuild:BatchGetReports"];
        cx.allow(actions, [project]);
        if cx.pattern == IntegrationPattern::RunJob {
            cx.allow_managed_rule("StepFunctionsGetEventForCodeBuildStartBuildRule");
        }
        let fields = parameters(&self.project, &self.environment_variables_override);
        TaskFields::new(cx.integration("codebuild", "startBuild"), fields)
    }
}

impl Task for CodeBuildStartBuildBatchProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        let project = self.project.arn.clone();
        if cx.pattern == IntegrationPattern::RunJob {
            let actions = ["codebuild:StartBuildBatch", "codebuild:StopBuildBatch", "codebuild:BatchGetBuildBatches"];
            cx.allow(actions, [project]);
            cx.allow_managed_rule("StepFunctionsGetEventForCodeBuildStartBuildBatchRule");
        } else {
            cx.allow(["codebuild:StartBuildBatch"], [project]);
        }
        let fields = parameters(&self.project, &self.environment_variables_override);
        TaskFields::new(cx.integration("codebuild", "startBuildBatch"), fields)
    }
}

fn parameters(project: &ProjectRef, variables: &Option<ByName<VariableData>>) -> Fields {
    let mut fields = Fields::new().set("ProjectName", project.name.clone());
    if let Some(variables) = variables {
        let variables = variables.0.iter().map(|(name, variable)| {
            let kind = variable.variable_type.unwrap_or(BuildEnvironmentVariableType::PlainText);
            variable.fields().set("Name", stepwell_value::Value::from(name.clone())).set("Type", kind.as_str()).into()
        });
        fields.put("EnvironmentVariablesOverride", Json::Array(variables.collect()));
    }
    fields
}
