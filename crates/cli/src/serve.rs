//! `stepwell serve`: the API of AWS Step Functions on this machine.

use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use std::{env, fs};

use stepwell_connect::{self as connect, Client, Endpoint, EndpointError, Lambda, Outside};
use stepwell_server::{Config, Limits, Server, Service};
use stepwell_store::memory::Memory;
use stepwell_store::sqlite::Sqlite;
use stepwell_store::{Store, StoreError};
use stepwell_value::{Str, Value};
use tokio::runtime::{Handle, Runtime};
use tokio::sync::oneshot;

use crate::args::{Global, Serve, Unused, account, region};
use crate::failure::{Exit, Failure};
use crate::files::OpenFiles;
use crate::terminal;

/// Account of requests whose access key names none: that of Step Functions Local.
const ACCOUNT: &str = "123456789012";
/// Region of requests that do not say theirs.
const REGION: &str = "us-east-1";
/// Where data lie unless something else is said.
const DATA: &str = ".stepwell";
/// How long tasks that are being done may take when the server stops.
const DRAIN: Duration = Duration::from_secs(10);
/// Most threads that wait for the disk.
const BLOCKING_THREADS_MAX: usize = 32;

pub(crate) fn serve(serve: &Serve, global: &Global) -> Result<Exit, Failure> {
    let settings = Settings::of(serve)?;
    match global.quiet {
        true => stepwell_server::log_problems_only(),
        false => settings.remarks.iter().for_each(|remark| terminal::eprint(&format!("{remark}\n"))),
    }
    // Connections have a thread each that they never leave: handing calls on between threads costs more than most of
    // the calls. Half of the processors are left to the executions.
    let helpers = (1..settings.threads.div_ceil(2)).map(|_| Helper::start()).collect::<Result<Vec<_>, _>>()?;
    let exit = runtime()?.block_on(run(&settings, &helpers, global));
    helpers.into_iter().for_each(Helper::end);
    exit
}

/// A runtime on the calling thread.
fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_keep_alive(Duration::from_secs(2))
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot start the server's threads: {error}")))
}

/// A thread that answers requests.
struct Helper {
    handle: Handle,
    end: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Helper {
    fn start() -> Result<Helper, Failure> {
        let runtime = runtime()?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new().name("api".to_owned()).spawn(move || {
            let _ = runtime.block_on(ended);
        });
        let thread = thread.map_err(|error| Failure::new(Exit::Failed, format!("cannot start a thread: {error}")))?;
        Ok(Helper { handle, end, thread })
    }

    fn end(self) {
        let _ = self.end.send(());
        let _ = self.thread.join();
    }
}

async fn run(settings: &Settings, helpers: &[Helper], global: &Global) -> Result<Exit, Failure> {
    if let Some(file) = &settings.ready_file {
        // Whoever waits for it must not find that of a former server. There is none, as a rule.
        let _ = fs::remove_file(file);
    }
    // Whoever connects from here on is answered as soon as the data are open.
    let server = Server::bind(settings.listen, settings.limits).await.map_err(|error| {
        Failure::new(Exit::Failed, format!("cannot listen on {}: {error}", settings.listen))
            .hint("take another port, or a free one: --listen 127.0.0.1:0")
    })?;
    let store: Arc<dyn Store> = match &settings.data {
        Some(data) => Arc::new(open_data(data)?),
        None => Arc::new(Memory::new()),
    };
    let config = Config {
        region: settings.region.clone(),
        is_region_fixed: settings.is_region_fixed,
        account: settings.account.clone(),
    };
    let client = Client::new(settings.client_limits);
    let lambda = settings.lambda.as_ref().map(|(_, endpoint)| Lambda::new(client, endpoint.clone()));
    let node = stepwell_node::Config {
        workers: settings.threads,
        retention_ms: Some(i64::from(settings.retention_days) * 24 * 60 * 60 * 1_000),
        log_directory: settings.data.clone(),
        warn: Arc::new(stepwell_server::warn),
        ..stepwell_node::Config::default()
    };
    let service = Service::open(store, Outside::new(lambda), config, node)
        .map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
    let address = server.local_addr().unwrap_or(settings.listen);
    let stop = stop_asked()?;
    settings.tell_ready(address, global)?;
    tokio::spawn(service.clone().do_chores());
    let helpers: Vec<Handle> = helpers.iter().map(|helper| helper.handle.clone()).collect();
    server.run(service.clone(), &helpers, stop).await;
    service.drain(DRAIN).await;
    Ok(Exit::Success)
}

/// Opens the data, or makes them.
fn open_data(directory: &Path) -> Result<Sqlite, Failure> {
    Sqlite::open(directory).map_err(|error| {
        let failure = Failure::new(Exit::Failed, format!("cannot use the data in {}: {error}", directory.display()));
        match error {
            StoreError::Locked(_) => failure.hint("take another folder: --data DIR, or keep nothing: --memory"),
            _ => failure,
        }
    })
}

/// What comes when the process is asked to end; from this call on it does not end otherwise.
#[cfg(unix)]
fn stop_asked() -> Result<impl Future<Output = ()>, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let deaf = |error| Failure::new(Exit::Failed, format!("cannot listen to signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(deaf)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(deaf)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// What comes when the process is asked to end.
#[cfg(not(unix))]
fn stop_asked() -> Result<impl Future<Output = ()>, Failure> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}

/// What the command line and the environment say.
struct Settings {
    listen: SocketAddr,
    /// None: in memory.
    data: Option<PathBuf>,
    lambda: Option<(Str, Endpoint)>,
    region: Str,
    is_region_fixed: bool,
    account: Str,
    threads: usize,
    retention_days: u32,
    ready_file: Option<PathBuf>,
    limits: Limits,
    client_limits: connect::Limits,
    /// What is said before the server starts.
    remarks: Vec<String>,
}

/// A setting, and what said it.
struct Given {
    source: &'static str,
    value: String,
}

impl Given {
    /// What the command line says, else the first of these variables that is set.
    fn of(flag: &'static str, given: &Option<String>, variables: &[&'static str]) -> Option<Given> {
        match given {
            Some(value) => Some(Given { source: flag, value: value.clone() }),
            None => Given::of_environment(variables),
        }
    }

    fn of_environment(variables: &[&'static str]) -> Option<Given> {
        variables.iter().find_map(|name| Some(Given { source: name, value: variable(name)? }))
    }

    /// The value, if it has the form that the command line demands, too.
    fn checked(self, check: fn(&str) -> Result<String, String>) -> Result<String, Failure> {
        let Given { source, value } = self;
        check(&value).map_err(|wanted| Failure::usage(format!("invalid value '{value}' of {source}: {wanted}")))
    }
}

impl Settings {
    /// The command line counts before the environment.
    fn of(serve: &Serve) -> Result<Settings, Failure> {
        let lambda = Given::of("--lambda-endpoint", &serve.lambda_endpoint, &["LAMBDA_ENDPOINT"]);
        let lambda = lambda.or_else(sdk_lambda_endpoint).map(lambda_endpoint).transpose()?;
        let named = Given::of("--region", &serve.region, &["AWS_REGION", "AWS_DEFAULT_REGION"]);
        let named = named.map(|given| given.checked(region)).transpose()?;
        let owner = Given::of("--account", &serve.account, &["AWS_ACCOUNT_ID"]);
        let owner = owner.map(|given| given.checked(account)).transpose()?;
        let data = serve.data.clone().or_else(|| variable("STEPWELL_DATA").map(PathBuf::from));
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let (mut limits, mut client_limits) = (Limits::default(), connect::Limits::default());
        let files = OpenFiles::ask();
        let mut remarks = remarks(&serve.unused);
        remarks.extend(files.remark(limits.connections));
        remarks.extend(lambda.as_ref().filter(|(_, endpoint)| is_at(endpoint, serve.listen)).map(|(url, _)| {
            format!("note: {url} is this server, which has no Lambda functions: give --lambda-endpoint URL")
        }));
        limits.connections = files.for_clients(limits.connections);
        client_limits.connections_max = files.for_functions(client_limits.connections_max);
        Ok(Settings {
            listen: serve.listen,
            data: (!serve.memory).then(|| data.unwrap_or_else(|| PathBuf::from(DATA))),
            lambda,
            is_region_fixed: named.is_some(),
            region: named.map_or(Str::new_static(REGION), Str::from),
            account: owner.map_or(Str::new_static(ACCOUNT), Str::from),
            threads: serve.threads.map_or(processors, usize::from),
            retention_days: serve.retention,
            ready_file: serve.ready_file.clone(),
            limits,
            client_limits,
            remarks,
        })
    }

    /// Says that requests are answered from now on, and where.
    fn tell_ready(&self, address: SocketAddr, global: &Global) -> Result<(), Failure> {
        let url = format!("http://{address}");
        if let Some(file) = &self.ready_file {
            // Whoever waits for the file must not read half of it.
            let unfinished = file.with_added_extension("part");
            fs::write(&unfinished, format!("{url}\n"))
                .and_then(|()| fs::rename(&unfinished, file))
                .map_err(|error| Failure::new(Exit::Failed, format!("cannot write {}: {error}", file.display())))?;
        }
        let data = self.data.as_ref().map(|data| data.display().to_string());
        let lambda = self.lambda.as_ref().map(|(url, _)| url.as_str());
        if global.json {
            let text = |text: Option<&str>| text.map_or(Value::Null, Value::from);
            let document: Value = [
                ("schema", "stepwell.serve/1".into()),
                ("endpoint", url.into()),
                ("data", text(data.as_deref())),
                ("lambdaEndpoint", text(lambda)),
                ("account", self.account.clone().into()),
                ("region", if self.is_region_fixed { self.region.clone().into() } else { Value::Null }),
            ]
            .into_iter()
            .collect();
            terminal::print(&format!("{document}\n"));
            return Ok(());
        }
        let data = data.as_deref().unwrap_or("in memory: lost when the server stops");
        let lambda = lambda.unwrap_or("none: give --lambda-endpoint URL to call functions");
        terminal::print(&format!("stepwell is ready: {url}\n"));
        if !global.quiet {
            terminal::print(&format!(
                "  data    {data}\n  lambda  {lambda}\n  \
                 export AWS_ENDPOINT_URL_SFN={url} AWS_DISABLE_HOST_PREFIX_INJECTION=true\n"
            ));
        }
        Ok(())
    }
}

/// Where an AWS SDK in our place would call Lambda.
fn sdk_lambda_endpoint() -> Option<Given> {
    let are_ignored = variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").is_some_and(|value| value == "true");
    if are_ignored { None } else { Given::of_environment(&["AWS_ENDPOINT_URL_LAMBDA", "AWS_ENDPOINT_URL"]) }
}

/// The endpoint of functions and its URL.
fn lambda_endpoint(given: Given) -> Result<(Str, Endpoint), Failure> {
    let Given { source, value: url } = given;
    let refused = |error: EndpointError| {
        let failure = Failure::usage(format!("cannot call Lambda functions at {url} ({source}): {error}"))
            .hint("write it as in: --lambda-endpoint http://127.0.0.1:3001");
        match source.strip_prefix("AWS_") {
            Some(_) => failure.hint("or leave it out: AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true"),
            None => failure,
        }
    };
    let endpoint = Endpoint::parse(&url).map_err(refused)?;
    Ok((Str::from(url), endpoint))
}

/// Whether an endpoint is at an address; `AWS_ENDPOINT_URL` may be meant for our clients.
fn is_at(endpoint: &Endpoint, address: SocketAddr) -> bool {
    let endpoint = endpoint.to_string();
    endpoint == address.to_string() || endpoint == format!("localhost:{}", address.port())
}

/// A variable of the environment that is set and not empty.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// A sentence for each setting that is understood and changes nothing yet.
fn remarks(unused: &Unused) -> Vec<String> {
    let Unused {
        wait_time_scale,
        batch_endpoint,
        dynamodb_endpoint,
        ecs_endpoint,
        glue_endpoint,
        sagemaker_endpoint,
        sqs_endpoint,
        sns_endpoint,
        step_functions_endpoint,
    } = unused;
    let settings = [
        ("--wait-time-scale", "WAIT_TIME_SCALE", wait_time_scale),
        ("--batch-endpoint", "BATCH_ENDPOINT", batch_endpoint),
        ("--dynamodb-endpoint", "DYNAMODB_ENDPOINT", dynamodb_endpoint),
        ("--ecs-endpoint", "ECS_ENDPOINT", ecs_endpoint),
        ("--glue-endpoint", "GLUE_ENDPOINT", glue_endpoint),
        ("--sagemaker-endpoint", "SAGE_MAKER_ENDPOINT", sagemaker_endpoint),
        ("--sqs-endpoint", "SQS_ENDPOINT", sqs_endpoint),
        ("--sns-endpoint", "SNS_ENDPOINT", sns_endpoint),
        ("--step-functions-endpoint", "STEP_FUNCTIONS_ENDPOINT", step_functions_endpoint),
        ("", "SFN_MOCK_CONFIG", &None),
    ];
    let remark = |(flag, name, given): (&'static str, &'static str, &Option<String>)| {
        let source = if given.is_some() { Some(flag) } else { variable(name).map(|_| name) }?;
        Some(format!("note: {source} changes nothing yet; only Lambda functions and activities can be called"))
    };
    settings.into_iter().filter_map(remark).collect()
}

/// Options of Step Functions Local that have one dash, and ours for them.
const ONE_DASH: [(&str, &str); 12] = [
    ("-account", "--account"),
    ("-region", "--region"),
    ("-waitTimeScale", "--wait-time-scale"),
    ("-lambdaEndpoint", "--lambda-endpoint"),
    ("-batchEndpoint", "--batch-endpoint"),
    ("-dynamoDBEndpoint", "--dynamodb-endpoint"),
    ("-ecsEndpoint", "--ecs-endpoint"),
    ("-glueEndpoint", "--glue-endpoint"),
    ("-sageMakerEndpoint", "--sagemaker-endpoint"),
    ("-sqsEndpoint", "--sqs-endpoint"),
    ("-snsEndpoint", "--sns-endpoint"),
    ("-stepFunctionsEndpoint", "--step-functions-endpoint"),
];

/// The command line, with the options of Step Functions Local in our form if the command is `serve`.
pub(crate) fn with_long_options(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = arguments.collect();
    // Flags that every command has may stand before it; none of them takes a value that is called so.
    let command = arguments.iter().position(|argument| argument == "serve").unwrap_or(arguments.len());
    let are_flags = |before: &[OsString]| before.iter().all(|flag| flag.as_encoded_bytes().starts_with(b"-"));
    if are_flags(arguments.get(1..command).unwrap_or_default()) {
        for argument in arguments.iter_mut().skip(command) {
            let ours = ONE_DASH.iter().find(|(theirs, _)| OsStr::new(theirs) == argument.as_os_str());
            if let Some((_, ours)) = ours {
                *argument = OsString::from(ours);
            }
        }
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_with_one_dash_are_those_of_step_functions_local() {
        let given = ["stepwell", "serve", "-lambdaEndpoint", "http://localhost:3001", "-account", "111122223333"];
        assert_eq!(
            with_long_options(given.into_iter().map(OsString::from)),
            ["stepwell", "serve", "--lambda-endpoint", "http://localhost:3001", "--account", "111122223333"]
        );
        let given = ["stepwell", "--quiet", "serve", "-stepFunctionsEndpoint", "http://localhost:1"];
        assert_eq!(with_long_options(given.into_iter().map(OsString::from))[3], "--step-functions-endpoint");
        let given = ["stepwell", "eval", "-region"];
        assert_eq!(with_long_options(given.into_iter().map(OsString::from)), given);
        let given = ["stepwell", "eval", "serve", "--input", "-region"];
        assert_eq!(with_long_options(given.into_iter().map(OsString::from)), given);
    }
}
