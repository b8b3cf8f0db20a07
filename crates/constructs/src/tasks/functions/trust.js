// Lets the jobs of a virtual cluster of EMR on EKS have a role: adds the service accounts that EMR makes for them in the
// cluster's namespace to the role's trust policy, as "aws emr-containers update-role-trust-policy" does.
const { EMRContainersClient, DescribeVirtualClusterCommand } = require("@aws-sdk/client-emr-containers");
const { EKSClient, DescribeClusterCommand } = require("@aws-sdk/client-eks");
const { IAMClient, GetRoleCommand, UpdateAssumeRolePolicyCommand } = require("@aws-sdk/client-iam");

async function trust({ VirtualClusterId, RoleName }) {
  const { virtualCluster } = await new EMRContainersClient().send(new DescribeVirtualClusterCommand({ id: VirtualClusterId }));
  const { id: name, info } = virtualCluster.containerProvider;
  const { cluster } = await new EKSClient().send(new DescribeClusterCommand({ name }));
  const provider = cluster.identity.oidc.issuer.replace("https://", "");
  const iam = new IAMClient();
  const { Role: role } = await iam.send(new GetRoleCommand({ RoleName }));
  const [, partition, , , account] = role.Arn.split(":");
  // Names of service accounts have no capital letters: the name of the role is a number of base 36 in them.
  const encoded = BigInt("0x" + Buffer.from(RoleName).toString("hex")).toString(36);
  const accounts = `emr-containers-sa-*-*-${account}-${encoded}`;
  const statement = {
    Effect: "Allow",
    Principal: { Federated: `arn:${partition}:iam::${account}:oidc-provider/${provider}` },
    Action: "sts:AssumeRoleWithWebIdentity",
    Condition: { StringLike: { [`${provider}:sub`]: `system:serviceaccount:${info.eksInfo.namespace}:${accounts}` } },
  };
  const policy = JSON.parse(decodeURIComponent(role.AssumeRolePolicyDocument));
  const text = JSON.stringify(statement);
  if (policy.Statement.some((other) => JSON.stringify(other) === text)) return;
  policy.Statement.push(statement);
  await iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: JSON.stringify(policy) }));
}

exports.handler = async (event) => {
  const { StackId, RequestId, LogicalResourceId } = event;
  const PhysicalResourceId = event.PhysicalResourceId ?? LogicalResourceId;
  const answer = { Status: "SUCCESS", StackId, RequestId, LogicalResourceId, PhysicalResourceId };
  try {
    if (event.RequestType !== "Delete") await trust(event.ResourceProperties);
  } catch (error) {
    Object.assign(answer, { Status: "FAILED", Reason: error.message });
  }
  await fetch(event.ResponseURL, { method: "PUT", headers: { "content-type": "" }, body: JSON.stringify(answer) });
  return answer;
};
