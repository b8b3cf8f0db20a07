//! The tasks of Athena.

use stepwell_constructs::*;

use super::adapt;
use crate::adapter::case::Cx;
use crate::adapter::eval::V;
use crate::adapter::states::{AnyNode, Input};
use crate::adapter::{Answer, convert, refs, unknown};

pub fn task(cx: &Cx, construct: &str, input: &mut Input) -> Option<Answer<AnyNode>> {
    Some(match construct {
        "AthenaStartQueryExecution" => start(cx, input),
        "AthenaGetQueryExecution" => get(cx, input),
        "AthenaGetQueryResults" => results(cx, input),
        "AthenaStopQueryExecution" => stop(cx, input),
        _ => return None,
    })
}

fn start(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let query = input.props.need("queryString")?;
    adapt!(cx, input, AthenaStartQueryExecution(convert::val::<String, L>(&query)?) {
        "clientRequestToken" => client_request_token: text,
        "queryExecutionContext" => query_execution_context: {context},
        "resultConfiguration" => result_configuration: {configuration},
        "resultReuseConfigurationMaxAge" => result_reuse_max_age: duration,
        "executionParameters" => execution_parameters: texts,
        "workGroup" => work_group: text,
    } patterns "REQUEST_RESPONSE", "RUN_JOB" => run_job)
}

fn context<L: convert::Lang>(_: &Cx, value: &V) -> Answer<QueryExecutionContext<L>> {
    let mut props = value.props()?;
    let mut context = QueryExecutionContext::new();
    if let Some(v) = props.take("catalogName") {
        context = context.catalog_name(convert::val::<String, L>(&v)?);
    }
    if let Some(v) = props.take("databaseName") {
        context = context.database_name(convert::val::<String, L>(&v)?);
    }
    props.done("QueryExecutionContext")?;
    Ok(context)
}

fn configuration<L: convert::Lang>(cx: &Cx, value: &V) -> Answer<ResultConfiguration<L>> {
    let mut props = value.props()?;
    let mut configuration = ResultConfiguration::new();
    if let Some(v) = props.take("encryptionConfiguration") {
        let mut encryption = v.props()?;
        configuration = configuration.encryption(match encryption.need("encryptionOption")?.word()? {
            "S3_MANAGED" => EncryptionOption::S3Managed,
            "KMS" => EncryptionOption::Kms,
            "CLIENT_SIDE_KMS" => EncryptionOption::ClientSideKms,
            other => return unknown(other),
        });
        if let Some(v) = encryption.take("encryptionKey") {
            configuration = configuration.encryption_key(&refs::key(cx, &v)?);
        }
        encryption.done("encryptionConfiguration")?;
    }
    if let Some(v) = props.take("outputLocation") {
        let mut location = v.props()?;
        let bucket = BucketRef::from_name(convert::cfn(&location.need("bucketName")?)?);
        configuration = configuration.output_location(&bucket, convert::cfn(&location.need("objectKey")?)?);
        location.done("outputLocation")?;
    }
    props.done("ResultConfiguration")?;
    Ok(configuration)
}

fn get(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let id = input.props.need("queryExecutionId")?;
    adapt!(cx, input, AthenaGetQueryExecution(convert::val::<String, L>(&id)?) {} patterns "REQUEST_RESPONSE")
}

fn results(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let id = input.props.need("queryExecutionId")?;
    adapt!(cx, input, AthenaGetQueryResults(convert::val::<String, L>(&id)?) {
        "maxResults" => max_results: int,
        "nextToken" => next_token: text,
    } patterns "REQUEST_RESPONSE")
}

fn stop(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let id = input.props.need("queryExecutionId")?;
    adapt!(cx, input, AthenaStopQueryExecution(convert::val::<String, L>(&id)?) {} patterns "REQUEST_RESPONSE")
}
