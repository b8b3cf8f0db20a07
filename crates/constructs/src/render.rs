//! From a graph to the definition: every state in its words.

use std::sync::Arc;

use stepwell_value::{Str, Value};

use crate::cfn::Cfn;
use crate::error::{BuildError, Problem, Stage};
use crate::graph::{Catcher, Graph, StateData, StateIx};
use crate::iam::Statement;
use crate::json::{Fields, Json, ToJson};
use crate::language::QueryLanguage;
use crate::retry::Retry;
use crate::stack::Environment;
use crate::state::{Body, Distributed, FailProps, MapProps, ProcessorConfig, ProcessorMode, ProcessorType};
use crate::task::{Needs, TaskBox, TaskContext, integration};

/// What the states of a machine came to.
#[derive(Default)]
pub(crate) struct Rendered {
    pub(crate) needs: Needs,
    pub(crate) problems: Vec<BuildError>,
    /// The labels of the distributed maps; `None` for one that has none.
    pub(crate) distributed_maps: Vec<Option<Str>>,
}

pub(crate) struct Renderer<'a> {
    graph: &'a Graph,
    environment: &'a Environment,
    machine: QueryLanguage,
    out: Rendered,
}

impl<'a> Renderer<'a> {
    pub(crate) fn new(graph: &'a Graph, environment: &'a Environment, machine: QueryLanguage) -> Renderer<'a> {
        Renderer { graph, environment, machine, out: Rendered::default() }
    }

    pub(crate) fn finish(self) -> Rendered {
        self.out
    }

    /// `StartAt` and `States` of a region.
    pub(crate) fn region(&mut self, region: usize) -> Fields {
        let region = &self.graph.regions[region];
        let mut states = Fields::new();
        for state in &region.states {
            states.put(self.graph.name(*state), self.state(*state));
        }
        Fields::new().set("StartAt", Value::from(self.graph.name(region.start))).set("States", states)
    }

    /// Renders a state that no machine holds, for what is wrong with the state itself: it may not be complete yet.
    pub(crate) fn check(&mut self, state: StateIx) {
        let mut alone = Renderer::new(self.graph, self.environment, self.graph.states[state.0].language);
        alone.state(state);
        let problems = alone.out.problems.into_iter().filter(|problem| problem.stage == Stage::Construct);
        self.out.problems.extend(problems);
    }

    fn state(&mut self, index: StateIx) -> Fields {
        let state = &self.graph.states[index.0];
        let mut fields = Fields::new();
        if let Body::Custom(json) = &state.body {
            self.custom(state, json, &mut fields);
            return fields;
        }
        fields.put("Type", Value::from(type_of(&state.body)));
        if self.machine == QueryLanguage::JsonPath && state.language == QueryLanguage::Jsonata {
            fields.put("QueryLanguage", Value::from(QueryLanguage::Jsonata.as_str()));
        }
        if self.machine == QueryLanguage::Jsonata && state.language == QueryLanguage::JsonPath {
            self.problem(
                state,
                Stage::Render,
                "ConflictingQueryLanguages",
                format!(
                    "'queryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine {}/{}",
                    self.environment.stack_id,
                    state.path().join("/"),
                ),
            );
        }
        self.common_start(state, &mut fields);
        match &state.body {
            Body::Pass(props) => {
                if let Some(result) = &props.result {
                    fields.put("Result", self.plain(state, result));
                }
                self.put(state, &mut fields, "Parameters", &props.parameters);
            }
            Body::Wait(time) => self.put(state, &mut fields, time.field, &Some(time.value.clone())),
            Body::Choice => self.rules(state, &mut fields),
            Body::Succeed | Body::Custom(_) => {}
            Body::Fail(props) => {
                for (key, value) in [
                    ("Error", &props.error),
                    ("ErrorPath", &props.error_path),
                    ("Cause", &props.cause),
                    ("CausePath", &props.cause_path),
                ] {
                    self.put(state, &mut fields, key, value);
                }
                self.check_fail(state, props);
            }
            Body::Parallel(props) => {
                self.put(state, &mut fields, parameters_key(state.language), &props.parameters);
                if state.branches.is_empty() {
                    self.invalid(state, "Parallel must have at least one branch");
                }
                let branches = state.inner.iter().map(|region| self.region(*region).into()).collect();
                fields.put("Branches", Json::Array(branches));
            }
            Body::Map(props) => self.map(state, props, &mut fields),
            Body::Task(task) => self.task(state, task, &mut fields),
        }
        self.common_end(state, &mut fields);
        self.failures(state, &mut fields);
        if state.body.can_continue() {
            self.transition(state, &mut fields);
        }
        fields
    }

    fn common_start(&mut self, state: &StateData, fields: &mut Fields) {
        if let Some(comment) = &state.common.comment {
            fields.put("Comment", comment.to_json());
        }
        self.put(state, fields, "InputPath", &state.common.input_path);
    }

    fn common_end(&mut self, state: &StateData, fields: &mut Fields) {
        let common = &state.common;
        self.put(state, fields, "ResultSelector", &common.result_selector);
        self.put(state, fields, "ResultPath", &common.result_path);
        self.put(state, fields, "OutputPath", &common.output_path);
        self.put(state, fields, "Output", &common.output);
        self.put(state, fields, "Assign", &common.assign);
    }

    fn failures(&mut self, state: &StateData, fields: &mut Fields) {
        let retries = self.retries(state);
        if !retries.is_empty() {
            fields.put("Retry", Json::Array(retries));
        }
        let catchers = self.catchers(state);
        if !catchers.is_empty() {
            fields.put("Catch", Json::Array(catchers));
        }
    }

    fn transition(&self, state: &StateData, fields: &mut Fields) {
        match state.next {
            Some(next) => fields.put("Next", Value::from(self.graph.name(next))),
            None => fields.put("End", Value::from(true)),
        }
    }

    fn retries(&mut self, state: &StateData) -> Vec<Json> {
        let (all, some): (Vec<&Retry>, Vec<&Retry>) = state.retries.iter().partition(|retry| is_all(&retry.errors));
        some.into_iter()
            .chain(all)
            .map(|retry| {
                if let Some(problem) = retry.problem() {
                    self.problem(state, Stage::Construct, problem.code, problem.message.clone());
                }
                self.render(state, &retry.to_json())
            })
            .collect()
    }

    fn catchers(&mut self, state: &StateData) -> Vec<Json> {
        let (all, some): (Vec<&Catcher>, Vec<&Catcher>) =
            state.catches.iter().partition(|catcher| is_all(&catcher.errors));
        some.into_iter()
            .chain(all)
            .map(|catcher| {
                let mut fields = Fields::new().set("ErrorEquals", catcher.errors.to_json());
                self.put(state, &mut fields, "ResultPath", &catcher.result_path);
                self.put(state, &mut fields, "Assign", &catcher.assign);
                self.put(state, &mut fields, "Output", &catcher.output);
                fields.set("Next", Value::from(self.graph.name(catcher.handler))).into()
            })
            .collect()
    }

    fn rules(&mut self, state: &StateData, fields: &mut Fields) {
        if state.rules.is_empty() {
            self.problem(state, Stage::Synthesis, "ChoiceWithoutRules", "Choice must have at least one rule");
        }
        let rules = state
            .rules
            .iter()
            .map(|rule| {
                let mut fields = rule.condition.fields.clone();
                if let Some(comment) = &rule.extras.comment {
                    fields.put("Comment", comment.to_json());
                }
                self.put(state, &mut fields, "Assign", &rule.extras.assign);
                self.put(state, &mut fields, "Output", &rule.extras.output);
                fields.set("Next", Value::from(self.graph.name(rule.next))).into()
            })
            .collect();
        fields.put("Choices", Json::Array(rules));
        if let Some(default) = state.default {
            fields.put("Default", Value::from(self.graph.name(default)));
        }
    }

    fn check_fail(&mut self, state: &StateData, props: &FailProps) {
        const ALLOWED: [&str; 7] = [
            "States.Format",
            "States.JsonToString",
            "States.ArrayGetItem",
            "States.Base64Encode",
            "States.Base64Decode",
            "States.Hash",
            "States.UUID",
        ];
        for (name, path) in [("errorPath", &props.error_path), ("causePath", &props.cause_path)] {
            let call = path.as_ref().and_then(Json::literal).filter(|path| path.starts_with("States"));
            if call.is_some_and(|call| !ALLOWED.iter().any(|function| call.starts_with(function))) {
                let functions = ALLOWED.join(", ");
                self.invalid(
                    state,
                    format!("You must specify a valid intrinsic function in {name}. Must be one of {functions}"),
                );
            }
        }
        if props.error.is_some() && props.error_path.is_some() {
            self.invalid(state, "Fail state cannot have both error and errorPath");
        }
        if props.cause.is_some() && props.cause_path.is_some() {
            self.invalid(state, "Fail state cannot have both cause and causePath");
        }
    }

    fn map(&mut self, state: &StateData, props: &MapProps, fields: &mut Fields) {
        self.put(state, fields, "ItemsPath", &props.items_path);
        self.put(state, fields, "Items", &props.items);
        self.put(state, fields, "Parameters", &props.parameters);
        self.put(state, fields, "ItemSelector", &props.item_selector);
        self.put(state, fields, "MaxConcurrency", &props.max_concurrency);
        self.put(state, fields, "MaxConcurrencyPath", &props.max_concurrency_path);
        let mut inner = state.inner.iter().copied();
        if state.iterator.is_some()
            && let Some(region) = inner.next()
        {
            fields.put("Iterator", self.region(region));
        }
        if let Some(processor) = &state.processor
            && let Some(region) = inner.next()
        {
            let mut body = Fields::new().set("ProcessorConfig", processor_config(props, processor.config));
            body.extend(self.region(region));
            fields.put("ItemProcessor", body);
        }
        self.check_map(state, props);
        if let Some(distributed) = &props.distributed {
            self.distributed(state, props, distributed, fields);
        }
    }

    fn check_map(&mut self, state: &StateData, props: &MapProps) {
        if state.processor.is_none() && state.iterator.is_none() {
            self.invalid(state, "Map state must either have a non-empty iterator or a non-empty item processor");
        }
        if state.processor.is_some() && state.iterator.is_some() {
            self.invalid(state, "Map state cannot have both an iterator and an item processor");
        }
        if props.parameters.is_some() && props.item_selector.is_some() {
            self.invalid(state, "Map state cannot have both parameters and an item selector");
        }
        if props.max_concurrency.is_some() && props.max_concurrency_path.is_some() {
            self.invalid(state, "Provide either `maxConcurrency` or `maxConcurrencyPath`, but not both");
        }
        let safe = |number: f64| number.fract() == 0.0 && (0.0..=9_007_199_254_740_991.0).contains(&number);
        if props.max_concurrency.as_ref().and_then(Json::number).is_some_and(|number| !safe(number)) {
            self.invalid(state, "maxConcurrency has to be a positive integer");
        }
        if let Some(processor) = &state.processor {
            let mode = processor.config.mode.unwrap_or(ProcessorMode::Inline);
            let missing = mode == ProcessorMode::Distributed && processor.config.execution_type.is_none();
            if missing && props.distributed.is_none() {
                self.invalid(state, "You must specify an execution type for the distributed Map workflow");
            }
        }
    }

    fn distributed(&mut self, state: &StateData, props: &MapProps, map: &Distributed, fields: &mut Fields) {
        let v2 = self.environment.compat.distributed_map_result_writer_v2;
        if let Some(reader) = &map.item_reader {
            let reader_fields = reader.fields(state.language, integration("s3", reader.api()));
            self.put(state, fields, "ItemReader", &Some(reader_fields.into()));
            self.out.needs.statements.push(reader.statement());
        }
        if let Some(batcher) = &map.item_batcher {
            self.put(state, fields, "ItemBatcher", &Some(batcher.fields().into()));
            for mistake in batcher.mistakes() {
                self.invalid(state, mistake);
            }
        }
        let writer = if v2 { &map.result_writer_v2 } else { &map.result_writer };
        if (v2 && map.result_writer.is_some()) || (!v2 && map.result_writer_v2.is_some()) {
            let message = if v2 {
                "`resultWriter` counts only while the second version of the result writer is off: use `resultWriterV2`"
            } else {
                "`resultWriterV2` counts only with the second version of the result writer: use `resultWriter`"
            };
            self.problem(state, Stage::Synthesis, "ResultWriterVersion", message);
        }
        if let Some(writer) = writer {
            let writer_fields = writer.fields(state.language, integration("s3", "putObject"));
            self.put(state, fields, "ResultWriter", &Some(writer_fields.into()));
            self.out.needs.statements.extend(writer.statement());
            if writer.says_nothing() {
                self.out.needs.warnings.push(
                    "ResultWriter should specify at least the WriterConfig or the Bucket and Prefix [ack: @aws-cdk/aws-stepfunctions:emptyResultWriter]".to_owned(),
                );
            }
        }
        self.put(state, fields, "ToleratedFailureCount", &map.tolerated_failure_count);
        self.put(state, fields, "ToleratedFailureCountPath", &map.tolerated_failure_count_path);
        self.put(state, fields, "ToleratedFailurePercentage", &map.tolerated_failure_percentage);
        self.put(state, fields, "ToleratedFailurePercentagePath", &map.tolerated_failure_percentage_path);
        if let Some(label) = &map.label {
            fields.put("Label", label.to_json());
        }
        self.out.distributed_maps.push(map.label.clone());
        self.check_distributed(state, props, map);
    }

    fn check_distributed(&mut self, state: &StateData, props: &MapProps, map: &Distributed) {
        if let Some(processor) = &state.processor {
            if processor.config.mode == Some(ProcessorMode::Inline) {
                self.invalid(state, "Processing mode cannot be `INLINE` for a Distributed Map");
            }
            if processor.config.execution_type.is_some() {
                self.out.needs.warnings.push(
                    "Property 'ProcessorConfig.executionType' is ignored, use the 'mapExecutionType' in the 'DistributedMap' class instead. [ack: @aws-cdk/aws-stepfunctions:propertyIgnored]".to_owned(),
                );
            }
        }
        if props.items_path.is_some() && map.item_reader.is_some() {
            self.invalid(state, "Provide either `itemsPath` or `itemReader`, but not both");
        }
        if map.tolerated_failure_percentage.is_some() && map.tolerated_failure_percentage_path.is_some() {
            self.invalid(
                state,
                "Provide either `toleratedFailurePercentage` or `toleratedFailurePercentagePath`, but not both",
            );
        }
        let percentage = map.tolerated_failure_percentage.as_ref().and_then(Json::number);
        if percentage.is_some_and(|percentage| !(0.0..=100.0).contains(&percentage)) {
            self.invalid(state, "toleratedFailurePercentage must be between 0 and 100");
        }
        if map.tolerated_failure_count.is_some() && map.tolerated_failure_count_path.is_some() {
            self.invalid(state, "Provide either `toleratedFailureCount` or `toleratedFailureCountPath`, but not both");
        }
        if let Some(label) = &map.label {
            if label.chars().count() > LABEL_MAX {
                self.invalid(state, "label must be 40 characters or less");
            }
            let special = |c: char| c.is_whitespace() || c.is_control() || "?*<>{}[]:;,\\|^~$#%&`\"".contains(c);
            if label.contains(special) {
                self.invalid(state, "label cannot contain any whitespace or special characters");
            }
        }
    }

    fn task(&mut self, state: &StateData, task: &TaskBox, fields: &mut Fields) {
        let mut cx = TaskContext {
            language: state.language,
            pattern: task.pattern,
            common: &state.common,
            environment: self.environment,
            path: state.path(),
            needs: &mut self.out.needs,
            problems: Vec::new(),
        };
        let rendered = task.task.render(&mut cx);
        for (stage, code, message) in cx.problems {
            self.problem(state, stage, code, message);
        }
        fields.put("Resource", rendered.resource);
        self.put(state, fields, parameters_key(state.language), &rendered.parameters);
        let extra = self.render(state, &rendered.extra.into());
        if let Json::Object(members) = extra {
            members.into_iter().for_each(|(key, value)| fields.put(key, value));
        }
        if !rendered.own_timeout {
            self.seconds(state, fields, ["TimeoutSeconds", "TimeoutSecondsPath"], &state.common.timeout);
        }
        self.seconds(state, fields, ["HeartbeatSeconds", "HeartbeatSecondsPath"], &state.common.heartbeat);
        if let Some(role) = &state.common.credentials {
            let arn = Fields::new().set("RoleArn", role.0.clone());
            self.put(state, fields, "Credentials", &Some(arn.into()));
            let assumable = role.0.deployed().unwrap_or_else(|| Cfn::from("*"));
            self.out.needs.statements.push(Statement::allow(["sts:AssumeRole"], [assumable]));
        }
    }

    /// A time that stands in a field of its own when a path leads to it.
    fn seconds(&mut self, state: &StateData, fields: &mut Fields, keys: [&'static str; 2], value: &Option<Json>) {
        let key = if matches!(value, Some(Json::Path(_))) { keys[1] } else { keys[0] };
        self.put(state, fields, key, value);
    }

    fn custom(&mut self, state: &StateData, json: &Json, fields: &mut Fields) {
        let own = self.plain(state, json);
        let mut retries = self.retries(state);
        let mut catchers = self.catchers(state);
        self.transition(state, fields);
        let members = if let Json::Object(members) = own { members } else { Vec::new() };
        for (key, value) in members {
            match (key.as_str(), value) {
                ("Next" | "End", _) => {}
                ("Retry", value) if !retries.is_empty() => {
                    self.out.needs.warnings.push(both_sources("retries", "Retry", "multipleRetrySources"));
                    retries.extend(items_of(value));
                }
                ("Catch", value) if !catchers.is_empty() => {
                    self.out.needs.warnings.push(both_sources("catchers", "Catch", "multipleCatchSources"));
                    catchers.extend(items_of(value));
                }
                (_, value) => fields.put(key, value),
            }
        }
        for (key, items) in [("Retry", retries), ("Catch", catchers)] {
            if !items.is_empty() {
                fields.put(key, Json::Array(items));
            }
        }
    }

    /// Adds the field, if there is one, by the rules of the language of the state.
    fn put(&mut self, state: &StateData, fields: &mut Fields, key: &'static str, value: &Option<Json>) {
        if let Some(value) = value {
            match value {
                // A whole field that is a path: `Parameters` of a task that hands on one value.
                Json::Path(path) if key == "Parameters" => {
                    fields.put(format!("{key}.$"), self.render(state, &Json::Path(path.clone())));
                }
                value => fields.put(key, self.render(state, value)),
            }
        }
    }

    fn render(&mut self, state: &StateData, json: &Json) -> Json {
        self.render_as(state, json, state.language)
    }

    /// JSON in which nothing is computed: `null` members stay, also in a JSONPath state.
    fn plain(&mut self, state: &StateData, json: &Json) -> Json {
        self.render_as(state, json, QueryLanguage::Jsonata)
    }

    fn render_as(&mut self, state: &StateData, json: &Json, language: QueryLanguage) -> Json {
        let mut problems: Vec<Arc<Problem>> = Vec::new();
        let rendered = json.render(language, &mut problems);
        for problem in problems {
            self.problem(state, Stage::Render, problem.code, problem.message.clone());
        }
        rendered
    }

    fn problem(&mut self, state: &StateData, stage: Stage, code: &'static str, message: impl Into<String>) {
        let path = state.path().join("/");
        self.out.problems.push(BuildError { code, path, message: message.into(), stage });
    }

    /// Notes what the CDK finds when it validates a state at the end.
    fn invalid(&mut self, state: &StateData, message: impl Into<String>) {
        self.problem(state, Stage::Synthesis, "ValidationFailedWithErrors", message);
    }
}

const LABEL_MAX: usize = 40;

fn is_all(errors: &[Str]) -> bool {
    errors.iter().any(|error| error == "States.ALL")
}

fn parameters_key(language: QueryLanguage) -> &'static str {
    match language {
        QueryLanguage::JsonPath => "Parameters",
        QueryLanguage::Jsonata => "Arguments",
    }
}

fn type_of(body: &Body) -> &'static str {
    match body {
        Body::Pass(_) => "Pass",
        Body::Wait(_) => "Wait",
        Body::Choice => "Choice",
        Body::Succeed => "Succeed",
        Body::Fail(_) => "Fail",
        Body::Parallel(_) => "Parallel",
        Body::Map(_) => "Map",
        Body::Task(_) | Body::Custom(_) => "Task",
    }
}

fn processor_config(props: &MapProps, config: ProcessorConfig) -> Fields {
    let (mode, execution_type) = match &props.distributed {
        Some(map) => (ProcessorMode::Distributed, Some(map.execution_type.unwrap_or(ProcessorType::Standard))),
        None => (config.mode.unwrap_or(ProcessorMode::Inline), config.execution_type),
    };
    Fields::new().set("Mode", mode.to_json()).set_opt("ExecutionType", &execution_type)
}

fn items_of(json: Json) -> Vec<Json> {
    match json {
        Json::Array(items) => items,
        Json::Value(Value::Array(items)) => items.into_vec().into_iter().map(Json::Value).collect(),
        _ => Vec::new(),
    }
}

fn both_sources(plural: &str, field: &str, code: &str) -> String {
    format!(
        "CustomState constructs can configure state {plural} using the stateJson property or by using the add{field}() function.\nWhen {plural} are configured using both of these, the state definition's {field} field is generated \nby first rendering {plural} from add{field}(), then rendering {plural} from the stateJson. [ack: @aws-cdk/aws-stepfunctions:{code}]"
    )
}
