//! `stepwell eval`: one expression on data, or many line by line.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufWriter, Write};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use stepwell_asl::diagnostic::Severity;
use stepwell_asl::intrinsic::{self, Call};
use stepwell_asl::jsonpath::{Path, PathError};
use stepwell_asl::{Format, Options, Scope, compile};
use stepwell_jsonata as jsonata;
use stepwell_value::{Object, Str, Value, parse, write_pretty};

use crate::args::{self, Eval, Global, Language};
use crate::data;
use crate::failure::{Exit, Failure};
use crate::terminal::{self, Style, Tone};
use crate::text::quoted_line;

/// An expression to evaluate.
struct Request {
    expression: String,
    language: Option<Language>,
    input: Option<Value>,
    bindings: BTreeMap<Str, Value>,
}

/// How to evaluate.
#[derive(Clone, Copy)]
struct Rules {
    profile: args::Profile,
    is_strict: bool,
}

/// Why an expression has no result.
struct EvalError {
    code: String,
    message: String,
    /// Byte offset in the expression.
    position: Option<usize>,
}

type Evaluated = Result<Option<Value>, EvalError>;

pub(crate) fn eval(eval: &Eval, global: &Global) -> Result<Exit, Failure> {
    let rules = Rules { profile: eval.profile.unwrap_or(args::Profile::Aws), is_strict: eval.strict };
    let language = eval.lang.or(eval.profile.map(|_| Language::Jsonata));
    let mut bindings = BTreeMap::new();
    for given in &eval.bind {
        let (name, text) = data::pair("--bind", given)?;
        let text = data::argument("--bind", text)?;
        bindings.insert(Str::new(name.trim_start_matches('$')), data::json(&text)?);
    }
    if eval.batch {
        return batch(rules, language, &bindings);
    }
    let input = match &eval.input {
        Some(given) => Some(data::json(&data::argument("--input", given)?)?),
        None => None,
    };
    let expression = eval.expression.clone().unwrap_or_default();
    let request = Request { expression, language, input, bindings };
    let evaluated = evaluate(&request, rules);
    let exit = if evaluated.is_ok() { Exit::Success } else { Exit::Failed };
    if global.json {
        terminal::print(&format!("{}\n", document(&evaluated)));
        return Ok(exit);
    }
    let style = Style::stderr(global.color);
    match evaluated {
        Ok(Some(value)) => {
            let mut text = String::new();
            write_pretty(&value, &mut text);
            text.push('\n');
            terminal::print(&text);
        }
        Ok(None) if global.quiet => {}
        Ok(None) => terminal::eprint(&style.paint(Tone::Faint, "nothing was selected\n")),
        Err(error) => {
            let kind = style.paint(Tone::Bad, &format!("error[{}]", error.code));
            let mut page = format!("{kind}: {}\n", error.message);
            if let Some(position) = error.position {
                let (line, column) = stepwell_value::line_and_column(&request.expression, position);
                page.push_str(&quoted_line("<expression>", &request.expression, line, column));
            }
            terminal::eprint(&page);
        }
    }
    Ok(exit)
}

/// Evaluates a request per line; every line has its own answer, whatever the others do.
fn batch(rules: Rules, language: Option<Language>, bindings: &BTreeMap<Str, Value>) -> Result<Exit, Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let line = line.map_err(|error| Failure::unreadable("<stdin>".as_ref(), &error))?;
        if line.trim().is_empty() {
            continue;
        }
        let evaluated = match request(&line, language, bindings) {
            Ok(request) => evaluate(&request, rules),
            Err(message) => Err(EvalError { code: "BAD_REQUEST".to_owned(), message, position: None }),
        };
        // Whoever sends one request at a time waits for its answer before the next.
        let written = writeln!(out, "{}", document(&evaluated)).and_then(|()| out.flush());
        if written.is_err() {
            break;
        }
    }
    Ok(Exit::Success)
}

fn request(line: &str, language: Option<Language>, bindings: &BTreeMap<Str, Value>) -> Result<Request, String> {
    let value = parse(line).map_err(|error| format!("the request is no JSON: {error}"))?;
    let request = value.as_object().ok_or("the request must be an object")?;
    if let Some(key) = request.keys().find(|key| !matches!(key.as_str(), "expr" | "lang" | "input" | "bindings")) {
        return Err(format!("unknown member '{key}': expr, lang, input and bindings can stand here"));
    }
    let expression = request.get("expr").and_then(Value::as_str).ok_or("'expr' must be a string")?;
    let language = match request.get("lang").map(|lang| lang.as_str()) {
        None => language,
        Some(Some("jsonata")) => Some(Language::Jsonata),
        Some(Some("jsonpath")) => Some(Language::Jsonpath),
        Some(Some("intrinsic")) => Some(Language::Intrinsic),
        Some(_) => return Err("'lang' must be jsonata, jsonpath or intrinsic".to_owned()),
    };
    let mut bindings = bindings.clone();
    match request.get("bindings") {
        None => {}
        Some(Value::Object(own)) => bindings.extend(own.iter().map(|(name, value)| (name.clone(), value.clone()))),
        Some(_) => return Err("'bindings' must be an object".to_owned()),
    }
    Ok(Request { expression: expression.to_owned(), language, input: request.get("input").cloned(), bindings })
}

fn document(evaluated: &Evaluated) -> Value {
    let mut document = Object::with_capacity(2);
    document.insert("schema", "stepwell.eval/1".into());
    match evaluated {
        Ok(Some(value)) => {
            document.insert("result", value.clone());
        }
        Ok(None) => {}
        Err(error) => {
            let mut described = Object::with_capacity(3);
            described.insert("code", error.code.as_str().into());
            described.insert("message", error.message.as_str().into());
            if let Some(position) = error.position {
                described.insert("position", (position as i64).into());
            }
            document.insert("error", described.into());
        }
    }
    document.into()
}

fn evaluate(request: &Request, rules: Rules) -> Evaluated {
    let text = request.expression.trim();
    let delimited = text.strip_prefix("{%").and_then(|text| text.strip_suffix("%}"));
    let language = match (request.language, delimited) {
        (Some(language), _) => language,
        (None, Some(_)) => Language::Jsonata,
        (None, None) => recognized(text),
    };
    if rules.is_strict {
        check(text, delimited, language, request)?;
    }
    match language {
        Language::Jsonata => evaluate_jsonata(delimited.unwrap_or(&request.expression), request, rules),
        Language::Jsonpath => evaluate_path(text, request),
        Language::Intrinsic => evaluate_call(text, request),
    }
}

/// The language of an expression by its form. What both a path and JSONata could be is a path.
fn recognized(text: &str) -> Language {
    if text.starts_with("States.") && text.contains('(') {
        return Language::Intrinsic;
    }
    let starts_as_path =
        text == "$" || text == "$$" || ["$.", "$[", "$$.", "$$["].iter().any(|start| text.starts_with(start));
    if starts_as_path && Path::parse(text).is_ok() { Language::Jsonpath } else { Language::Jsonata }
}

/// Compiles a state machine with the expression in it, as AWS would: what it refuses is refused here.
fn check(text: &str, delimited: Option<&str>, language: Language, request: &Request) -> Result<(), EvalError> {
    let object = |members: Vec<(&'static str, Value)>| members.into_iter().collect::<Value>();
    let assigned: Value = request.bindings.keys().map(|name| (name.clone(), Value::from(1))).collect();
    let mut bind = vec![("Type", "Pass".into()), ("Next", "Evaluate".into())];
    if !request.bindings.is_empty() {
        bind.push(("Assign", assigned));
    }
    let task = |field: &'static str, value: Value| {
        object(vec![
            ("Type", "Task".into()),
            ("Resource", "arn:aws:states:::lambda:invoke".into()),
            (
                if language == Language::Jsonata { "Arguments" } else { "Parameters" },
                object(vec![("FunctionName", "f".into())]),
            ),
            (field, value),
            ("End", true.into()),
        ])
    };
    let (language_name, state) = match language {
        Language::Jsonata => {
            let expression = format!("{{%{}%}}", delimited.unwrap_or(text));
            ("JSONata", task("Output", expression.into()))
        }
        Language::Jsonpath | Language::Intrinsic => {
            ("JSONPath", task("ResultSelector", object(vec![("value.$", text.into())])))
        }
    };
    let machine = object(vec![
        ("QueryLanguage", language_name.into()),
        ("StartAt", "Bind".into()),
        ("States", object(vec![("Bind", object(bind)), ("Evaluate", state)])),
    ]);
    let compiled = compile(&machine.to_string(), Format::Json, &Options::default());
    match compiled.diagnostics.into_iter().find(|diagnostic| diagnostic.severity == Severity::Error) {
        None => Ok(()),
        Some(diagnostic) => {
            Err(EvalError { code: diagnostic.code.name().to_owned(), message: diagnostic.message, position: None })
        }
    }
}

/// Time of one JSONata expression, compiled and evaluated: AWS's second.
const TIME_MAX: Duration = Duration::from_secs(1);

/// Nested evaluations that the whole official suite passes with.
const SUITE_DEPTH_MAX: u32 = 500;

fn evaluate_jsonata(text: &str, request: &Request, rules: Rules) -> Evaluated {
    let is_aws = rules.profile == args::Profile::Aws;
    let profile = if is_aws { jsonata::Profile::aws() } else { jsonata::Profile::suite() };
    let deadline = Instant::now() + TIME_MAX;
    let depth = if is_aws { jsonata::DEPTH_AWS } else { SUITE_DEPTH_MAX };
    let mut budget = jsonata::Budget::aws().with_depth(depth).with_deadline(move || Instant::now() > deadline);
    let coded = |error: jsonata::Error| EvalError {
        code: error.code.to_owned(),
        message: error.message(),
        position: Some(error.position),
    };
    let program = jsonata::Program::compile(text, profile).map_err(coded)?;
    let world = World::new(request, is_aws);
    let environment = jsonata::Environment { input: request.input.as_ref(), variables: &world, host: &world };
    match program.evaluate(&environment, &mut budget).map_err(coded)? {
        jsonata::Outcome::Value(value) => Ok(Some(value)),
        // A function is no JSON: it counts as absent, as it does inside of results.
        jsonata::Outcome::Undefined | jsonata::Outcome::NotData => Ok(None),
    }
}

fn evaluate_path(text: &str, request: &Request) -> Evaluated {
    let path = Path::parse(text).map_err(|error| EvalError {
        code: "INVALID_PATH".to_owned(),
        message: error.message,
        position: Some(error.offset),
    })?;
    let world = World::new(request, true);
    let nothing = Value::empty_object();
    match path.select(request.input.as_ref().unwrap_or(&nothing), &world) {
        Ok(selected) => Ok(Some(selected.into_value())),
        Err(PathError::Miss { .. }) => Ok(None),
        Err(error) => Err(EvalError { code: "States.Runtime".to_owned(), message: error.to_string(), position: None }),
    }
}

fn evaluate_call(text: &str, request: &Request) -> Evaluated {
    let call = Call::parse(text).map_err(|error| EvalError {
        code: "INVALID_INTRINSIC".to_owned(),
        message: error.message,
        position: Some(error.offset),
    })?;
    let world = World::new(request, true);
    let nothing = Value::empty_object();
    call.evaluate(request.input.as_ref().unwrap_or(&nothing), &world).map(Some).map_err(|error| EvalError {
        code: "States.Runtime".to_owned(),
        message: error.to_string(),
        position: None,
    })
}

/// What an expression finds around it: variables, the clock on the wall and chance.
struct World<'r> {
    bindings: &'r BTreeMap<Str, Value>,
    /// `$states` with the input, so that expressions of definitions work as they stand.
    states: Option<Value>,
    context: Value,
    now_ms: i64,
    draw: Cell<u64>,
}

impl<'r> World<'r> {
    fn new(request: &'r Request, has_states: bool) -> World<'r> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let input = request.input.clone().unwrap_or_else(Value::empty_object);
        let context = request.bindings.get("context").cloned().unwrap_or_else(Value::empty_object);
        let states = [("input", input), ("context", context.clone())].into_iter().collect();
        World {
            bindings: &request.bindings,
            states: has_states.then_some(states),
            context,
            now_ms: i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            draw: Cell::new(u64::try_from(since.as_nanos() & u128::from(u64::MAX)).unwrap_or_default()),
        }
    }

    /// SplitMix64.
    fn next(&self) -> u64 {
        let state = self.draw.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.draw.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

impl jsonata::Variables for World<'_> {
    fn get(&self, name: &str) -> Option<&Value> {
        self.bindings.get(name).or_else(|| self.states.as_ref().filter(|_| name == "states"))
    }
}

impl jsonata::Host for World<'_> {
    fn now_ms(&self) -> i64 {
        self.now_ms
    }

    fn random(&self) -> u64 {
        self.next()
    }

    fn uuid(&self) -> String {
        intrinsic::uuid(self.next(), self.next())
    }

    fn hash(&self, algorithm: &str, data: &[u8]) -> Option<String> {
        intrinsic::hash(algorithm, data)
    }
}

impl Scope for World<'_> {
    fn context(&self) -> &Value {
        &self.context
    }

    fn variable(&self, name: &str) -> Option<&Value> {
        self.bindings.get(name)
    }

    fn now_ms(&self) -> i64 {
        self.now_ms
    }

    fn random(&self) -> u64 {
        self.next()
    }

    fn spend(&self, _: u64) {}
}
