//! Tasks that call an API of a service, an endpoint of API Gateway, or any other one.

use stepwell_constructs::*;

use super::adapt;
use crate::adapter::case::Cx;
use crate::adapter::eval::V;
use crate::adapter::states::{AnyNode, Input};
use crate::adapter::{Answer, Stop, convert, grants, unknown};

pub fn task(cx: &Cx, construct: &str, input: &mut Input) -> Option<Answer<AnyNode>> {
    Some(match construct {
        "CallAwsService" => aws_service(cx, input),
        "CallApiGatewayRestApiEndpoint" => rest_api(cx, input),
        "CallApiGatewayHttpApiEndpoint" => http_api(cx, input),
        "HttpInvoke" => http(cx, input),
        "MediaConvertCreateJob" => media_convert(cx, input),
        "CallAwsServiceCrossRegion" => cross_region(cx, input),
        "EvaluateExpression" => evaluate(cx, input),
        _ => return None,
    })
}

fn statements(_: &Cx, value: &V) -> Answer<Vec<Statement>> {
    value.items()?.iter().map(grants::statement).collect()
}

fn string(_: &Cx, value: &V) -> Answer<String> {
    Ok(value.text()?.to_owned())
}

/// The service, its action, and the resources that the role may use.
fn api(input: &mut Input) -> Answer<(String, String, Vec<Cfn>)> {
    let service = input.props.need("service")?.text()?.to_owned();
    let action = input.props.need("action")?.text()?.to_owned();
    let resources = input.props.need("iamResources")?;
    Ok((service, action, resources.items()?.iter().map(convert::cfn).collect::<Answer<_>>()?))
}

fn aws_service(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let (service, action, resources) = api(input)?;
    adapt!(cx, input, CallAwsService(service, action, resources) {
        "parameters" => parameters: object,
        "iamAction" => iam_action: (string),
        "additionalIamStatements" => additional_iam_statements: (statements),
    } patterns "REQUEST_RESPONSE", token "parameters": object)
}

pub fn method(word: &str) -> Answer<HttpMethod> {
    Ok(match word {
        "GET" => HttpMethod::Get,
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        "DELETE" => HttpMethod::Delete,
        "PATCH" => HttpMethod::Patch,
        "HEAD" => HttpMethod::Head,
        "OPTIONS" => HttpMethod::Options,
        other => return unknown(other),
    })
}

fn auth_type(word: &str) -> Answer<AuthType> {
    Ok(match word {
        "NO_AUTH" => AuthType::NoAuth,
        "IAM_ROLE" => AuthType::IamRole,
        "RESOURCE_POLICY" => AuthType::ResourcePolicy,
        other => return unknown(other),
    })
}

fn rest_api(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let api = cx.attr(&input.props.need("api")?, "restApiId")?;
    let stage = convert::cfn(&input.props.need("stageName")?)?;
    let method = method(input.props.need("method")?.word()?)?;
    adapt!(cx, input, CallApiGatewayRestApiEndpoint(api, stage, method) {
        "apiPath" => api_path: text,
        "authType" => auth_type: [auth_type],
        "headers" => headers: field,
        "queryParameters" => query_parameters: field,
        "requestBody" => request_body: field,
        "region" => region: cfn,
    } patterns "REQUEST_RESPONSE", token "headers": field)
}

fn http_api(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let api = convert::cfn(&input.props.need("apiId")?)?;
    input.props.need("apiStack")?;
    let method = method(input.props.need("method")?.word()?)?;
    adapt!(cx, input, CallApiGatewayHttpApiEndpoint(api, method) {
        "stageName" => stage_name: cfn,
        "apiPath" => api_path: text,
        "authType" => auth_type: [auth_type],
        "headers" => headers: field,
        "queryParameters" => query_parameters: field,
        "requestBody" => request_body: field,
    } patterns "REQUEST_RESPONSE", token "headers": field)
}

fn encoding(word: &str) -> Answer<UrlEncodingFormat> {
    Ok(match word {
        "BRACKETS" => UrlEncodingFormat::Brackets,
        "COMMAS" => UrlEncodingFormat::Commas,
        "DEFAULT" => UrlEncodingFormat::Default,
        "INDICES" => UrlEncodingFormat::Indices,
        "NONE" => UrlEncodingFormat::None,
        "REPEAT" => UrlEncodingFormat::Repeat,
        other => return unknown(other),
    })
}

fn http(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let root = input.props.need("apiRoot")?;
    let endpoint = input.props.need("apiEndpoint")?;
    let method = input.props.need("method")?;
    let connection = input.props.need("connection")?;
    let connection = ConnectionRef::from_attributes(
        cx.attr(&connection, "connectionArn")?,
        cx.attr(&connection, "connectionSecretArn")?,
    );
    adapt!(cx, input, HttpInvoke(
        convert::val::<String, L>(&root)?,
        convert::val::<String, L>(&endpoint)?,
        convert::val::<String, L>(&method)?,
        &connection
    ) {
        "headers" => headers: field,
        "body" => body: field,
        "queryStringParameters" => query_string_parameters: field,
        "urlEncodingFormat" => url_encoding_format: [encoding],
    } patterns "REQUEST_RESPONSE")
}

fn media_convert(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let mut request = input.props.need("createJobRequest")?.props()?;
    let role = request.take("Role").ok_or(Stop::NotExpressible("missing_argument.rs"))?;
    let settings = request.take("Settings").ok_or(Stop::NotExpressible("missing_argument.rs"))?;
    if !request.0.is_empty() {
        input.props.0.push(("request".into(), V::Object(request.0)));
    }
    adapt!(cx, input, MediaConvertCreateJob(
        convert::val::<String, L>(&role)?,
        convert::field::<L>(&settings)?
    ) {
        "request" => request: object,
    } patterns "REQUEST_RESPONSE", "RUN_JOB" => run_job)
}

fn cross_region(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let (service, action, resources) = api(input)?;
    let region = input.props.need("region")?;
    adapt!(cx, input, CallAwsServiceCrossRegion(service, action, convert::val::<String, L>(&region)?, resources) {
        "parameters" => parameters: object,
        "endpoint" => endpoint: text,
        "iamAction" => iam_action: (string),
        "additionalIamStatements" => additional_iam_statements: (statements),
        "retryOnServiceExceptions" => retry_on_service_exceptions: bool,
    } patterns "REQUEST_RESPONSE", token "parameters": object)
}

fn evaluate(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let expression = input.props.need("expression")?;
    adapt!(cx, input, EvaluateExpression(convert::val::<String, L>(&expression)?) {
        "runtime" => runtime: [runtime],
        "architecture" => architecture: [architecture],
    } patterns "REQUEST_RESPONSE")
}

fn runtime(word: &str) -> Answer<NodeRuntime> {
    Ok(match word {
        "NODEJS_18_X" => NodeRuntime::Nodejs18,
        "NODEJS_20_X" => NodeRuntime::Nodejs20,
        "NODEJS_22_X" => NodeRuntime::Nodejs22,
        "NODEJS_24_X" => NodeRuntime::Nodejs24,
        "NODEJS_LATEST" => NodeRuntime::LATEST,
        _ => return Err(Stop::NotExpressible("other_runtime.rs")),
    })
}

fn architecture(word: &str) -> Answer<Architecture> {
    Ok(if word == "ARM_64" { Architecture::Arm64 } else { Architecture::X86_64 })
}
