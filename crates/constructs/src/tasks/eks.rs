//! EKS: EksCall.

use crate::HttpMethod;
use crate::cfn::Cfn;
use crate::references::by_reference;
use crate::task::{Task, TaskContext, TaskFields, task};

task! {
    /// Calls the Kubernetes API of a cluster.
    ///
    /// The role of the machine needs no permission of IAM for it; the cluster itself must know the role.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let cluster = EksClusterRef::from_logical_id("Cluster");
    /// w.add(EksCall::json_path("Pods", &cluster, HttpMethod::Get, "/api/v1/namespaces/default/pods")
    ///     .query_parameters(obj!({ "labelSelector": ["app=shop"] })));
    /// ```
    EksCall(EksCallProps) {
        patterns { RequestResponse }
        required {
            /// The cluster (field `ClusterName`).
            cluster: (EksClusterRef),
            /// The method of the request.
            #[doc(alias = "httpMethod")]
            http_method: (HttpMethod) => "Method",
            /// The path of the request.
            #[doc(alias = "httpPath")]
            http_path: text => "Path",
        }
        optional {
            /// The query string: for each name its values.
            #[doc(alias = "queryParameters")]
            query_parameters: object => "QueryParameters",
            /// The body of the request.
            #[doc(alias = "requestBody")]
            request_body: any => "RequestBody",
        }
    }
}

/// A cluster of EKS.
#[derive(Clone, Debug, PartialEq)]
pub struct EksClusterRef {
    name: Cfn,
    endpoint: Cfn,
    certificate_authority_data: Cfn,
}

impl EksClusterRef {
    /// The cluster with this name, endpoint, and certificate authority in Base64.
    pub fn from_attributes(
        name: impl Into<Cfn>,
        endpoint: impl Into<Cfn>,
        certificate_authority_data: impl Into<Cfn>,
    ) -> EksClusterRef {
        EksClusterRef {
            name: name.into(),
            endpoint: endpoint.into(),
            certificate_authority_data: certificate_authority_data.into(),
        }
    }

    /// An `AWS::EKS::Cluster` of the same template.
    pub fn from_logical_id(logical_id: &str) -> EksClusterRef {
        EksClusterRef::from_attributes(
            Cfn::reference(logical_id),
            Cfn::get_att(logical_id, "Endpoint"),
            Cfn::get_att(logical_id, "CertificateAuthorityData"),
        )
    }

    /// The name.
    pub fn name(&self) -> &Cfn {
        &self.name
    }
}

by_reference!(EksClusterRef);

impl Task for EksCallProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        let fields = self
            .fields()
            .set("ClusterName", self.cluster.name.clone())
            .set("CertificateAuthority", self.cluster.certificate_authority_data.clone())
            .set("Endpoint", self.cluster.endpoint.clone());
        TaskFields::new(cx.integration("eks", "call"), fields)
    }
}
