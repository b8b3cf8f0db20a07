//! Any HTTPS endpoint: HttpInvoke.

use stepwell_value::{Str, Value};

use crate::QueryLanguage;
use crate::cfn::Cfn;
use crate::iam::Statement;
use crate::intrinsic::quoted;
use crate::json::{Fields, Json, is_expression};
use crate::path::Path;
use crate::references::by_reference;
use crate::state::words;
use crate::task::{Task, TaskContext, TaskFields, task};

task! {
    /// Calls an HTTPS endpoint, by a connection of EventBridge that knows how to sign in.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let connection = ConnectionRef::from_logical_id("Tracker");
    /// w.add(HttpInvoke::json_path("Close", "https://tracker.example.com", path("$.issue"), "POST", &connection)
    ///     .body(obj!({ "state": "closed" })));
    /// w.add(HttpInvoke::jsonata("Read", "https://tracker.example.com", jsonata("'issues/' & $states.input.id"), "GET", &connection));
    /// ```
    HttpInvoke(HttpInvokeProps) {
        patterns { RequestResponse }
        required {
            /// The beginning of the URL: `https://api.example.com` (field `ApiEndpoint`).
            #[doc(alias = "apiRoot")]
            api_root: text,
            /// The rest of the URL: `v1/orders` (field `ApiEndpoint`).
            #[doc(alias = "apiEndpoint")]
            api_endpoint: text,
            /// The method of the request (field `Method`).
            method: text,
            /// The connection, by which the endpoint knows who calls (field `ConnectionArn`).
            connection: (ConnectionRef),
        }
        optional {
            /// The headers (field `Headers`).
            headers: any,
            /// The body.
            body: any => "RequestBody",
            /// The query parameters.
            #[doc(alias = "queryStringParameters")]
            query_string_parameters: any => "QueryParameters",
            /// How the body is encoded as a form (field `Transform`); it is JSON if nothing is said.
            #[doc(alias = "urlEncodingFormat")]
            url_encoding_format: (UrlEncodingFormat),
        }
    }
}

words! {
    /// How arrays are written in a form.
    UrlEncodingFormat {
        /// `array[]=1&array[]=2`
        Brackets = "BRACKETS",
        /// `array=1,2`
        Commas = "COMMAS",
        /// As the service does it if nothing is said: like `Indices`
        Default = "DEFAULT",
        /// `array[0]=1&array[1]=2`
        Indices = "INDICES",
        /// Not as a form
        None = "NONE",
        /// `array=1&array=2`
        Repeat = "REPEAT",
    }
}

/// A connection of EventBridge: what an endpoint wants to know about its caller.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectionRef {
    arn: Cfn,
    secret_arn: Cfn,
}

by_reference!(ConnectionRef);

impl ConnectionRef {
    /// The connection with this ARN, whose secrets are kept under the other.
    pub fn from_attributes(arn: impl Into<Cfn>, secret_arn: impl Into<Cfn>) -> ConnectionRef {
        ConnectionRef { arn: arn.into(), secret_arn: secret_arn.into() }
    }

    /// An `AWS::Events::Connection` of the same template.
    pub fn from_logical_id(logical_id: &str) -> ConnectionRef {
        ConnectionRef::from_attributes(Cfn::get_att(logical_id, "Arn"), Cfn::get_att(logical_id, "SecretArn"))
    }
}

impl Task for HttpInvokeProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        self.permissions(cx);
        let mut fields = Fields::new();
        match self.endpoint(cx) {
            Json::Path(path) => fields.put("ApiEndpoint", Json::Path(path)),
            // A call of an intrinsic function that CloudFormation completes.
            Json::Cfn(call) if cx.language == QueryLanguage::JsonPath && self.calls_format(cx) => {
                fields.put("ApiEndpoint.$", call);
            }
            endpoint => fields.put("ApiEndpoint", endpoint),
        }
        fields.put("Authentication", Fields::new().set("ConnectionArn", self.connection.arn.clone()));
        fields.put("Method", self.method.clone());
        if let Some(headers) = self.headers(cx) {
            fields.put("Headers", headers);
        }
        fields.extend(self.fields());
        if let Some(format) = self.form() {
            let mut transform = Fields::new().set("RequestBodyEncoding", "URL_ENCODED");
            if format != UrlEncodingFormat::Default {
                transform.put("RequestEncodingOptions", Fields::new().set("ArrayFormat", format.as_str()));
            }
            fields.put("Transform", transform);
        }
        TaskFields::new(cx.integration("http", "invoke"), fields)
    }
}

impl HttpInvokeProps {
    fn permissions(&self, cx: &mut TaskContext<'_>) {
        cx.allow(["events:RetrieveConnectionCredentials"], [self.connection.arn.clone()]);
        cx.allow(
            ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
            [self.connection.secret_arn.clone()],
        );
        let root = self.api_root.deployed().unwrap_or_default().then("*");
        let invoke = Statement::allow(["states:InvokeHTTPEndpoint"], [Cfn::from("*")]);
        cx.needs.statements.push(invoke.when("StringLike", "states:HTTPEndpoint", &root));
    }

    fn form(&self) -> Option<UrlEncodingFormat> {
        self.url_encoding_format.filter(|format| *format != UrlEncodingFormat::None)
    }

    /// Whether the endpoint is put together when the state runs, although both parts may be known before.
    fn calls_format(&self, cx: &TaskContext<'_>) -> bool {
        let computed = self.api_root.is_dynamic() || self.api_endpoint.is_dynamic();
        cx.environment.compat.http_invoke_dynamic_json_path_endpoint || computed
    }

    /// The root, a slash, and the path below it.
    fn endpoint(&self, cx: &TaskContext<'_>) -> Json {
        let parts = [&self.api_root, &self.api_endpoint];
        match cx.language {
            QueryLanguage::JsonPath if self.calls_format(cx) => {
                let [root, endpoint] = parts.map(as_argument);
                let call = Cfn::join(["States.Format('{}/{}', ".into(), root, ", ".into(), endpoint, ")".into()]);
                match call.as_literal() {
                    Some(text) => Json::Path(Path::call(text.to_owned(), None)),
                    None => Json::Cfn(call),
                }
            }
            QueryLanguage::JsonPath => {
                let [root, endpoint] = parts.map(|part| part.deployed().unwrap_or_default());
                Json::Cfn(root.then("/").then(endpoint))
            }
            QueryLanguage::Jsonata => {
                let [root, endpoint] = parts.map(as_operand);
                Json::Cfn(Cfn::join(["{% ".into(), root, " & '/' & ".into(), endpoint, " %}".into()]))
            }
        }
    }

    /// A form has the content type of one, whatever the headers say.
    fn headers(&self, cx: &mut TaskContext<'_>) -> Option<Json> {
        const CONTENT_TYPE: &str = "Content-Type";
        if self.form().is_none() {
            return self.headers.clone();
        }
        let mut members = match &self.headers {
            None => Vec::new(),
            Some(Json::Object(members)) => members.clone(),
            Some(_) => {
                let message = "the headers of a request with a form must be an object, to get their content type";
                cx.refuse("HeadersOfFormMustBeObject", message);
                Vec::new()
            }
        };
        members.retain(|(name, _)| name != CONTENT_TYPE);
        members.push((Str::from(CONTENT_TYPE), Json::from("application/x-www-form-urlencoded")));
        Some(Json::Object(members))
    }
}

/// An argument of an intrinsic function: a path as it is, text in quotes.
fn as_argument(part: &Json) -> Cfn {
    match part {
        Json::Path(path) => Cfn::from(path.text()),
        Json::Cfn(cfn) if cfn.as_literal().is_none() => Cfn::from("'").then(cfn).then("'"),
        part => Cfn::from(quoted(part.literal().unwrap_or_default())),
    }
}

/// An operand of an expression: the inside of an expression, text in quotes.
fn as_operand(part: &Json) -> Cfn {
    match part {
        Json::Value(Value::Str(text)) if is_expression(text) => Cfn::from(text[2..text.len() - 2].trim()),
        Json::Cfn(cfn) if cfn.as_literal().is_none() => Cfn::from("'").then(cfn).then("'"),
        part => {
            let text = part.literal().unwrap_or_default().replace('\\', "\\\\").replace('\'', "\\'");
            Cfn::from(format!("'{text}'"))
        }
    }
}
