//! `stepwell serve` as a process: what it says, how it ends, and who may have its data.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use stepwell_value::{Value, parse};

/// A server that ends with the test.
struct Serving {
    process: Child,
    stdout: BufReader<ChildStdout>,
    first_line: String,
}

impl Serving {
    fn start(arguments: &[&str]) -> Serving {
        let mut process = command(arguments).stdout(Stdio::piped()).spawn().expect("the binary starts");
        let mut stdout = BufReader::new(process.stdout.take().expect("a pipe"));
        let mut first_line = String::new();
        stdout.read_line(&mut first_line).expect("a first line");
        Serving { process, stdout, first_line: first_line.trim().to_owned() }
    }

    /// Asks it to end; what it printed after its first line.
    fn terminate(mut self) -> String {
        let status = Command::new("kill").arg(self.process.id().to_string()).status().expect("there is kill");
        assert!(status.success());
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("UTF-8");
        assert!(self.process.wait().expect("it ends").success());
        rest
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stepwell"));
    command.arg("serve").args(arguments).stdin(Stdio::null()).stderr(Stdio::piped());
    let lambda = ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_LAMBDA", "LAMBDA_ENDPOINT"];
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCOUNT_ID"].into_iter().chain(lambda) {
        command.env_remove(name);
    }
    command
}

/// Sends a request to the address of a URL; the whole answer.
fn exchange(url: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).expect("the server listens");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("UTF-8");
    answer
}

fn folder(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn it_says_where_it_is_answers_and_ends_when_asked() {
    let data = tempfile::tempdir().expect("a folder");
    let ready = data.path().join("ready");
    let arguments = ["--listen", "127.0.0.1:0", "--data", folder(data.path()), "--ready-file", folder(&ready)];
    let server = Serving::start(&arguments);
    let url = server.first_line.strip_prefix("stepwell is ready: ").expect("the ready line").to_owned();
    assert_eq!(std::fs::read_to_string(&ready).expect("the ready file").trim(), url);
    let health = exchange(&url, "GET /health HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert!(health.starts_with("HTTP/1.1 200 "), "{health}");
    assert!(health.contains("\"status\":\"ok\""), "{health}");
    let head = exchange(&url, "HEAD /health HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"), "{head}");
    let rest = server.terminate();
    assert!(rest.contains(&format!("export AWS_ENDPOINT_URL_SFN={url}")), "{rest}");
    assert!(data.path().join("stepwell.db").exists());
}

#[test]
fn with_json_the_first_line_is_a_document() {
    let server = Serving::start(&["--listen", "127.0.0.1:0", "--memory", "--region", "eu-west-1", "--json"]);
    let document = parse(&server.first_line).expect("JSON");
    let text = |name: &str| document.get(name).and_then(Value::as_str).map(str::to_owned);
    assert_eq!(text("schema").as_deref(), Some("stepwell.serve/1"));
    assert_eq!(text("region").as_deref(), Some("eu-west-1"));
    assert!(text("endpoint").is_some_and(|url| url.starts_with("http://127.0.0.1:")));
    assert!(text("data").is_none());
    assert_eq!(server.terminate(), "");
}

#[test]
fn data_belong_to_one_process() {
    let data = tempfile::tempdir().expect("a folder");
    let arguments = ["--listen", "127.0.0.1:0", "--data", folder(data.path())];
    let server = Serving::start(&arguments);
    let second = command(&arguments).output().expect("the binary starts");
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot use the data in") && said.contains("--data DIR"), "{said}");
    server.terminate();
    // What has ended has let go of them.
    Serving::start(&arguments).terminate();
}

#[test]
fn a_port_that_is_taken_and_settings_that_change_nothing_are_named() {
    let server = Serving::start(&["--listen", "127.0.0.1:0", "--memory"]);
    let address = server.first_line.rsplit("http://").next().expect("an address").to_owned();
    let folder_of_test = tempfile::tempdir().expect("a folder");
    let ready = folder_of_test.path().join("ready");
    std::fs::write(&ready, "http://127.0.0.1:1\n").expect("a file of a former server");
    let arguments =
        ["--listen", &address, "--memory", "-sqsEndpoint", "http://127.0.0.1:1", "--ready-file", folder(&ready)];
    let output = command(&arguments).env("AWS_ENDPOINT_URL", format!("http://{address}")).output();
    let output = output.expect("the binary starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("note: --sqs-endpoint changes nothing yet"), "{said}");
    assert!(said.contains(&format!("note: http://{address} is this server, which has no Lambda functions")), "{said}");
    assert!(said.contains(&format!("cannot listen on {address}")), "{said}");
    assert!(!ready.exists(), "it is not ready");
    server.terminate();
}

#[test]
fn what_the_environment_says_has_the_form_of_the_flag() {
    for (name, value, said) in [
        ("AWS_ACCOUNT_ID", "me", "invalid value 'me' of AWS_ACCOUNT_ID: an account has 12 digits"),
        ("AWS_REGION", "here: there", "invalid value 'here: there' of AWS_REGION: write it as in eu-central-1"),
        (
            "AWS_ENDPOINT_URL",
            "https://example.com",
            "at https://example.com (AWS_ENDPOINT_URL): endpoints are called by http",
        ),
        ("AWS_ENDPOINT_URL_LAMBDA", "x", "or leave it out: AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true"),
        ("LAMBDA_ENDPOINT", "x", "write it as in: --lambda-endpoint http://127.0.0.1:3001"),
    ] {
        let output = command(&["--listen", "127.0.0.1:0", "--memory"]).env(name, value).output();
        let output = output.expect("the binary starts");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(said), "{stderr}");
    }
}

#[test]
fn a_port_alone_is_one_of_this_machine() {
    for listen in ["0", ":0", "localhost:0"] {
        let server = Serving::start(&["--listen", listen, "--memory"]);
        assert!(server.first_line.starts_with("stepwell is ready: http://127.0.0.1:"), "{}", server.first_line);
        server.terminate();
    }
    let output = command(&["--listen", "example.com:80"]).output().expect("the binary starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("write it as in 127.0.0.1:8083"), "{said}");
}

#[test]
fn a_quiet_server_says_its_address_and_nothing_else() {
    let mut server =
        Serving::start(&["--listen", "127.0.0.1:0", "--memory", "--quiet", "-sqsEndpoint", "http://127.0.0.1:1"]);
    let mut stderr = server.process.stderr.take().expect("a pipe");
    assert_eq!(server.terminate(), "");
    let mut said = String::new();
    stderr.read_to_string(&mut said).expect("UTF-8");
    assert_eq!(said, "");
}

#[test]
fn with_few_files_there_are_few_connections_and_the_server_says_so() {
    // The shell lowers the bound that the process cannot raise again.
    let shell = "ulimit -n 256; exec \"$0\" serve --listen 127.0.0.1:0 --memory";
    let mut process = Command::new("sh")
        .args(["-c", shell, env!("CARGO_BIN_EXE_stepwell")])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("there is sh");
    let mut stdout = BufReader::new(process.stdout.take().expect("a pipe"));
    let mut stderr = BufReader::new(process.stderr.take().expect("a pipe"));
    let (mut first_line, mut said) = (String::new(), String::new());
    stdout.read_line(&mut first_line).expect("a first line");
    stderr.read_line(&mut said).expect("a line");
    let server = Serving { process, stdout, first_line: first_line.trim().to_owned() };
    assert_eq!(said, "note: 128 connections at a time, since 256 files may be open; for 8192: ulimit -n 16384\n");
    let url = server.first_line.strip_prefix("stepwell is ready: ").expect("the ready line").to_owned();
    // More than there may be: those at the end wait until others have gone, and the server answers all.
    let address = url.trim_start_matches("http://");
    let mut open: Vec<TcpStream> = (0..160).map(|_| TcpStream::connect(address).expect("the server listens")).collect();
    let request = b"GET /health HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    for mut stream in open.drain(..) {
        stream.write_all(request).expect("the connection is open");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("UTF-8");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    server.terminate();
}
