//! Functions that tasks bring along, with their code in the template.

use stepwell_value::{Str, Value};

use crate::cfn::Cfn;
use crate::iam::{Statement, document};
use crate::json::{Fields, Json};
use crate::references::Grantee;
use crate::stack::{NewResource, Resource, logical_id};
use crate::state::words;
use crate::task::TaskContext;

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
    pub(crate) fn make(self, cx: &mut TaskContext<'_>) -> Cfn {
        let id = |path: &[Str], more: &[&str]| -> Str {
            let path: Vec<Str> = path.iter().cloned().chain(more.iter().map(Str::new)).collect();
            Str::from(logical_id(&path))
        };
        let role_id = id(self.role, &["Resource"]);
        let function_id = id(self.path, &["Resource"]);
        cx.resources.push(NewResource { logical_id: role_id.clone(), resource: service_role("lambda.amazonaws.com") });
        let policy_path: Vec<Str> =
            self.role.iter().cloned().chain([Str::from("DefaultPolicy"), Str::from("Resource")]).collect();
        let policy_id = Str::from(logical_id(&policy_path));
        let grantee = Grantee { policy_path, name: Cfn::reference(&role_id), property: "Roles" };
        for statement in self.statements {
            cx.grants.push((grantee.clone(), statement));
        }
        let mut properties = Fields::new();
        if let Some(architecture) = self.architecture {
            properties.put("Architectures", Json::Array(vec![Json::from(architecture.as_str())]));
        }
        properties.put("Code", Fields::new().set("ZipFile", self.code));
        properties.put("Handler", "index.handler");
        properties.put("Role", Cfn::get_att(&role_id, "Arn"));
        properties.put("Runtime", self.runtime.as_str());
        if let Some(timeout_s) = self.timeout_s {
            properties.put("Timeout", Value::from(timeout_s));
        }
        let mut resource = Resource::new("AWS::Lambda::Function", properties);
        resource.depends_on = vec![role_id];
        resource.depends_on_policy = Some(policy_id);
        cx.resources.push(NewResource { logical_id: function_id.clone(), resource });
        let arn = Cfn::get_att(&function_id, "Arn");
        cx.allow(["lambda:InvokeFunction"], [arn.clone(), arn.clone().then(":*")]);
        arn
    }
}

fn service_role(service: &str) -> Resource {
    let trust = Statement::allow(["sts:AssumeRole"], []).for_service(service);
    let managed = Cfn::join([
        Cfn::from("arn:"),
        Cfn::partition(),
        Cfn::from(":iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"),
    ]);
    let properties = Fields::new()
        .set("AssumeRolePolicyDocument", document(&[trust]))
        .set("ManagedPolicyArns", Json::Array(vec![Json::Cfn(managed)]));
    Resource::new("AWS::IAM::Role", properties)
}
