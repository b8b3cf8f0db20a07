//! The states that are no tasks, and the handles of all states.

use stepwell_constructs::*;
use stepwell_value::Value;

use super::case::Cx;
use super::convert::{self, Lang};
use super::eval::{Props, V};
use super::{Answer, Stop, refs, unknown};

/// A state to be made: its id, its language, and its properties.
pub struct Input {
    pub id: String,
    pub language: QueryLanguage,
    pub props: Props,
    pub pattern: Option<String>,
}

/// The handle of a state with the methods of its kind.
#[derive(Clone)]
pub enum Own<L> {
    Open(Node<L, Open>),
    Closed(Node<L, Closed>),
    Work(Node<L, Work>),
    Decision(Node<L, Decision>),
    Branches(Node<L, Branches>),
    Iteration(Node<L, Iteration>),
}

/// The handle of a state, whatever its language.
#[derive(Clone)]
pub enum Handle {
    JsonPath(Own<JsonPath>),
    Jsonata(Own<Jsonata>),
}

/// What transitions lead to, in a machine of any language.
#[derive(Clone)]
pub enum Chain {
    Open(Node<JsonPath, Open>),
    Closed(Node<JsonPath, Closed>),
}

/// A state or chain by its name in the input.
#[derive(Clone)]
pub struct AnyNode {
    pub own: Handle,
    pub chain: Chain,
}

/// Kinds of handles, by what the adapter keeps of them.
pub trait Known: Kind + Sized {
    fn own<L: Lang>(node: &Node<L, Self>) -> Own<L>;
    fn chain(node: &Node<JsonPath, Self>) -> Chain;
}

macro_rules! known {
    ($($kind:ident => $chain:ident;)*) => {$(
        impl Known for $kind {
            fn own<L: Lang>(node: &Node<L, $kind>) -> Own<L> {
                Own::$kind(node.clone())
            }

            fn chain(node: &Node<JsonPath, $kind>) -> Chain {
                Chain::$chain(node.chain())
            }
        }
    )*};
}

known! {
    Open => Open;
    Closed => Closed;
    Work => Open;
    Decision => Closed;
    Branches => Open;
    Iteration => Open;
}

/// Languages, by how the adapter keeps their handles.
pub trait Handles: Lang {
    fn handle(own: Own<Self>) -> Handle;
}

impl Handles for JsonPath {
    fn handle(own: Own<JsonPath>) -> Handle {
        Handle::JsonPath(own)
    }
}

impl Handles for Jsonata {
    fn handle(own: Own<Jsonata>) -> Handle {
        Handle::Jsonata(own)
    }
}

impl AnyNode {
    pub fn new<L: Handles, K: Known>(node: &Node<L, K>) -> AnyNode {
        AnyNode { own: L::handle(K::own(node)), chain: K::chain(&node.in_any_machine()) }
    }
}

impl Cx {
    /// Adds a state that is complete.
    pub fn add<S>(&self, state: S) -> Answer<AnyNode>
    where
        S: State,
        S::Language: Handles,
        S::Kind: Known,
    {
        Ok(AnyNode::new(&self.workflow.add(state)))
    }
}

/// Statements for one of the languages.
macro_rules! per_language {
    (json_path { $($json_path:tt)* } { $($jsonata:tt)* }) => { $($json_path)* };
    (jsonata { $($json_path:tt)* } { $($jsonata:tt)* }) => { $($jsonata)* };
}
pub(crate) use per_language;

/// The properties that states share, by groups.
macro_rules! shared {
    ($new:ident $b:ident $p:expr; $($group:ident)*) => {
        $($crate::adapter::states::shared!(@$group $new $b $p);)*
    };
    (@naming $new:ident $b:ident $p:expr) => {
        if let Some(v) = $p.take("comment") {
            $b = $b.comment(v.text()?);
        }
        if let Some(v) = $p.take("stateName") {
            $b = $b.state_name(v.text()?);
        }
    };
    (@assign $new:ident $b:ident $p:expr) => {
        if let Some(v) = $p.take("assign") {
            $b = $b.assign($crate::adapter::convert::obj::<L>(&v)?);
        }
    };
    (@paths $new:ident $b:ident $p:expr) => {
        $crate::adapter::states::per_language!($new {
            if let Some(v) = $p.take("inputPath") {
                $b = $b.input_path($crate::adapter::convert::place(&v)?);
            }
            if let Some(v) = $p.take("outputPath") {
                $b = $b.output_path($crate::adapter::convert::place(&v)?);
            }
        } {});
    };
    (@result_path $new:ident $b:ident $p:expr) => {
        $crate::adapter::states::per_language!($new {
            if let Some(v) = $p.take("resultPath") {
                $b = $b.result_path($crate::adapter::convert::place(&v)?);
            }
        } {});
    };
    (@result_selector $new:ident $b:ident $p:expr) => {
        $crate::adapter::states::per_language!($new {
            if let Some(v) = $p.take("resultSelector") {
                $b = $b.result_selector($crate::adapter::convert::obj::<L>(&v)?);
            }
        } {});
    };
    (@outputs $new:ident $b:ident $p:expr) => {
        $crate::adapter::states::per_language!($new {} {
            if let Some(v) = $p.take("outputs") {
                $b = $b.outputs($crate::adapter::convert::field::<L>(&v)?);
            }
        });
    };
}
pub(crate) use shared;

/// The same code in both languages: `L` is the language, `$new` the name of its constructor.
macro_rules! in_both {
    ($language:expr, $code:ident) => {
        match $language {
            QueryLanguage::JsonPath => {
                #[allow(dead_code)]
                type L = JsonPath;
                $code!(json_path)
            }
            QueryLanguage::Jsonata => {
                #[allow(dead_code)]
                type L = Jsonata;
                $code!(jsonata)
            }
        }
    };
}

/// What is left over, and which mistake that is.
pub fn finish(input: &Input, construct: &str) -> Answer<()> {
    let Some((name, _)) = input.props.0.first() else { return Ok(()) };
    let json_path = input.language == QueryLanguage::JsonPath;
    match name.as_str() {
        "outputs" | "arguments" | "items" | "jsonataItemSelector" | "jsonataMaxConcurrency" if json_path => {
            Err(Stop::NotExpressible("jsonata_field_in_json_path_state.rs"))
        }
        "inputPath" | "outputPath" | "resultPath" | "resultSelector" | "itemsPath" | "parameters" if !json_path => {
            Err(Stop::NotExpressible("json_path_field_in_jsonata_state.rs"))
        }
        "arguments" if construct == "Pass" => Err(Stop::NotExpressible("arguments_of_pass.rs")),
        "assign" if construct == "Succeed" => Err(Stop::NotExpressible("assign_of_succeed.rs")),
        "resultSelector" if construct == "Pass" => Err(Stop::NotExpressible("result_selector_of_pass.rs")),
        name => unknown(format!("property {name} of {construct}")),
    }
}

impl Cx {
    /// Makes a state that is no task; nothing if it is one.
    pub fn state(&self, construct: &str, input: &mut Input) -> Option<Answer<AnyNode>> {
        Some(match construct {
            "Pass" => self.pass(input),
            "Wait" => self.wait(input),
            "Choice" => self.choice(input),
            "Succeed" => self.succeed(input),
            "Fail" => self.fail(input),
            "Parallel" => self.parallel(input),
            "Map" => self.map(input),
            "DistributedMap" => self.distributed_map(input),
            "CustomState" => self.custom(input),
            _ => return None,
        })
    }

    fn pass(&self, input: &mut Input) -> Answer<AnyNode> {
        macro_rules! code {
            ($new:ident) => {{
                let mut b = Pass::$new(&input.id);
                shared!($new b input.props; naming assign paths result_path outputs);
                per_language!($new {
                    if let Some(v) = input.props.take("parameters") {
                        b = b.parameters(convert::obj::<L>(&v)?);
                    }
                    if let Some(v) = input.props.take("result") {
                        b = match &v {
                            V::Call(_, args) => b.result(convert::plain(&args[0])?),
                            other => return unknown(format!("a result from {other:?}")),
                        };
                    }
                } {});
                finish(input, "Pass")?;
                self.add(b)
            }};
        }
        in_both!(input.language, code)
    }

    fn wait(&self, input: &mut Input) -> Answer<AnyNode> {
        let time = input.props.need("time")?;
        let V::Call(name, args) = &time else { return unknown("a time to wait") };
        let argument = &args[0];
        macro_rules! code {
            ($new:ident) => {{
                let literal: Option<WaitTime<L>> = match (name.as_str(), argument) {
                    ("WaitTime.duration", duration) => Some(WaitTime::duration(duration.duration()?)),
                    ("WaitTime.timestamp", V::Json(Value::Str(text))) if !text.starts_with("{%") => {
                        Some(WaitTime::timestamp(text.clone()))
                    }
                    _ => None,
                };
                let time = match literal {
                    Some(time) => time,
                    None => per_language!($new {
                        match (name.as_str(), convert::place(argument)?) {
                            ("WaitTime.secondsPath", place) => WaitTime::seconds_path(place),
                            ("WaitTime.timestampPath", place) => WaitTime::timestamp_path(place),
                            _ => return Err(Stop::NotExpressible("expression_in_json_path_state.rs")),
                        }
                    } {
                        match name.as_str() {
                            "WaitTime.seconds" => WaitTime::computed_seconds(jsonata(argument.text()?)),
                            "WaitTime.timestamp" => WaitTime::computed_timestamp(jsonata(argument.text()?)),
                            _ => return Err(Stop::NotExpressible("path_in_jsonata_state.rs")),
                        }
                    }),
                };
                let mut b = Wait::$new(&input.id, time);
                shared!($new b input.props; naming assign paths outputs);
                finish(input, "Wait")?;
                self.add(b)
            }};
        }
        in_both!(input.language, code)
    }

    fn choice(&self, input: &mut Input) -> Answer<AnyNode> {
        macro_rules! code {
            ($new:ident) => {{
                let mut b = Choice::$new(&input.id);
                shared!($new b input.props; naming assign paths outputs);
                finish(input, "Choice")?;
                self.add(b)
            }};
        }
        in_both!(input.language, code)
    }

    fn succeed(&self, input: &mut Input) -> Answer<AnyNode> {
        macro_rules! code {
            ($new:ident) => {{
                let mut b = Succeed::$new(&input.id);
                shared!($new b input.props; naming paths outputs);
                finish(input, "Succeed")?;
                self.add(b)
            }};
        }
        in_both!(input.language, code)
    }

    fn fail(&self, input: &mut Input) -> Answer<AnyNode> {
        macro_rules! code {
            ($new:ident) => {{
                let mut b = Fail::$new(&input.id);
                shared!($new b input.props; naming);
                if let Some(v) = input.props.take("error") {
                    b = per_language!($new { b.error(literal(&v)?) } { b.error(convert::val::<String, L>(&v)?) });
                }
                if let Some(v) = input.props.take("cause") {
                    b = per_language!($new { b.cause(literal(&v)?) } { b.cause(convert::val::<String, L>(&v)?) });
                }
                per_language!($new {
                    if let Some(v) = input.props.take("errorPath") {
                        b = b.error_path(fail_path(&v)?);
                    }
                    if let Some(v) = input.props.take("causePath") {
                        b = b.cause_path(fail_path(&v)?);
                    }
                } {});
                finish(input, "Fail")?;
                self.add(b)
            }};
        }
        in_both!(input.language, code)
    }

    fn parallel(&self, input: &mut Input) -> Answer<AnyNode> {
        match input.language {
            QueryLanguage::JsonPath => {
                let parallel = json_path_parallel(input)?;
                self.add(parallel)
            }
            QueryLanguage::Jsonata => {
                let parallel = jsonata_parallel(input)?;
                self.add(parallel)
            }
        }
    }

    fn map(&self, input: &mut Input) -> Answer<AnyNode> {
        macro_rules! code {
            ($new:ident) => {{
                let mut b = Map::$new(&input.id);
                shared!($new b input.props; naming assign paths result_path result_selector outputs);
                map_props!($new b input);
                finish(input, "Map")?;
                self.add(b)
            }};
        }
        in_both!(input.language, code)
    }

    fn distributed_map(&self, input: &mut Input) -> Answer<AnyNode> {
        macro_rules! code {
            ($new:ident) => {{
                let mut b = DistributedMap::$new(&input.id);
                shared!($new b input.props; naming assign paths result_path result_selector outputs);
                map_props!($new b input);
                if let Some(v) = input.props.take("mapExecutionType") {
                    b = b.map_execution_type(processor_type(v.word()?)?);
                }
                if let Some(v) = input.props.take("label") {
                    b = b.label(v.text()?);
                }
                if let Some(v) = input.props.take("toleratedFailureCount") {
                    b = b.tolerated_failure_count(v.u32()?);
                }
                if let Some(v) = input.props.take("toleratedFailurePercentage") {
                    b = b.tolerated_failure_percentage(v.f64()?);
                }
                per_language!($new {
                    if let Some(v) = input.props.take("toleratedFailureCountPath") {
                        b = b.tolerated_failure_count_path(convert::place(&v)?);
                    }
                    if let Some(v) = input.props.take("toleratedFailurePercentagePath") {
                        b = b.tolerated_failure_percentage_path(convert::place(&v)?);
                    }
                } {});
                if let Some(v) = input.props.take("itemBatcher") {
                    let mut props = v.props()?;
                    let mut batcher = ItemBatcher::<L>::new();
                    if let Some(v) = props.take("batchInput") {
                        batcher = batcher.batch_input(convert::field::<L>(&v)?);
                    }
                    if let Some(v) = props.take("maxItemsPerBatch") {
                        batcher = batcher.max_items_per_batch(v.u32()?);
                    }
                    if let Some(v) = props.take("maxInputBytesPerBatch") {
                        batcher = batcher.max_input_bytes_per_batch(v.u32()?);
                    }
                    per_language!($new {
                        if let Some(v) = props.take("maxItemsPerBatchPath") {
                            batcher = batcher.max_items_per_batch_path(convert::place(&v)?);
                        }
                        if let Some(v) = props.take("maxInputBytesPerBatchPath") {
                            batcher = batcher.max_input_bytes_per_batch_path(convert::place(&v)?);
                        }
                    } {});
                    props.done("ItemBatcher")?;
                    b = b.item_batcher(batcher);
                }
                if let Some(v) = input.props.take("itemReader") {
                    let V::New(name, _) = &v else { return unknown("an item reader") };
                    let mut props = v.props()?;
                    let bucket = bucket::<L>(self, &mut props)?;
                    b = match name.as_str() {
                        "S3ObjectsItemReader" => {
                            let mut reader = S3ObjectsItemReader::<L>::new(bucket);
                            if let Some(v) = props.take("prefix") {
                                reader = reader.prefix(convert::val::<String, L>(&v)?);
                            }
                            if let Some(v) = props.take("maxItems") {
                                reader = reader.max_items(v.u32()?);
                            }
                            b.item_reader(reader)
                        }
                        "S3CsvItemReader" => {
                            let mut reader =
                                S3CsvItemReader::<L>::new(bucket, convert::val::<String, L>(&props.need("key")?)?);
                            if let Some(v) = props.take("csvHeaders") {
                                reader = reader.csv_headers(csv_headers(&v)?);
                            }
                            if let Some(v) = props.take("csvDelimiter") {
                                reader = reader.csv_delimiter(csv_delimiter(v.word()?)?);
                            }
                            if let Some(v) = props.take("maxItems") {
                                reader = reader.max_items(v.u32()?);
                            }
                            b.item_reader(reader)
                        }
                        "S3JsonItemReader" => file_reader!(S3JsonItemReader b bucket props),
                        "S3JsonLItemReader" => file_reader!(S3JsonLItemReader b bucket props),
                        "S3ManifestItemReader" => file_reader!(S3ManifestItemReader b bucket props),
                        other => return unknown(other),
                    };
                    props.done(name)?;
                }
                if let Some(v) = input.props.take("resultWriter") {
                    let mut props = v.props()?;
                    let mut writer = ResultWriter::new(&refs::bucket(self, &props.need("bucket")?)?);
                    if let Some(v) = props.take("prefix") {
                        writer = writer.prefix(convert::cfn(&v)?);
                    }
                    props.done("ResultWriter")?;
                    b = b.result_writer(writer);
                }
                if let Some(v) = input.props.take("resultWriterV2") {
                    let mut props = v.props()?;
                    let mut writer = ResultWriterV2::<L>::new();
                    if props.has("bucket") || props.has("bucketNamePath") {
                        writer = writer.bucket(bucket::<L>(self, &mut props)?);
                    }
                    if let Some(v) = props.take("prefix") {
                        writer = writer.prefix(convert::val::<String, L>(&v)?);
                    }
                    if let Some(v) = props.take("writerConfig") {
                        writer = writer.writer_config(writer_config(&v)?);
                    }
                    props.done("ResultWriterV2")?;
                    b = b.result_writer_v2(writer);
                }
                finish(input, "DistributedMap")?;
                self.add(b)
            }};
        }
        in_both!(input.language, code)
    }

    fn custom(&self, input: &mut Input) -> Answer<AnyNode> {
        let json = input.props.need("stateJson")?;
        finish(input, "CustomState")?;
        let json = convert::plain_obj(&json)?;
        match input.language {
            QueryLanguage::JsonPath => self.add(CustomState::json_path(&input.id, json)),
            QueryLanguage::Jsonata => self.add(CustomState::jsonata(&input.id, json)),
        }
    }
}

macro_rules! map_props {
    ($new:ident $b:ident $input:ident) => {
        if let Some(v) = $input.props.take("maxConcurrency") {
            $b = $b.max_concurrency(v.f64()?);
        }
        if let Some(v) = $input.props.take("itemSelector") {
            $b = $b.item_selector(convert::obj::<L>(&v)?);
        }
        per_language!($new {
            if let Some(v) = $input.props.take("itemsPath") {
                $b = $b.items_path(convert::place(&v)?);
            }
            if let Some(v) = $input.props.take("maxConcurrencyPath") {
                $b = $b.max_concurrency_path(convert::place(&v)?);
            }
            if let Some(v) = $input.props.take("parameters") {
                $b = $b.parameters(convert::obj::<L>(&v)?);
            }
        } {
            if let Some(v) = $input.props.take("items") {
                $b = match &v {
                    V::Call(_, args) => $b.items(convert::field::<L>(&args[0])?),
                    other => return unknown(format!("items from {other:?}")),
                };
            }
            if let Some(v) = $input.props.take("jsonataItemSelector") {
                $b = $b.computed_item_selector(jsonata(v.text()?));
            }
            if let Some(v) = $input.props.take("jsonataMaxConcurrency") {
                $b = $b.computed_max_concurrency(jsonata(v.text()?));
            }
        });
    };
}
use map_props;

macro_rules! file_reader {
    ($reader:ident $b:ident $bucket:ident $props:ident) => {{
        let mut reader = $reader::<L>::new($bucket, convert::val::<String, L>(&$props.need("key")?)?);
        if let Some(v) = $props.take("maxItems") {
            reader = reader.max_items(v.u32()?);
        }
        $b.item_reader(reader)
    }};
}
use file_reader;

pub fn json_path_parallel(input: &mut Input) -> Answer<Parallel<JsonPath>> {
    type L = JsonPath;
    let mut b = Parallel::json_path(&input.id);
    shared!(json_path b input.props; naming assign paths result_path result_selector outputs);
    if let Some(v) = input.props.take("parameters") {
        b = b.parameters(convert::obj::<L>(&v)?);
    }
    finish(input, "Parallel")?;
    Ok(b)
}

pub fn jsonata_parallel(input: &mut Input) -> Answer<Parallel<Jsonata>> {
    type L = Jsonata;
    let mut b = Parallel::jsonata(&input.id);
    shared!(jsonata b input.props; naming assign paths result_path result_selector outputs);
    if let Some(v) = input.props.take("arguments") {
        b = b.arguments(convert::field::<L>(&v)?);
    }
    finish(input, "Parallel")?;
    Ok(b)
}

/// A text of a JSONPath state, which cannot be an expression.
fn literal(value: &V) -> Answer<Cfn> {
    if value.str().is_some_and(|text| text.starts_with("{%")) {
        return Err(Stop::NotExpressible("expression_in_json_path_state.rs"));
    }
    convert::cfn(value)
}

fn fail_path(value: &V) -> Answer<FailPath> {
    match value {
        V::Path(path) => Ok(FailPath::from(path.clone())),
        other => Ok(FailPath::from(other.text()?)),
    }
}

fn bucket<L: Lang>(cx: &Cx, props: &mut Props) -> Answer<convert::BucketArg> {
    match (props.take("bucket"), props.take("bucketNamePath")) {
        (Some(bucket), None) => Ok(convert::BucketArg::Known(refs::bucket(cx, &bucket)?)),
        (None, Some(name)) => convert::bucket_name::<L>(&name),
        (Some(_), Some(_)) => Err(Stop::NotExpressible("two_buckets.rs")),
        (None, None) => Err(Stop::NotExpressible("missing_argument.rs")),
    }
}

pub fn processor_type(word: &str) -> Answer<ProcessorType> {
    match word {
        "STANDARD" => Ok(ProcessorType::Standard),
        "EXPRESS" => Ok(ProcessorType::Express),
        other => unknown(other),
    }
}

fn csv_headers(value: &V) -> Answer<CsvHeaders> {
    match value {
        V::Call(name, _) if name == "CsvHeaders.useFirstRow" => Ok(CsvHeaders::FirstRow),
        V::Call(name, args) if name == "CsvHeaders.use" => Ok(CsvHeaders::Given(convert::strings(&args[0])?)),
        other => unknown(format!("headers from {other:?}")),
    }
}

fn csv_delimiter(word: &str) -> Answer<CsvDelimiter> {
    Ok(match word {
        "COMMA" => CsvDelimiter::Comma,
        "PIPE" => CsvDelimiter::Pipe,
        "SEMICOLON" => CsvDelimiter::Semicolon,
        "SPACE" => CsvDelimiter::Space,
        "TAB" => CsvDelimiter::Tab,
        other => return unknown(other),
    })
}

fn writer_config(value: &V) -> Answer<WriterConfig> {
    let mut props = value.props()?;
    let output_type = match props.need("outputType")?.word()? {
        "JSON" => OutputType::Json,
        "JSONL" => OutputType::Jsonl,
        other => return unknown(other),
    };
    let transformation = match props.need("transformation")?.word()? {
        "NONE" => Transformation::None,
        "COMPACT" => Transformation::Compact,
        "FLATTEN" => Transformation::Flatten,
        other => return unknown(other),
    };
    Ok(WriterConfig { output_type, transformation })
}
