//! Definition text to a program, or to what is wrong with it: one pass over the tree that checks and builds.
//!
//! What breaks a rule is reported and something harmless is built in its place; a program leaves this module only when
//! no error was found, so that the placeholder never runs. Whatever depends on all states at once (transitions,
//! reachability, scopes of variables) is judged afterwards by [`crate::validate`], and only for definitions whose
//! parts are right: AWS reports in the same two steps.

mod choice;
mod errors;
mod expression;
mod fields;
mod machine;
mod map;
mod place;
mod scalar;
mod state;
mod template;

use std::collections::{BTreeMap, BTreeSet};

use stepwell_value::Str;

use crate::diagnostic::{Code, Diagnostic, Severity, nearest};
use crate::program::{ExecutionType, Program, QueryLanguage, Region, RegionIdx, StateIdx};
use crate::syntax::{Format, Node, Span};
use crate::{syntax, validate};

use fields::{Rules, StateType};
use place::Place;

/// What a definition is compiled for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Standard, or Express, which cannot have all that Standard has.
    pub machine_type: ExecutionType,
}

/// Most errors, and most warnings, that are reported; ValidateStateMachineDefinition gives no more at once.
pub const DIAGNOSTICS_MAX: usize = 100;

/// What became of a definition.
#[derive(Debug)]
pub struct Compiled {
    /// The program; none when there is an error among the diagnostics.
    pub program: Option<Program>,
    /// What AWS would report: errors first, then warnings, each in the order of the definition.
    pub diagnostics: Vec<Diagnostic>,
    /// There are more than [`DIAGNOSTICS_MAX`] errors or warnings.
    pub truncated: bool,
}

impl Compiled {
    /// Whether AWS would accept the definition.
    pub fn is_valid(&self) -> bool {
        self.program.is_some()
    }

    fn refused(diagnostic: Diagnostic) -> Compiled {
        Compiled { program: None, diagnostics: vec![diagnostic], truncated: false }
    }
}

/// Compiles the definition of a state machine.
///
/// ```
/// use stepwell_asl::{Format, Options, compile};
///
/// let text = r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Succeed"}}}"#;
/// let program = compile(text, Format::Json, &Options::default()).program.expect("a valid definition");
/// assert_eq!(program.states_count(), 2);
///
/// let refused = compile(&text.replace("Succeed", "Suceed"), Format::Json, &Options::default());
/// assert_eq!(refused.diagnostics[0].location.as_deref(), Some("/States/B/Type"));
/// assert_eq!(refused.diagnostics[0].hint.as_deref(), Some("did you mean \"Succeed\"?"));
/// ```
pub fn compile(text: &str, format: Format, options: &Options) -> Compiled {
    match syntax::parse(text, format) {
        Ok(root) => compile_tree(&root, options),
        Err(diagnostic) => Compiled::refused(*diagnostic),
    }
}

/// Compiles a definition that has been read already.
pub fn compile_tree(root: &Node, options: &Options) -> Compiled {
    let mut compiler = Compiler::new(options);
    compiler.machine(&Place::root(root));
    compiler.finish()
}

/// The name of the state that [`compile_state`] makes a machine of; AWS's locations have it, too.
pub const LONE_STATE_NAME: &str = "StateName";

/// Compiles one state without a machine around it, as TestState does.
///
/// The state is the first of the program. Each state that it can lead to follows as a Succeed state with that name.
pub fn compile_state(text: &str, format: Format, options: &Options) -> Compiled {
    let state = match syntax::parse(text, format) {
        Ok(state) => state,
        Err(diagnostic) => return Compiled::refused(*diagnostic),
    };
    let span = state.span;
    let member = |key: &str, value: Node| syntax::Member { key: Str::new(key), key_span: span, value };
    let object = |members| Node { span, kind: syntax::NodeKind::Object(members) };
    let name = Node { span, kind: syntax::NodeKind::Scalar(LONE_STATE_NAME.into()) };
    let states = object(vec![member(LONE_STATE_NAME, state)]);
    let root = object(vec![member("StartAt", name), member("States", states)]);
    let mut compiler = Compiler::new(options);
    compiler.lone_targets = Some(Vec::new());
    compiler.machine(&Place::root(&root));
    compiler.finish()
}

/// What a definition is compiled with: the pass goes through its methods, which the modules here add.
struct Compiler<'o> {
    options: &'o Options,
    /// `QueryLanguage` of the machine.
    language: QueryLanguage,
    timeout_seconds: Option<u32>,
    /// When one state is compiled alone: the states that it leads to.
    lone_targets: Option<Vec<Str>>,
    regions: Vec<Option<Region>>,
    /// Where regions and states stand, parallel to `regions`.
    sites: Vec<validate::RegionSite>,
    /// Errors that AWS reports alone.
    schema: Findings,
    /// Errors that it reports of a definition whose parts are right.
    later: Findings,
    /// Transitions that lead nowhere: among the later ones, but after them.
    dangling: Findings,
    warnings: Findings,
    /// Names of all states so far.
    names: BTreeSet<Str>,
    /// Labels of all Map states so far.
    labels: BTreeSet<Str>,
}

impl<'o> Compiler<'o> {
    fn new(options: &'o Options) -> Compiler<'o> {
        Compiler {
            options,
            language: QueryLanguage::JsonPath,
            timeout_seconds: None,
            lone_targets: None,
            regions: Vec::new(),
            sites: Vec::new(),
            schema: Findings::default(),
            later: Findings::default(),
            dangling: Findings::default(),
            warnings: Findings::default(),
            names: BTreeSet::new(),
            labels: BTreeSet::new(),
        }
    }

    fn finish(self) -> Compiled {
        let regions: Option<Vec<Region>> = self.regions.into_iter().collect();
        let mut errors = self.schema;
        let mut program = None;
        if errors.list.is_empty() {
            let regions = regions.expect("a region without errors is built");
            let built = Program { query_language: self.language, timeout_seconds: self.timeout_seconds, regions };
            errors = self.later;
            errors.extend(validate::scopes(&built, &self.sites));
            errors.truncated |= self.dangling.truncated;
            errors.extend(self.dangling.list);
            errors.extend(validate::graph(&built, &self.sites));
            program = errors.list.is_empty().then_some(built);
        }
        let mut diagnostics = errors.list;
        diagnostics.extend(self.warnings.list);
        Compiled { program, diagnostics, truncated: errors.truncated || self.warnings.truncated }
    }

    /// Reports that a rule is broken at `place`, marked at the value.
    fn refuse(&mut self, place: &Place<'_>, message: impl Into<String>) -> &mut Diagnostic {
        self.refuse_at(place, place.node.span, message)
    }

    /// Reports that an object breaks a rule as a whole: marked at its head.
    fn refuse_object(&mut self, place: &Place<'_>, message: impl Into<String>) -> &mut Diagnostic {
        self.refuse_at(place, place.head_span(), message)
    }

    fn refuse_at(&mut self, place: &Place<'_>, span: Span, message: impl Into<String>) -> &mut Diagnostic {
        self.schema.add(Code::SchemaValidationFailed, place, span, message.into())
    }

    /// Reports an error that AWS finds in its second step.
    fn refuse_later(&mut self, code: Code, place: &Place<'_>, span: Span, message: String) -> &mut Diagnostic {
        self.later.add(code, place, span, message)
    }

    fn warn(&mut self, code: Code, place: &Place<'_>, span: Span, message: String) {
        self.warnings.add(code, place, span, message).severity = Severity::Warning;
    }

    /// Reports a field that an object must not have.
    fn unknown_field<'n>(
        &mut self,
        object: &Place<'_>,
        field: &Place<'_>,
        name: &str,
        known: impl IntoIterator<Item = &'n str>,
    ) {
        // Looking for what was meant costs more than a mere diagnostic.
        let near = if self.schema.truncated { None } else { nearest(name, known) };
        let hint = near.map(|near| format!("did you mean \"{near}\"?"));
        self.refuse_at(object, field.key_span(), format!("Field '{name}' is not supported")).hint = hint;
    }

    /// Reports a field of the other query language; AWS's location is the state, however deep the field is.
    fn other_language(&mut self, state: &Place<'_>, field: &Place<'_>, name: &str, needed: QueryLanguage) {
        let set = if needed == QueryLanguage::Jsonata { "JSONPath" } else { "JSONata" };
        let needed = needed_name(needed);
        let message = format!(
            "The QueryLanguage is set to '{set}', but field '{name}' is only supported for the '{needed}' QueryLanguage"
        );
        self.refuse_at(state, field.key_span(), message).hint = replacement(name).map(str::to_owned);
    }

    /// Checks that a state has only fields of its type and language.
    fn check_state_fields(&mut self, state: &Ctx<'_>, state_type: StateType) {
        for (name, field) in state.place.members() {
            match state_type.field(name) {
                None => {
                    self.unknown_field(state.place, &field, name, state_type.field_names());
                    self.explain_misplaced(name);
                }
                Some(rule) => {
                    if let Some(needed) = rule.refuses(state.language) {
                        self.other_language(state.place, &field, name, needed);
                    }
                }
            }
        }
    }

    /// Says of the field just refused where it does exist.
    fn explain_misplaced(&mut self, name: &str) {
        let types: Vec<_> =
            StateType::NAMES.iter().filter(|(_, other)| other.field(name).is_some()).map(|(name, _)| *name).collect();
        if let (Some(diagnostic), false) = (self.schema.list.last_mut(), types.is_empty()) {
            diagnostic.hint = Some(format!("only {} states have this field", types.join(", ")));
        }
    }

    /// Checks that an object inside a state has only the fields that `rules` name.
    fn check_fields(&mut self, state: &Ctx<'_>, object: &Place<'_>, rules: Rules) {
        for (name, field) in object.members() {
            match rules.iter().find(|rule| *name == rule.0) {
                None => self.unknown_field(object, &field, name, rules.iter().map(|rule| rule.0)),
                Some((_, rule)) => {
                    if let Some(needed) = rule.refuses(state.language) {
                        self.other_language(state.place, &field, name, needed);
                    }
                }
            }
        }
    }

    /// Checks that an object has all of `names`.
    fn require(&mut self, object: &Place<'_>, names: &[&str]) -> bool {
        let missing: Vec<_> = names.iter().copied().filter(|name| !object.has(name)).collect();
        if !missing.is_empty() {
            self.refuse_object(object, format!("These fields are required: [{}]", missing.join(", ")));
        }
        missing.is_empty()
    }

    /// Checks that an object has at most one of `names`, which are in AWS's order.
    fn at_most_one(&mut self, object: &Place<'_>, names: &[&str]) -> bool {
        let present = names.iter().filter(|name| object.has(name)).count();
        if present > 1 {
            let message = format!("There should only be one of the following fields: [{}]", names.join(", "));
            self.refuse_object(object, message);
        }
        present <= 1
    }

    /// Checks that an object has exactly one of `names`.
    fn exactly_one(&mut self, object: &Place<'_>, names: &[&str]) -> bool {
        if !names.iter().any(|name| object.has(name)) {
            let message = format!("This object should have only one of the following fields: [{}]", names.join(", "));
            self.refuse_object(object, message);
            return false;
        }
        self.at_most_one(object, names)
    }

    /// Makes room for a region, so that an outer one comes before those inside it.
    fn reserve_region(&mut self, parent: Option<validate::Parent>) -> RegionIdx {
        let region = RegionIdx(self.regions.len() as u32);
        self.regions.push(None);
        self.sites.push(validate::RegionSite { parent, states: Vec::new() });
        region
    }
}

/// Diagnostics of one kind, up to [`DIAGNOSTICS_MAX`].
#[derive(Default)]
struct Findings {
    list: Vec<Diagnostic>,
    /// There were more.
    truncated: bool,
    /// Takes what callers add to a diagnostic that is not kept.
    dropped: Option<Diagnostic>,
}

impl Findings {
    fn add(&mut self, code: Code, place: &Place<'_>, span: Span, message: String) -> &mut Diagnostic {
        let mut diagnostic = Diagnostic::error(code, message);
        if self.list.len() >= DIAGNOSTICS_MAX {
            self.truncated = true;
            return self.dropped.insert(diagnostic);
        }
        diagnostic.location = Some(place.location());
        diagnostic.span = Some(span);
        diagnostic.hint = place.node.as_str().and_then(unfilled);
        self.list.push(diagnostic);
        self.list.last_mut().expect("one was pushed")
    }

    fn extend(&mut self, more: impl IntoIterator<Item = Diagnostic>) {
        self.list.extend(more);
        self.truncated |= self.list.len() > DIAGNOSTICS_MAX;
        self.list.truncate(DIAGNOSTICS_MAX);
    }
}

/// Advice where a value is wrong because a placeholder in it has no value.
fn unfilled(text: &str) -> Option<String> {
    let placeholder = syntax::placeholders(text).into_iter().next()?;
    Some(format!("the placeholder ${{{}}} has no value", placeholder.name))
}

/// The state that is being compiled.
#[derive(Clone, Copy)]
struct Ctx<'a> {
    place: &'a Place<'a>,
    language: QueryLanguage,
    /// The states of the same region.
    siblings: &'a Siblings<'a>,
    /// Its position among them.
    idx: StateIdx,
}

impl Ctx<'_> {
    fn is_jsonata(&self) -> bool {
        self.language == QueryLanguage::Jsonata
    }

    /// Where a region inside this state is.
    fn parent(&self, field: &'static str, branch: Option<usize>) -> validate::Parent {
        validate::Parent { region: self.siblings.region, state: self.idx, field, branch }
    }
}

/// The states that a transition can lead to.
struct Siblings<'a> {
    region: RegionIdx,
    names: BTreeMap<&'a str, StateIdx>,
}

fn needed_name(language: QueryLanguage) -> &'static str {
    match language {
        QueryLanguage::JsonPath => "JSONPath",
        QueryLanguage::Jsonata => "JSONata",
    }
}

/// What does a field's work in the other query language.
fn replacement(name: &str) -> Option<&'static str> {
    Some(match name {
        "Parameters" => "JSONata has Arguments (Task, Parallel) and Output (Pass)",
        "Arguments" => "JSONPath has Parameters",
        "InputPath" | "ResultSelector" | "ResultPath" | "OutputPath" | "Result" => "JSONata has Output",
        "Output" => "JSONPath has ResultSelector, ResultPath and OutputPath",
        "ItemsPath" => "JSONata has Items",
        "Items" => "JSONPath has ItemsPath",
        "Variable" | "And" | "Or" | "Not" => "JSONata has Condition",
        "Condition" => "JSONPath has Variable with a comparison",
        name if name.ends_with("Path") => "JSONata takes an expression in the field without Path",
        _ => return None,
    })
}
