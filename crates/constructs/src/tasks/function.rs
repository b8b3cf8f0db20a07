//! Functions that tasks bring along, with their code in the template.

use stepwell_value::{Str, Value};

use crate::cfn::Cfn;
use crate::iam::Statement;
use crate::json::{Fields, Json};
use crate::stack::{NewResource, Resource, logical_id};
use crate::state::words;
use crate::task::TaskContext;
use crate::tasks::roles::{self, BASIC_EXECUTION, Rights, trusted};

words! {
    /// The runtime of a function that a task brings along.
    #[non_exhaustive]
    NodeRuntime {
        /// Node.js 18
        Nodejs18 = "nodejs18.x",
        /// Node.js 20
        Nodejs20 = "nodejs20.x",
        /// Node.js 22
        Nodejs22 = "nodejs22.x",
        /// Node.js 24
        Nodejs24 = "nodejs24.x",
    }
    /// The processors that a function runs on.
    Architecture {
        /// Intel and AMD
        X86_64 = "x86_64",
        /// Arm
        Arm64 = "arm64",
    }
}

impl NodeRuntime {
    /// The newest.
    pub const LATEST: NodeRuntime = NodeRuntime::Nodejs24;
}

/// A function to be made.
pub(crate) struct NewFunction<'f> {
    /// The ids from the stack's scope down to the function.
    pub(crate) path: &'f [Str],
    /// The ids of its role.
    pub(crate) role: &'f [Str],
    pub(crate) code: &'static str,
    pub(crate) runtime: NodeRuntime,
    pub(crate) architecture: Option<Architecture>,
    pub(crate) timeout_s: Option<u32>,
    /// What the function itself is allowed.
    pub(crate) statements: Vec<Statement>,
}

impl NewFunction<'_> {
    /// Puts the function and its role into the template, allows the machine to invoke it, and gives its ARN.
    pub(crate) fn make_invocable(self, cx: &mut TaskContext<'_>) -> Cfn {
        let arn = self.make(cx);
        cx.allow(["lambda:InvokeFunction"], [arn.clone(), arn.clone().then(":*")]);
        arn
    }

    /// Puts the function and its role into the template, and gives its ARN.
    pub(crate) fn make(self, cx: &mut TaskContext<'_>) -> Cfn {
        let below = |path: &[Str], ids: &[&str]| -> Str {
            let path: Vec<Str> = path.iter().cloned().chain(ids.iter().map(Str::new)).collect();
            Str::from(logical_id(&path))
        };
        let trust = [trusted("lambda.amazonaws.com")];
        let role = roles::new_role_at(cx, self.role, trust, Rights::Managed(BASIC_EXECUTION));
        roles::grant(cx, &role, self.statements);
        let function_id = below(self.path, &["Resource"]);
        let mut properties = Fields::new();
        if let Some(architecture) = self.architecture {
            properties.put("Architectures", Json::Array(vec![Json::from(architecture.as_str())]));
        }
        properties.put("Code", Fields::new().set("ZipFile", self.code));
        properties.put("Handler", "index.handler");
        properties.put("Role", role.arn().clone());
        properties.put("Runtime", self.runtime.as_str());
        if let Some(timeout_s) = self.timeout_s {
            properties.put("Timeout", Value::from(timeout_s));
        }
        let mut resource = Resource::new("AWS::Lambda::Function", properties);
        resource.depends_on.extend(role.logical_id);
        resource.depends_on_policy = Some(below(self.role, &["DefaultPolicy", "Resource"]));
        cx.needs.resources.push(NewResource { logical_id: function_id.clone(), resource });
        Cfn::get_att(&function_id, "Arn")
    }
}
