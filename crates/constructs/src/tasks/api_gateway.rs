//! API Gateway: CallApiGatewayRestApiEndpoint, CallApiGatewayHttpApiEndpoint.

use crate::cfn::Cfn;
use crate::json::{Fields, Json, ToJson};
use crate::state::words;
use crate::task::{Task, TaskContext, TaskFields, task, token_in};

/// A task that calls an endpoint: what both kinds of APIs share, beside what is said of one.
macro_rules! call_task {
    (
        $(#[$doc:meta])*
        $name:ident($props:ident) {
            required { $($required:tt)* }
            optional { $($optional:tt)* }
        }
    ) => {
        task! {
            $(#[$doc])*
            $name($props) {
                patterns { RequestResponse }
                required {
                    /// The id of the API (field `ApiEndpoint`).
                    #[doc(alias = "apiId")]
                    #[doc(alias = "api")]
                    api_id: (Cfn),
                    $($required)*
                    /// The method of the request (field `Method`).
                    method: (HttpMethod),
                }
                optional {
                    $($optional)*
                    /// The path below the stage; begins with `/`.
                    #[doc(alias = "apiPath")]
                    api_path: text => "Path",
                    /// Who the caller is; nobody if nothing is said (field `AuthType`).
                    #[doc(alias = "authType")]
                    auth_type: (AuthType),
                    /// The headers; each value is an array.
                    headers: any => "Headers",
                    /// The query parameters; each value is an array.
                    #[doc(alias = "queryParameters")]
                    query_parameters: any => "QueryParameters",
                    /// The body.
                    #[doc(alias = "requestBody")]
                    request_body: any => "RequestBody",
                }
            }
        }

        token_in!($name.headers: any, RequestResponse);
    };
}

call_task! {
    /// Calls an endpoint of a REST API.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let api = Cfn::reference("OrdersApi");
    /// w.add(CallApiGatewayRestApiEndpoint::json_path("Read", api.clone(), "prod", HttpMethod::Get).api_path("/orders"));
    /// w.add(CallApiGatewayRestApiEndpoint::json_path("Ask", api, "prod", HttpMethod::Put)
    ///     .wait_for_task_token(|token| obj!({ "TaskToken": intrinsic::array([token]) })));
    /// ```
    CallApiGatewayRestApiEndpoint(CallApiGatewayRestApiEndpointProps) {
        required {
            /// The stage (field `Stage`).
            #[doc(alias = "stageName")]
            stage_name: (Cfn),
        }
        optional {
            /// The region of the API; that of the stack if nothing is said (field `ApiEndpoint`).
            region: (Cfn),
        }
    }
}

call_task! {
    /// Calls an endpoint of an HTTP API.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let api = Cfn::reference("OrdersApi");
    /// w.add(CallApiGatewayHttpApiEndpoint::jsonata("Read", api, HttpMethod::Get).api_path("/orders"));
    /// ```
    CallApiGatewayHttpApiEndpoint(CallApiGatewayHttpApiEndpointProps) {
        required {}
        optional {
            /// The stage; `$default` if nothing is said (field `Stage`).
            #[doc(alias = "stageName")]
            stage_name: (Cfn),
        }
    }
}

words! {
    /// The method of a request to an API.
    HttpMethod {
        /// Reads
        Get = "GET",
        /// Sends
        Post = "POST",
        /// Replaces
        Put = "PUT",
        /// Deletes
        Delete = "DELETE",
        /// Changes
        Patch = "PATCH",
        /// Reads the headers
        Head = "HEAD",
        /// Asks what is allowed
        Options = "OPTIONS",
    }
    /// Who the caller of an API is.
    AuthType {
        /// Nobody
        NoAuth = "NO_AUTH",
        /// The role of the state machine
        IamRole = "IAM_ROLE",
        /// The state machine, for policies of the API
        ResourcePolicy = "RESOURCE_POLICY",
    }
}

impl Task for CallApiGatewayRestApiEndpointProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        if let Some(path) = self.api_path.as_ref().and_then(Json::literal).filter(|path| !path.starts_with('/')) {
            cx.refuse("MustBePathBegin", format!("\"path\" must begin with a \"/\": '{path}'"));
        }
        let region = self.region.clone().unwrap_or_else(|| cx.environment.region());
        let call = Call {
            endpoint: host(&self.api_id, region),
            method: self.method,
            stage: Some(&self.stage_name),
            auth_type: self.auth_type,
            headers: &self.headers,
            rest: self.fields(),
            resource: invoked(&self.api_id, self.stage_name.clone(), self.method, &self.api_path),
        };
        call.render(cx)
    }
}

impl Task for CallApiGatewayHttpApiEndpointProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        let stage = self.stage_name.clone().unwrap_or_else(|| Cfn::from("$default"));
        let call = Call {
            endpoint: host(&self.api_id, cx.environment.region()),
            method: self.method,
            stage: self.stage_name.as_ref(),
            auth_type: self.auth_type,
            headers: &self.headers,
            rest: self.fields(),
            resource: invoked(&self.api_id, stage, self.method, &self.api_path),
        };
        call.render(cx)
    }
}

/// What the calls of both kinds of APIs share.
struct Call<'t> {
    endpoint: Cfn,
    method: HttpMethod,
    stage: Option<&'t Cfn>,
    auth_type: Option<AuthType>,
    headers: &'t Option<Json>,
    rest: Fields,
    /// The resource that may be invoked, all that follows the account.
    resource: Cfn,
}

impl Call<'_> {
    fn render(self, cx: &mut TaskContext<'_>) -> TaskFields {
        cx.require_token(
            self.headers,
            "IsRequiredTaskTokenRequired",
            "Task Token is required in `headers` for WAIT_FOR_TASK_TOKEN pattern. Use JsonPath.taskToken to set the token.",
        );
        if self.auth_type != Some(AuthType::NoAuth) {
            let resource = cx.arn("execute-api", self.resource);
            cx.allow(["execute-api:Invoke"], [resource]);
        }
        let mut fields = Fields::new()
            .set("ApiEndpoint", self.endpoint)
            .set("Method", self.method.to_json())
            .set_opt("Stage", &self.stage.cloned());
        fields.extend(self.rest);
        fields.put("AuthType", self.auth_type.unwrap_or(AuthType::NoAuth).to_json());
        TaskFields::new(cx.integration("apigateway", "invoke"), fields)
    }
}

/// The host that serves the API.
fn host(api_id: &Cfn, region: Cfn) -> Cfn {
    let suffix = Cfn::reference("AWS::URLSuffix");
    Cfn::join([api_id.clone(), Cfn::from(".execute-api."), region, Cfn::from("."), suffix])
}

/// `/stage/METHOD/path` for the ARN; a path that is not known when the template is deployed is any path.
fn invoked(api_id: &Cfn, stage: Cfn, method: HttpMethod, path: &Option<Json>) -> Cfn {
    let path = path.as_ref().and_then(Json::deployed).unwrap_or_else(|| Cfn::from("/*"));
    Cfn::join([api_id.clone(), Cfn::from("/"), stage, Cfn::from("/"), Cfn::from(method.as_str()), path])
}
