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

use std::collections::BTreeMap;

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

/// What became of a definition.
#[derive(Debug)]
pub struct Compiled {
    /// The program; none when there is an error among the diagnostics.
    pub program: Option<Program>,
    /// What AWS would report: errors first, then warnings, each in the order of the definition.
    pub diagnostics: Vec<Diagnostic>,
}

impl Compiled {
    /// Whether AWS would accept the definition.
    pub fn is_valid(&self) -> bool {
        self.program.is_some()
    }

    fn refused(diagnostic: Diagnostic) -> Compiled {
        Compiled { program: None, diagnostics: vec![diagnostic] }
    }
}

/// Compiles the definition of a state machine.
pub fn compile(text: &str, format: Format, options: &Options) -> Compiled {
    match syntax::parse(text, format) {
        Ok(root) => compile_tree(&root, options),
        Err(diagnostic) => Compiled::refused(*diagnostic),
    }
}

/// Compiles a definition that has been read already.
pub fn compile_tree(root: &Node, options: &Options) -> Compiled {
    let mut compiler = Compiler::new(options);
    let root = Place::root(root);
    compiler.machine(&root);
    compiler.finish(Judge::Whole)
}

/// The name of the state that [`compile_state`] makes a machine of; AWS's locations have it, too.
pub const LONE_STATE_NAME: &str = "StateName";

/// Compiles one state without a machine around it, as TestState does: its transitions lead nowhere.
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
    compiler.machine(&Place::root(&root));
    compiler.finish(Judge::Alone)
}

/// Whether transitions are judged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Judge {
    Whole,
    Alone,
}

/// What a definition is compiled with: the pass goes through its methods, which the modules here add.
struct Compiler<'o> {
    options: &'o Options,
    /// `QueryLanguage` of the machine.
    language: QueryLanguage,
    timeout_seconds: Option<u32>,
    regions: Vec<Option<Region>>,
    /// Where regions and states stand, parallel to `regions`.
    sites: Vec<validate::RegionSite>,
    /// Errors that AWS reports alone.
    schema: Vec<Diagnostic>,
    /// Errors that it reports of a definition whose parts are right.
    later: Vec<Diagnostic>,
    /// Transitions that lead nowhere: among the later ones, but first.
    dangling: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
    /// Names of all states so far.
    names: BTreeMap<Str, ()>,
    /// Labels of all Map states so far.
    labels: BTreeMap<Str, ()>,
}

impl<'o> Compiler<'o> {
    fn new(options: &'o Options) -> Compiler<'o> {
        Compiler {
            options,
            language: QueryLanguage::JsonPath,
            timeout_seconds: None,
            regions: Vec::new(),
            sites: Vec::new(),
            schema: Vec::new(),
            later: Vec::new(),
            dangling: Vec::new(),
            warnings: Vec::new(),
            names: BTreeMap::new(),
            labels: BTreeMap::new(),
        }
    }

    fn finish(mut self, judge: Judge) -> Compiled {
        let regions: Option<Vec<Region>> = self.regions.into_iter().collect();
        let mut errors = self.schema;
        let mut program = None;
        if errors.is_empty() {
            let regions = regions.expect("a region without errors is built");
            let built =
                Program { query_language: self.language, timeout_seconds: self.timeout_seconds, regions };
            errors = self.later;
            errors.extend(validate::scopes(&built, &self.sites));
            if judge == Judge::Whole {
                errors.append(&mut self.dangling);
                errors.extend(validate::graph(&built, &self.sites));
            }
            program = errors.is_empty().then_some(built);
        }
        errors.append(&mut self.warnings);
        Compiled { program, diagnostics: errors }
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
        let mut diagnostic = Diagnostic::error(Code::SchemaValidationFailed, message.into());
        diagnostic.location = Some(place.location());
        diagnostic.span = Some(span);
        pushed(&mut self.schema, diagnostic)
    }

    /// Reports an error that AWS finds in its second step.
    fn refuse_later(&mut self, code: Code, place: &Place<'_>, span: Span, message: String) -> &mut Diagnostic {
        let mut diagnostic = Diagnostic::error(code, message);
        diagnostic.location = Some(place.location());
        diagnostic.span = Some(span);
        pushed(&mut self.later, diagnostic)
    }

    fn warn(&mut self, code: Code, place: &Place<'_>, span: Span, message: String) {
        let mut diagnostic = Diagnostic::error(code, message);
        diagnostic.severity = Severity::Warning;
        diagnostic.location = Some(place.location());
        diagnostic.span = Some(span);
        self.warnings.push(diagnostic);
    }

    /// Reports a field that an object must not have.
    fn unknown_field<'n>(
        &mut self,
        object: &Place<'_>,
        field: &Place<'_>,
        name: &str,
        known: impl IntoIterator<Item = &'n str>,
    ) {
        let hint = nearest(name, known).map(|near| format!("did you mean \"{near}\"?"));
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
        if let (Some(diagnostic), false) = (self.schema.last_mut(), types.is_empty()) {
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
    fn reserve_region(&mut self, place: &Place<'_>) -> RegionIdx {
        let region = RegionIdx(self.regions.len() as u32);
        self.regions.push(None);
        self.sites.push(validate::RegionSite { location: place.location(), states: Vec::new() });
        region
    }
}

/// The state that is being compiled.
#[derive(Clone, Copy)]
struct Ctx<'a> {
    place: &'a Place<'a>,
    language: QueryLanguage,
    /// The states of the same region.
    siblings: &'a Siblings<'a>,
}

impl Ctx<'_> {
    fn is_jsonata(&self) -> bool {
        self.language == QueryLanguage::Jsonata
    }
}

/// The states that a transition can lead to.
struct Siblings<'a> {
    names: BTreeMap<&'a str, StateIdx>,
}

fn pushed(list: &mut Vec<Diagnostic>, diagnostic: Diagnostic) -> &mut Diagnostic {
    list.push(diagnostic);
    list.last_mut().expect("one was pushed")
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
