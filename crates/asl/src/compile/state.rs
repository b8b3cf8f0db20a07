//! States: what all types share, and the types that need little more.

use stepwell_aws::{Pattern, Resource, optimized_api};
use stepwell_value::Str;

use super::expression::{Delimited, Offered, delimited};
use super::fields::StateType;
use super::machine::{NOWHERE, SECONDS_MAX};
use super::place::Place;
use super::scalar::{Bounds, Context};
use super::template::{explain_call, is_call};
use super::{Compiler, Ctx, Siblings};
use crate::diagnostic::nearest;
use crate::intrinsic::Call;
use crate::program::{
    DataPath, ExecutionType, NumberField, QueryLanguage, ResultPath, State, StateIdx, StateKind, Task, TextField,
    Transition, Wait,
};

/// The fields of a Wait state that say how long, in AWS's order.
const WAIT_FIELDS: [&str; 4] = ["SecondsPath", "Seconds", "TimestampPath", "Timestamp"];

impl Compiler<'_> {
    /// One state; none when an error of form has been found that leaves nothing to build.
    pub(super) fn state(
        &mut self,
        place: &Place<'_>,
        name: &Str,
        siblings: &Siblings<'_>,
        idx: StateIdx,
    ) -> Option<State> {
        if !self.object(place) {
            return None;
        }
        let language = self.state_language(place);
        let state_type = self.state_type(place)?;
        let state = &Ctx { place, language, siblings, idx };
        self.check_state_fields(state, state_type);
        self.comment(place);
        let offered = match state_type {
            StateType::TASK | StateType::PARALLEL | StateType::MAP => Offered::RESULT,
            _ => Offered::NOTHING,
        };
        let has = |field: &str| state_type.field(field).is_some_and(|rule| rule.refuses(language).is_none());
        let kind = self.kind(state, state_type)?;
        Some(State {
            name: name.clone(),
            query_language: language,
            input_path: if has("InputPath") { self.data_path(place, "InputPath") } else { DataPath::Whole },
            parameters: self.parameters(state, state_type),
            result_selector: if has("ResultSelector") {
                self.template_field(state, place, "ResultSelector", Offered::NOTHING)
            } else {
                None
            },
            result_path: if has("ResultPath") { self.result_path(place) } else { ResultPath::Replace },
            output_path: if has("OutputPath") { self.data_path(place, "OutputPath") } else { DataPath::Whole },
            output: if has("Output") { self.template_field(state, place, "Output", offered) } else { None },
            assign: if has("Assign") { self.assign(state, place, offered) } else { None },
            next: if has("Next") { self.transition(state) } else { Transition::End },
            retry: if has("Retry") { self.retriers(state) } else { Vec::new() },
            catch: if has("Catch") { self.catchers(state) } else { Vec::new() },
            kind,
        })
    }

    /// The state's own language, otherwise the machine's; that of an enclosing Map or Parallel does not count.
    fn state_language(&mut self, place: &Place<'_>) -> QueryLanguage {
        let Some(field) = place.get("QueryLanguage") else { return self.language };
        let language = self.query_language(&field);
        if language == QueryLanguage::JsonPath && self.language == QueryLanguage::Jsonata {
            let message = "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine";
            self.refuse_at(place, field.node.span, message).hint =
                Some("leave it away above, and say JSONata in the states that need it".to_owned());
        }
        language
    }

    fn state_type(&mut self, place: &Place<'_>) -> Option<StateType> {
        if !self.require(place, &["Type"]) {
            return None;
        }
        let field = place.get("Type")?;
        let text = self.string(&field)?;
        let found = StateType::parse(text);
        if found.is_none() {
            let names = StateType::NAMES.map(|(name, _)| name);
            let message = format!("The field 'Type' should have one of these values: [{}]", names.join(", "));
            self.refuse(&field, message).hint = nearest(text, names).map(|near| format!("did you mean \"{near}\"?"));
        }
        found
    }

    fn kind(&mut self, state: &Ctx<'_>, state_type: StateType) -> Option<StateKind> {
        Some(match state_type {
            StateType::PASS => self.pass(state),
            StateType::TASK => StateKind::Task(Box::new(self.task(state)?)),
            StateType::CHOICE => self.choice(state),
            StateType::WAIT => StateKind::Wait(self.wait(state)),
            StateType::SUCCEED => StateKind::Succeed,
            StateType::FAIL => {
                let error = self.fail_text(state, ["Error", "ErrorPath"]);
                let cause = self.fail_text(state, ["Cause", "CausePath"]);
                StateKind::Fail { error, cause }
            }
            StateType::PARALLEL => self.parallel(state),
            _ => StateKind::Map(Box::new(self.map(state)?)),
        })
    }

    /// `Parameters` or `Arguments`; in a Map state `Parameters` is the old name of `ItemSelector`.
    fn parameters(&mut self, state: &Ctx<'_>, state_type: StateType) -> Option<crate::template::Template> {
        let name = if state.is_jsonata() { "Arguments" } else { "Parameters" };
        if state_type == StateType::MAP || state_type.field(name).is_none() {
            return None;
        }
        self.template_field(state, state.place, name, Offered::NOTHING)
    }

    /// `Next` or `End`.
    fn transition(&mut self, state: &Ctx<'_>) -> Transition {
        self.exactly_one(state.place, &["Next", "End"]);
        if let Some(end) = state.place.get("End") {
            if self.boolean(&end) == Some(false) && !state.place.has("Next") {
                self.refuse(&end, "Value should be one of the following: [true]").hint =
                    Some("a state that goes on has Next".to_owned());
            }
            return Transition::End;
        }
        Transition::Next(self.next(state, state.place, "Next").unwrap_or(NOWHERE))
    }

    fn pass(&mut self, state: &Ctx<'_>) -> StateKind {
        let result = state.place.get("Result").filter(|_| !state.is_jsonata());
        if let Some(result) = &result {
            self.warn_of_static_result(result, result);
        }
        StateKind::Pass { result: result.map(|result| result.node.to_value()) }
    }

    fn wait(&mut self, state: &Ctx<'_>) -> Wait {
        self.exactly_one(state.place, &WAIT_FIELDS);
        if state.place.has("Timestamp") || state.place.has("TimestampPath") {
            return Wait::Timestamp(self.wait_until(state).unwrap_or(TextField::Constant(Str::default())));
        }
        let bounds = Bounds::integer(0, Some(SECONDS_MAX));
        let seconds = self.number_field(state, state.place, ["Seconds", "SecondsPath"], bounds);
        Wait::Seconds(seconds.unwrap_or(NumberField::Constant(0.0)))
    }

    fn wait_until(&mut self, state: &Ctx<'_>) -> Option<TextField> {
        let Some(timestamp) = state.place.get("Timestamp") else {
            let path = state.place.get("TimestampPath").filter(|_| !state.is_jsonata())?;
            return self.reference_path(&path, Context::Refused).map(TextField::Path);
        };
        let expression = timestamp.node.as_str().filter(|text| !matches!(delimited(text), Delimited::Literal));
        if state.is_jsonata() && expression.is_some() {
            return self.expression_field(&timestamp).map(TextField::Expression);
        }
        self.timestamp(&timestamp).map(TextField::Constant)
    }

    /// `Error` or `Cause` of a Fail state, or its `…Path` form.
    fn fail_text(&mut self, state: &Ctx<'_>, [name, path_name]: [&str; 2]) -> Option<TextField> {
        self.at_most_one(state.place, &[name, path_name]);
        if let Some(place) = state.place.get(name) {
            let text = self.string(&place)?;
            if state.is_jsonata() && !matches!(delimited(text), Delimited::Literal) {
                return self.expression_field(&place).map(TextField::Expression);
            }
            if !state.is_jsonata() {
                self.warn_of_missing_path(&place, name);
            }
            return Some(TextField::Constant(Str::new(text)));
        }
        let place = state.place.get(path_name)?;
        if state.is_jsonata() {
            return None;
        }
        let text = self.string(&place)?;
        if !is_call(text) {
            return self.reference_path(&place, Context::Allowed).map(TextField::Path);
        }
        let problem = match Call::parse(text) {
            Ok(call) if call.returns_string() => return Some(TextField::Intrinsic(call)),
            Ok(_) => "this function does not give a string".to_owned(),
            Err(error) => explain_call(text, error.message),
        };
        let message = format!(
            "The value for the field '{path_name}' must be a valid JSONPath or a valid intrinsic function call"
        );
        self.refuse(&place, message).hint = Some(problem);
        None
    }

    fn parallel(&mut self, state: &Ctx<'_>) -> StateKind {
        self.require(state.place, &["Branches"]);
        let mut branches = Vec::new();
        if let Some(list) = state.place.get("Branches").filter(|list| self.non_empty_array(list)) {
            let items = list.items().enumerate();
            branches.extend(items.map(|(n, branch)| self.branch(&branch, state.parent("Branches", Some(n)))));
        }
        StateKind::Parallel { branches }
    }

    fn task(&mut self, state: &Ctx<'_>) -> Option<Task> {
        let bounds = Bounds::integer(1, Some(SECONDS_MAX));
        let timeout_seconds = self.number_field(state, state.place, ["TimeoutSeconds", "TimeoutSecondsPath"], bounds);
        let heartbeat_seconds =
            self.number_field(state, state.place, ["HeartbeatSeconds", "HeartbeatSecondsPath"], bounds);
        let credentials = self.credentials(state);
        self.require(state.place, &["Resource"]);
        let place = state.place.get("Resource")?;
        let text = self.string(&place)?;
        let resource = match Resource::parse(text) {
            Ok(resource) => resource,
            Err(error) => {
                let diagnostic = self.refuse(&place, error.to_string());
                if diagnostic.hint.is_none() {
                    diagnostic.hint = explain_resource(text);
                }
                return None;
            }
        };
        self.express_resource(&place, &resource);
        self.task_parameters(state, &resource, text);
        if matches!(resource, Resource::Activity(_)) && state.place.has("Credentials") {
            self.refuse_object(state.place, "The field 'Credentials' is not supported for activities");
        }
        Some(Task { resource, resource_arn: Str::new(text), timeout_seconds, heartbeat_seconds, credentials })
    }

    /// Express machines cannot wait for what takes long.
    fn express_resource(&mut self, place: &Place<'_>, resource: &Resource) {
        if self.options.machine_type != ExecutionType::Express {
            return;
        }
        match (resource, resource.pattern()) {
            (Resource::Activity(_), _) => {
                self.refuse(place, "Express state machine does not support Activity ARN");
            }
            (_, Pattern::Sync | Pattern::Sync2) => {
                self.refuse(place, "Express state machine does not support '.sync' service integration");
            }
            (_, Pattern::WaitForTaskToken) => {
                // AWS's text ends in a blank [recorded].
                self.refuse(place, "Express state machine does not support '.waitForTaskToken' service integration ");
            }
            (_, Pattern::RequestResponse) => {}
        }
    }

    /// What an optimized integration must be called with.
    fn task_parameters(&mut self, state: &Ctx<'_>, resource: &Resource, arn: &str) {
        let api = match resource {
            Resource::Optimized { service, api, .. } => optimized_api(service, api),
            Resource::HttpInvoke => optimized_api("http", "invoke"),
            _ => None,
        };
        let Some(api) = api.filter(|api| !api.required.is_empty()) else { return };
        let name = if state.is_jsonata() { "Arguments" } else { "Parameters" };
        let Some(parameters) = state.place.get(name) else {
            let shown = arn.strip_suffix(resource.pattern().suffix()).unwrap_or(arn);
            self.refuse_object(state.place, format!("{name} field is required for resource ARN: {shown}"));
            return;
        };
        self.required_parameters(&parameters, api.required);
    }

    /// Reports members that an object of parameters lacks; a key that ends in `.$` counts as well.
    fn required_parameters(&mut self, parameters: &Place<'_>, required: &[&str]) {
        let Some(members) = parameters.node.members() else { return };
        for name in required {
            let is_there = members.iter().any(|member| member.key.strip_suffix(".$").unwrap_or(&member.key) == *name);
            if !is_there {
                let written = members.iter().map(|member| member.key.as_str());
                let hint = nearest(name, written).map(|near| format!("\"{near}\" should probably be \"{name}\""));
                self.refuse_object(parameters, format!("The field '{name}' is required but was missing")).hint = hint;
            }
        }
    }

    fn credentials(&mut self, state: &Ctx<'_>) -> Option<crate::template::Template> {
        let place = state.place.get("Credentials")?;
        if !self.object(&place) {
            return None;
        }
        self.required_parameters(&place, &["RoleArn"]);
        if let Some(role) = place.get("RoleArn") {
            self.string(&role);
        }
        Some(self.template(state, &place, Offered::NOTHING))
    }
}

/// What a resource that is not recognized was probably meant to be.
fn explain_resource(text: &str) -> Option<String> {
    let (_, call) = text.split_once(":states:")?;
    let call = call.splitn(3, ':').nth(2)?;
    let (service, action) = call.split_once(':')?;
    let (action, suffix) = action.split_at(action.find('.').unwrap_or(action.len()));
    if let Some(api) = optimized_api(service, action) {
        let patterns: Vec<_> = api.patterns.iter().map(|pattern| format!("{action}{}", pattern.suffix())).collect();
        return Some(format!("there is {}", patterns.join(", ")));
    }
    let apis = stepwell_aws::optimized_service(service);
    if let Some(near) = nearest(action, apis.iter().map(|api| api.action)) {
        return Some(format!("did you mean \"{service}:{near}{suffix}\"?"));
    }
    Some(format!("any API can be called as arn:aws:states:::aws-sdk:{service}:{action}"))
}
