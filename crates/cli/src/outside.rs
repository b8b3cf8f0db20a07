//! What a run has instead of the outside world: mocks, and for everything else a cause that says what to add.

use stepwell_asl::Program;
use stepwell_asl::diagnostic::nearest;
use stepwell_asl::program::StateKind;
use stepwell_engine::local::{Answer, Missing, Responder, What};
use stepwell_engine::mock::{ITEM_READER, MockFile, Mocks, RESULT_WRITER, Responses, TestCase};
use stepwell_engine::{Identity, Reader, TaskRequest};
use stepwell_value::{Str, Value};

use crate::args::Run;
use crate::data::{self, Text};
use crate::failure::Failure;
use crate::text;

/// Answers tasks from mocks and remembers which had none.
pub(crate) struct Outside {
    mocks: Mocks,
    /// Flags that would give what was missing, each once.
    pub(crate) missing: Vec<String>,
    /// The state that ended the execution because it cannot be run here.
    pub(crate) stuck: Option<Str>,
}

/// The mocks of a run, and how to call them in its first line.
pub(crate) struct Chosen {
    pub(crate) mocks: Mocks,
    pub(crate) label: String,
    pub(crate) warnings: Vec<String>,
}

impl Outside {
    pub(crate) fn new(mocks: Mocks) -> Outside {
        Outside { mocks, missing: Vec::new(), stuck: None }
    }

    fn lacks(&mut self, state: &str, part: &str, example: &str, why: &str) -> String {
        self.stuck = Some(Str::new(state));
        let flag = format!("--mock {}", text::shell_word(&format!("{state}{part}={example}")));
        let cause = format!(
            "It cannot be run here: it {why}, and there is no mock for it. Add one: {flag}, or a response for \
             '{state}{part}' in the mock file."
        );
        if !self.missing.contains(&flag) {
            self.missing.push(flag);
        }
        cause
    }
}

impl Responder for Outside {
    fn task(&mut self, _: &Identity, request: &TaskRequest) -> Vec<Answer> {
        if let Some(answers) = self.mocks.task(request) {
            if answers.iter().any(|answer| matches!(answer.what, What::CannotRun(_))) {
                self.stuck = Some(request.state.clone());
            }
            return answers;
        }
        let cause = self.lacks(&request.state, "", "{}", &format!("calls {}", request.resource_arn));
        vec![Answer::now(What::CannotRun(cause.into()))]
    }

    fn read_items(&mut self, state: &str, _: &Reader) -> Result<Value, Missing> {
        match self.mocks.items(state) {
            Some(items) => items,
            None => Err(Missing(self.lacks(state, ITEM_READER, "[]", "reads its items from S3"))),
        }
    }

    fn write_results(&mut self, state: &str, _: &Value, _: &Value) -> Result<Value, Missing> {
        match self.mocks.written(state) {
            Some(result) => result,
            None => Err(Missing(self.lacks(state, RESULT_WRITER, "{}", "writes its results to S3"))),
        }
    }
}

/// Finds the mocks that the command line asks for, and checks that they fit the definition.
pub(crate) fn choose(run: &Run, machine: &str, program: &Program) -> Result<Chosen, Failure> {
    let mut chosen = Chosen { mocks: Mocks::default(), label: String::new(), warnings: Vec::new() };
    if let Some(path) = &run.mocks {
        let text = data::read(&path.display().to_string())?;
        let file = MockFile::parse(&text.content).map_err(|error| {
            Failure::usage(format!("{} is no mock file: {error}", text.name))
                .at(&text.name, &text.content, error.line, error.column)
                .hint("what a mock file looks like: stepwell help mocks")
        })?;
        let (machine, case) = choose_case(&file, &text, run, machine)?;
        chosen.label = format!("{}#{}", text.name, case.name);
        for state in case.states() {
            if let Err(problem) = target(state, program) {
                chosen.warnings.push(format!("{}, test case {machine}#{}: {problem}", text.name, case.name));
            }
        }
        chosen.mocks = Mocks::of_case(case);
    }
    for given in &run.mock {
        let (state, json) = split_mock(given, program)?;
        target(state, program)
            .map_err(|problem| Failure::usage(format!("--mock {}: {problem}", text::shell_word(given))))?;
        let text = data::argument("--mock", json)?;
        let responses = Responses::parse(&text.content).map_err(|error| {
            Failure::usage(format!("--mock {state}: {error}"))
                .at(&text.name, &text.content, error.line, error.column)
                .hint("how mocks are written: stepwell help mocks")
        })?;
        chosen.mocks.insert(state, responses);
    }
    if !run.mock.is_empty() {
        let n = run.mock.len();
        let separator = if chosen.label.is_empty() { "" } else { " and " };
        chosen.label = format!("{}{separator}{n} given", chosen.label);
    }
    if chosen.label.is_empty() {
        chosen.label.push_str("none");
    }
    Ok(chosen)
}

/// The case that is named, or the only one there is; the definition's name decides between machines.
fn choose_case<'f>(
    file: &'f MockFile,
    text: &Text,
    run: &Run,
    machine: &str,
) -> Result<(&'f Str, &'f TestCase), Failure> {
    let all: Vec<(&Str, &TestCase)> =
        file.machines().iter().flat_map(|machine| machine.cases.iter().map(|case| (&machine.name, case))).collect();
    let of_machine = |name: &str, cases: &[(&'f Str, &'f TestCase)]| -> Vec<(&'f Str, &'f TestCase)> {
        cases.iter().copied().filter(|(machine, _)| *machine == name).collect()
    };
    let mut fitting = all.clone();
    if let Some(machine) = &run.machine {
        fitting = of_machine(machine, &fitting);
    }
    if let Some(case) = &run.case {
        fitting.retain(|(_, candidate)| candidate.name == *case);
    }
    if fitting.len() > 1 {
        fitting = of_machine(machine, &fitting);
    }
    if let [chosen] = fitting[..] {
        return Ok(chosen);
    }
    let listed: Vec<String> = all
        .iter()
        .take(20)
        .map(|(machine, case)| {
            let [machine, case] = [machine, &case.name].map(|name| text::shell_word(name));
            format!("--machine {machine} --case {case}")
        })
        .collect();
    let message = match (&run.case, all.is_empty()) {
        (_, true) => format!("{} has no test case", text.name),
        (Some(case), _) if fitting.is_empty() => match nearest(case, all.iter().map(|(_, case)| case.name.as_str())) {
            Some(near) => format!("{} has no test case '{case}': did you mean '{near}'?", text.name),
            None => format!("{} has no test case '{case}'", text.name),
        },
        _ => format!("{} has more than one test case that fits: say which", text.name),
    };
    let failure = Failure::usage(message);
    Err(if listed.is_empty() { failure } else { failure.hint(format!("it has: {}", listed.join("\n          "))) })
}

/// Splits `STATE=JSON`; a state's name may have a `=`, so that the longest name that exists wins.
fn split_mock<'a>(given: &'a str, program: &Program) -> Result<(&'a str, &'a str), Failure> {
    let splits = given.match_indices('=').map(|(at, _)| (&given[..at], &given[at + 1..]));
    let known = splits.rev().find(|(name, _)| target(name, program).is_ok());
    known.or_else(|| given.split_once('=')).filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
        Failure::usage(format!(
            "--mock {}: write STATE=JSON, as in --mock 'Charge={{\"paid\":true}}'",
            text::shell_word(given)
        ))
    })
}

/// Whether there is something to mock under a name.
fn target(name: &str, program: &Program) -> Result<(), String> {
    if let Some(kind) = kind_of(name, program) {
        return match kind {
            StateKind::Task(_) => Ok(()),
            StateKind::Map(map) if map.distributed.is_some() => Err(format!(
                "'{name}' is a Map state: mock the tasks in it, or '{name}{ITEM_READER}' and '{name}{RESULT_WRITER}'"
            )),
            other => Err(format!("'{name}' is a {} state: only Task states can be mocked", other.name())),
        };
    }
    for (part, what) in [(ITEM_READER, "item reader"), (RESULT_WRITER, "result writer")] {
        let Some(StateKind::Map(map)) = name.strip_suffix(part).and_then(|state| kind_of(state, program)) else {
            continue;
        };
        let has = map.distributed.as_ref().is_some_and(|distributed| match part {
            ITEM_READER => distributed.reader.is_some(),
            _ => distributed.writer.as_ref().is_some_and(|writer| writer.destination.is_some()),
        });
        return if has { Ok(()) } else { Err(format!("'{name}': that Map state has no {what}")) };
    }
    let states = program.regions.iter().flat_map(|region| &region.states);
    Err(match nearest(name, states.map(|state| state.name.as_str())) {
        Some(near) => format!("there is no state '{name}': did you mean '{near}'?"),
        None => format!("there is no state '{name}'"),
    })
}

fn kind_of<'p>(name: &str, program: &'p Program) -> Option<&'p StateKind> {
    let (region, state) = program.find_state(name)?;
    Some(&program.state(region, state).kind)
}
