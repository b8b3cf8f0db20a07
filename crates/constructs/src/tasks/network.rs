//! Security groups that tasks make.

use stepwell_value::{Str, Value};

use crate::cfn::Cfn;
use crate::json::{Fields, ToJson};
use crate::task::TaskContext;
use crate::tasks::roles;

/// Makes a security group below the task that lets everything out; its id.
pub(super) fn new_security_group(cx: &mut TaskContext<'_>, id: &str, vpc_id: &Cfn) -> Cfn {
    let stack = cx.environment.stack_id.clone();
    let ids = std::iter::once(&stack).chain(&cx.path).map(Str::as_str).chain([id]);
    let description = ids.collect::<Vec<_>>().join("/");
    let everything = Fields::new()
        .set("CidrIp", "0.0.0.0/0")
        .set("Description", "Allow all outbound traffic by default")
        .set("IpProtocol", "-1");
    let properties = Fields::new()
        .set("GroupDescription", Value::from(description))
        .set("SecurityGroupEgress", vec![everything].to_json())
        .set("VpcId", vpc_id.clone());
    let logical_id = roles::make(cx, [id, "Resource"], "AWS::EC2::SecurityGroup", properties);
    Cfn::get_att(&logical_id, "GroupId")
}
