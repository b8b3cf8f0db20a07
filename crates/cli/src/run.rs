//! `stepwell run`: one execution, here and now.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use stepwell_asl::Program;
use stepwell_asl::program::{ExecutionType, StateKind, TOP, TextField};
use stepwell_engine::local::{Local, Progress as Step};
use stepwell_engine::{ErrorCause, Event, Execution, ExecutionId, ExecutionStatus, Identity, Start, Timestamp};
use stepwell_value::{Object, Str, Value, number_from_text, write_pretty};

use crate::args::{Clock, Global, Progress, Run};
use crate::data;
use crate::definition::{self, Settings};
use crate::failure::{Exit, Failure};
use crate::history;
use crate::outside::{self, Outside};
use crate::show::View;
use crate::terminal::{self, Style, Tone};
use crate::text::{count, duration, real_duration, this_command};
use crate::tree::Tree;

/// Account and region of everything that a run makes up.
const ACCOUNT: &str = "123456789012";
const REGION: &str = "us-east-1";

/// A screen that changes faster is hard to read.
const FRAME: Duration = Duration::from_millis(100);

/// Runs that end sooner are shown once, at their end.
const FIRST_FRAME: Duration = Duration::from_millis(300);

pub(crate) fn run(run: &Run, global: &Global) -> Result<Exit, Failure> {
    if run.file == "-" && run.input == "-" {
        return Err(Failure::usage("definition and input cannot both come from standard input"));
    }
    let settings = Settings::read(&run.set)?;
    let checked = definition::check(&run.file, run.machine_type.into(), &settings)?;
    checked.unfilled()?;
    if let Some(unused) = settings.unused(|name| checked.has_placeholder(name)) {
        return Err(Failure::usage(unused));
    }
    let warnings: Vec<String> =
        checked.warnings().map(|warning| warning.render(&checked.text.name, &checked.text.content)).collect();
    let (definition, program) = checked.into_program()?;
    let machine = run.machine.clone().unwrap_or_else(|| machine_name(&run.file));
    let chosen = outside::choose(run, &machine, &program)?;
    let text = data::argument("--input", &run.input)?;
    let input = data::json(&text)?;
    let quiet = global.json || global.quiet;
    if !quiet {
        for warning in warnings {
            terminal::eprint(&warning);
        }
        for warning in &chosen.warnings {
            terminal::eprint(&format!("warning: {warning}\n"));
        }
    }
    let style = Style::stderr(global.color);
    let progress = match run.progress {
        _ if quiet => Progress::None,
        Progress::Auto if style.is_terminal => Progress::Tree,
        Progress::Auto => Progress::Lines,
        given => given,
    };
    let mut screen = Screen::new(progress, style, run.clock);
    screen.headline(&format!(
        "{} · {} · {} · mocks: {} · clock: {}",
        definition.name,
        ExecutionType::from(run.machine_type).name(),
        count(program.states_count() as u64, "state"),
        chosen.label,
        run.clock
    ));
    let start = start(run, &machine, input, text.content.trim());
    let mut outside = Outside::new(chosen.mocks);
    let ended = drive(run, global, Arc::new(program), start, &mut outside, &mut screen);
    report(run, global, &ended, &outside, &mut screen);
    match ended.execution.status() {
        ExecutionStatus::Succeeded => Ok(Exit::Success),
        _ => Ok(Exit::Failed),
    }
}

/// The file's name without its endings, with nothing in it that a name of AWS must not have.
fn machine_name(file: &str) -> String {
    let name = Path::new(file).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let stem = [".asl.json", ".asl.yaml", ".asl.yml", ".json", ".yaml", ".yml"]
        .iter()
        .find_map(|ending| name.strip_suffix(ending))
        .unwrap_or(name);
    let fit = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' };
    let clean: String = stem.chars().map(fit).take(80).collect();
    if clean.trim_matches('-').is_empty() { "stdin".to_owned() } else { clean }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// What an execution starts with, and when.
struct Beginning {
    start: Start,
    at: Timestamp,
}

fn start(run: &Run, machine: &str, input: Value, input_text: &str) -> Beginning {
    let at = run.start_time.unwrap_or_else(now);
    let execution_type = ExecutionType::from(run.machine_type);
    let arn = |resource: &str| format!("arn:aws:states:{REGION}:{ACCOUNT}:{resource}");
    let execution_arn = match execution_type {
        ExecutionType::Standard => arn(&format!("execution:{machine}:{}", run.name)),
        ExecutionType::Express => {
            let uuid = stepwell_asl::intrinsic::uuid(run.seed, run.seed.rotate_left(32));
            arn(&format!("express:{machine}:{}:{uuid}", run.name))
        }
    };
    let identity = Identity {
        id: ExecutionId(1),
        arn: execution_arn.into(),
        name: Str::new(&run.name),
        state_machine_arn: arn(&format!("stateMachine:{machine}")).into(),
        state_machine_name: Str::new(machine),
        role_arn: Some(format!("arn:aws:iam::{ACCOUNT}:role/stepwell").into()),
        version_arn: None,
        alias_arn: None,
        execution_type,
        shows_redrive_count: true,
        trace_header: None,
        region: Str::new(REGION),
        seed: run.seed,
        root: TOP,
    };
    let start = Start { identity: Arc::new(identity), input, input_text: Some(Str::new(input_text)) };
    Beginning { start, at }
}

/// How a run ended.
struct Ended {
    execution: Execution,
    events: Vec<Event>,
    at: Timestamp,
    real: Duration,
}

fn drive(
    run: &Run,
    global: &Global,
    program: Arc<Program>,
    beginning: Beginning,
    outside: &mut Outside,
    screen: &mut Screen,
) -> Ended {
    let fail_errors = fail_errors(&program);
    let begun = Instant::now();
    let start_at = beginning.at;
    let mut local = Local::new(start_at);
    let id = local.start(program, beginning.start);
    let mut tree = Tree::new(screen.progress == Progress::Lines, fail_errors);
    tree.start(id);
    let keeps_events = run.history || global.json;
    let mut events = Vec::new();
    let is_running = |local: &Local| local.execution(id).is_some_and(|it| it.status() == ExecutionStatus::Running);
    while is_running(&local) {
        if let Clock::Paced(factor) = run.clock {
            local.set_time(start_at.after_ms((begun.elapsed().as_secs_f64() * 1000.0 * factor) as i64));
        }
        match local.go_on(outside, &mut ()) {
            Step::Stepped(transition) => {
                if screen.progress != Progress::None {
                    let machine =
                        local.execution(transition.execution).map(|it| it.identity().state_machine_arn.clone());
                    tree.apply(
                        transition.execution,
                        machine.as_deref(),
                        &transition.outcome.events,
                        outside.stuck.as_ref(),
                    );
                    screen.update(&mut tree, start_at, local.now(), begun);
                }
                if keeps_events && transition.execution == id {
                    events.extend(transition.outcome.events);
                }
            }
            Step::Delivered => {}
            Step::WaitUntil(due) => match run.clock {
                Clock::Virtual => local.set_time(due),
                Clock::Paced(factor) => {
                    let left_ms = (due.0 - local.now().0) as f64 / factor;
                    std::thread::sleep(
                        Duration::from_secs_f64(left_ms.max(0.0) / 1000.0).clamp(Duration::from_millis(1), FRAME),
                    );
                    screen.update(&mut tree, start_at, local.now(), begun);
                }
            },
            Step::Idle => break,
        }
    }
    screen.finish(&tree);
    let execution = local.execution(id).expect("an execution stays until it is forgotten").clone();
    Ended { execution, events, at: start_at, real: begun.elapsed() }
}

/// Errors of Fail states, where the definition writes them down.
fn fail_errors(program: &Program) -> BTreeMap<Str, ErrorCause> {
    let constant = |field: &Option<TextField>| match field {
        Some(TextField::Constant(text)) => Some(text.clone()),
        _ => None,
    };
    let states = program.regions.iter().flat_map(|region| &region.states);
    let fails = states.filter_map(|state| match &state.kind {
        StateKind::Fail { error, cause } => {
            Some((state.name.clone(), ErrorCause { error: constant(error), cause: constant(cause) }))
        }
        _ => None,
    });
    fails.collect()
}

fn report(run: &Run, global: &Global, ended: &Ended, outside: &Outside, screen: &mut Screen) {
    let execution = &ended.execution;
    if global.json {
        terminal::print(&format!("{}\n", document(run, ended)));
        return;
    }
    let stopped = execution.stopped().unwrap_or(ended.at);
    let succeeded = execution.status() == ExecutionStatus::Succeeded;
    let symbol = match succeeded {
        true => screen.style.pick("✔", "v"),
        false => screen.style.pick("✖", "x"),
    };
    let summary = format!(
        "{symbol} {} in {} real · {} {} · {}",
        execution.status().name(),
        real_duration(ended.real),
        duration(stopped.0 - ended.at.0),
        if run.clock == Clock::Virtual { "virtual" } else { "in the workflow's time" },
        count(execution.transitions(), "transition"),
    );
    screen.closing(&summary, if succeeded { Tone::Good } else { Tone::Bad });
    if run.history {
        terminal::print(&history::lines(&ended.events));
    }
    match execution.output() {
        Some(output) => {
            let mut text = String::new();
            write_pretty(output.value(), &mut text);
            text.push('\n');
            terminal::print(&text);
        }
        None if execution.error().error.is_some() || execution.error().cause.is_some() => {
            let error = execution.error();
            let name = error.error.as_deref().unwrap_or("an error without a name");
            let cause = error.cause.as_deref().map(|cause| format!("\n{cause}")).unwrap_or_default();
            terminal::eprint(&format!("{}{cause}\n", screen.style.paint(Tone::Bad, &format!("error: {name}"))));
        }
        None => {}
    }
    if !outside.missing.is_empty() {
        let command = this_command();
        terminal::eprint(&format!("\nrun it again with a mock:\n  {command} {}\n", outside.missing.join(" ")));
    }
}

/// The run for programs.
fn document(run: &Run, ended: &Ended) -> Value {
    let execution = &ended.execution;
    let mut document = Object::with_capacity(12);
    document.insert("schema", "stepwell.run/1".into());
    document.insert("status", execution.status().name().into());
    if let Some(output) = execution.output() {
        document.insert("output", output.value().clone());
    }
    for (name, text) in [("error", &execution.error().error), ("cause", &execution.error().cause)] {
        if let Some(text) = text {
            document.insert(name, text.clone().into());
        }
    }
    document.insert("startDate", Value::number(execution.started().epoch_seconds()));
    if let Some(stopped) = execution.stopped() {
        document.insert("stopDate", Value::number(stopped.epoch_seconds()));
    }
    document.insert("transitions", i64::try_from(execution.transitions()).unwrap_or(i64::MAX).into());
    document.insert("executionArn", execution.identity().arn.clone().into());
    document.insert("stateMachineArn", execution.identity().state_machine_arn.clone().into());
    document.insert("clock", run.clock.to_string().into());
    document.insert("seed", number_from_text(&run.seed.to_string()).unwrap_or_default());
    if run.history {
        document.insert("events", ended.events.iter().map(|event| event.to_json(true)).collect());
    }
    document.into()
}

/// Shows a run on standard error while it goes on.
struct Screen {
    progress: Progress,
    style: Style,
    clock: Clock,
    /// Lines of the tree that stand on the terminal.
    drawn: usize,
    last: Option<Instant>,
}

impl Screen {
    fn new(progress: Progress, style: Style, clock: Clock) -> Screen {
        Screen { progress, style, clock, drawn: 0, last: None }
    }

    fn view<'t>(&self, tree: &'t Tree, now: Timestamp, width_max: usize) -> View<'t> {
        View { tree, style: self.style, clock: self.clock, now, width_max }
    }

    fn headline(&self, text: &str) {
        if self.progress != Progress::None {
            let text = self.style.fit(text);
            terminal::eprint(&format!("{}\n", self.style.paint(Tone::Strong, &text)));
            if self.progress == Progress::Tree {
                terminal::eprint("\n");
            }
        }
    }

    fn update(&mut self, tree: &mut Tree, start: Timestamp, now: Timestamp, begun: Instant) {
        match self.progress {
            Progress::Lines => {
                let ended = tree.take_ended();
                let view = self.view(tree, start, usize::MAX);
                let mut text = String::new();
                for line in ended.iter().filter_map(|ended| view.ended(ended, start)) {
                    text.push_str(&line);
                    text.push('\n');
                }
                terminal::eprint(&text);
            }
            Progress::Tree if self.style.is_terminal => {
                let waited = self.last.map_or(begun.elapsed() >= FIRST_FRAME, |last| last.elapsed() >= FRAME);
                if waited {
                    self.last = Some(Instant::now());
                    self.draw(tree, now);
                }
            }
            Progress::Tree | Progress::Auto | Progress::None => {}
        }
    }

    /// Draws as much of the tree's end as fits the terminal, over what was drawn before.
    fn draw(&mut self, tree: &Tree, now: Timestamp) {
        let (width, height) = terminal::size();
        let lines = self.view(tree, now, width).lines();
        let first = lines.len().saturating_sub(height.saturating_sub(2).max(1));
        let mut text = self.erased();
        for line in &lines[first..] {
            text.push_str(line);
            text.push('\n');
        }
        self.drawn = lines.len() - first;
        terminal::eprint(&text);
    }

    /// What moves the cursor back to where drawing began.
    fn erased(&self) -> String {
        if self.drawn == 0 { String::new() } else { format!("\x1b[{}A\x1b[J", self.drawn) }
    }

    fn finish(&mut self, tree: &Tree) {
        if self.progress == Progress::Tree {
            let mut text = self.erased();
            for line in self.view(tree, Timestamp::default(), usize::MAX).lines() {
                text.push_str(&line);
                text.push('\n');
            }
            self.drawn = 0;
            terminal::eprint(&text);
        }
    }

    fn closing(&self, text: &str, tone: Tone) {
        if self.progress != Progress::None {
            let text = self.style.fit(text);
            terminal::eprint(&format!("  {}\n\n", self.style.paint(tone, &text)));
        }
    }
}
