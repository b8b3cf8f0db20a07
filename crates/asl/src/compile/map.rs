//! Map states: items, concurrency, and what a distributed one adds.

use stepwell_aws::Arn;
use stepwell_value::{Kind, Str};

use super::expression::Offered;
use super::fields::{ITEM_BATCHER, ITEM_READER, PROCESSOR_CONFIG, READER_CONFIG, RESULT_WRITER, WRITER_CONFIG};
use super::place::Place;
use super::scalar::{Bounds, Context};
use super::{Compiler, Ctx};
use crate::diagnostic::Code;
use crate::program::{
    CsvDelimiter, Distributed, ExecutionType, InputType, ItemBatcher, ItemReader, Items, ManifestType, Map, OutputType,
    ReaderConfig, ReaderResource, RegionIdx, ResultWriter, Transformation,
};
use crate::syntax::NodeKind;

/// Longest label, in characters.
const LABEL_CHARS_MAX: usize = 40;

/// Highest `MaxItems` of a reader.
const READER_ITEMS_MAX: i64 = 100_000_000;

/// Highest `MaxInputBytesPerBatch`.
const BATCH_BYTES_MAX: i64 = 262_144;

/// Longest `ItemsPointer`, in characters.
const POINTER_CHARS_MAX: usize = 2_000;

impl Compiler<'_> {
    pub(super) fn map(&mut self, state: &Ctx<'_>) -> Option<Map> {
        let place = state.place;
        let items = self.items(state);
        let max_concurrency =
            self.number_field(state, place, ["MaxConcurrency", "MaxConcurrencyPath"], Bounds::integer(0, None));
        let tolerated_failure_count = self.number_field(
            state,
            place,
            ["ToleratedFailureCount", "ToleratedFailureCountPath"],
            Bounds::integer(0, None),
        );
        let tolerated_failure_percentage = self.number_field(
            state,
            place,
            ["ToleratedFailurePercentage", "ToleratedFailurePercentagePath"],
            Bounds::fraction(0, Some(100)),
        );
        let mut item_selector = self.template_field(state, place, "ItemSelector", Offered::NOTHING);
        let selector_is_parameters = !state.is_jsonata() && place.has("Parameters");
        if selector_is_parameters && self.at_most_one(place, &["ItemSelector", "Parameters"]) {
            item_selector = self.template_field(state, place, "Parameters", Offered::NOTHING);
        }
        let (processor, execution_type) = self.item_processor(state)?;
        Some(Map {
            processor,
            items,
            item_selector,
            selector_is_parameters,
            max_concurrency,
            tolerated_failure_count,
            tolerated_failure_percentage,
            distributed: self.distributed(state, execution_type),
        })
    }

    fn items(&mut self, state: &Ctx<'_>) -> Items {
        if !state.is_jsonata() {
            let path = state.place.get("ItemsPath");
            return match path.and_then(|path| self.reference_path(&path, Context::Allowed)) {
                Some(path) if path.text().trim() != "$" => Items::Path(path),
                _ => Items::Input,
            };
        }
        let Some(place) = state.place.get("Items") else { return Items::Input };
        match &place.node.kind {
            NodeKind::Scalar(value) if value.kind() != Kind::String => {
                self.expected(&place, Kind::Array);
                Items::Input
            }
            // A text that is no expression is accepted; it fails when the state runs.
            _ => Items::Template(self.template(state, &place, Offered::NOTHING)),
        }
    }

    /// The processor, and the type of the children if they are executions of their own.
    fn item_processor(&mut self, state: &Ctx<'_>) -> Option<(RegionIdx, Option<ExecutionType>)> {
        if !self.exactly_one(state.place, &["ItemProcessor", "Iterator"]) {
            return None;
        }
        let field = if state.place.has("ItemProcessor") { "ItemProcessor" } else { "Iterator" };
        let place = state.place.get(field)?;
        let execution_type = self.processor_config(state, &place);
        Some((self.processor(&place, state.parent(field, None)), execution_type))
    }

    fn processor_config(&mut self, state: &Ctx<'_>, processor: &Place<'_>) -> Option<ExecutionType> {
        let config = processor.get("ProcessorConfig").filter(|config| self.object(config))?;
        self.check_fields(state, &config, PROCESSOR_CONFIG);
        let mode = config.get("Mode");
        let is_distributed = match &mode {
            Some(mode) => self.one_of(mode, &[("INLINE", false), ("DISTRIBUTED", true)])?,
            None => false,
        };
        let execution_type = config.get("ExecutionType");
        if !is_distributed {
            if let Some(execution_type) = execution_type {
                self.refuse_at(&config, execution_type.key_span(), "Field 'ExecutionType' is not supported").hint =
                    Some("only with \"Mode\": \"DISTRIBUTED\"".to_owned());
            }
            return None;
        }
        if self.options.machine_type == ExecutionType::Express {
            let mode = mode.as_ref().unwrap_or(&config);
            self.refuse(
                mode,
                "The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state machines",
            );
        }
        self.require(&config, &["ExecutionType"]);
        let types = [("STANDARD", ExecutionType::Standard), ("EXPRESS", ExecutionType::Express)];
        let execution_type = execution_type.and_then(|place| self.one_of(&place, &types));
        Some(execution_type.unwrap_or_default())
    }

    /// What only a distributed Map has. The fields are checked in any case; an inline Map must not have them.
    fn distributed(&mut self, state: &Ctx<'_>, execution_type: Option<ExecutionType>) -> Option<Distributed> {
        let distributed = Distributed {
            execution_type: execution_type.unwrap_or_default(),
            label: self.label(state),
            reader: self.item_reader(state),
            batcher: self.item_batcher(state),
            writer: self.result_writer(state),
        };
        if execution_type.is_some() {
            return Some(distributed);
        }
        for name in ["ItemReader", "ItemBatcher", "ResultWriter", "Label"] {
            if let Some(field) = state.place.get(name) {
                let message = format!("Field '{name}' is not supported");
                self.refuse_at(state.place, field.key_span(), message).hint =
                    Some("only a Map whose ProcessorConfig has \"Mode\": \"DISTRIBUTED\" has this field".to_owned());
            }
        }
        None
    }

    fn label(&mut self, state: &Ctx<'_>) -> Option<Str> {
        let place = state.place.get("Label")?;
        let label = Str::new(self.string(&place)?);
        let span = place.node.span;
        if label.chars().count() > LABEL_CHARS_MAX {
            let message =
                format!("Label '{label}' exceeds the {LABEL_CHARS_MAX}-character limit allowed by the service");
            self.refuse_later(Code::InvalidLabelName, &place, span, message);
        } else if let Some(character) = label.chars().find(|character| !may_be_in_label(*character)) {
            let message = format!("Label contains invalid character: '{}'", character.escape_default());
            self.refuse_later(Code::InvalidLabelName, &place, span, message);
        } else if label.is_empty() {
            self.refuse_later(Code::InvalidLabelName, &place, span, "Label cannot be empty".to_owned());
        }
        if !self.labels.insert(label.clone()) {
            self.refuse_later(Code::DuplicateLabelName, &place, span, format!("Duplicate Label name: {label}"));
        }
        Some(label)
    }

    fn item_reader(&mut self, state: &Ctx<'_>) -> Option<ItemReader> {
        let place = state.place.get("ItemReader").filter(|place| self.object(place))?;
        self.check_fields(state, &place, ITEM_READER);
        self.require(&place, &["Resource"]);
        let allowed =
            [("s3:getObject", ReaderResource::GetObject), ("s3:listObjectsV2", ReaderResource::ListObjectsV2)];
        let resource = self.resource_among(&place, &allowed);
        let parameters = self.template_field(state, &place, parameters_name(state), Offered::NOTHING);
        let resource = resource?;
        if resource == ReaderResource::GetObject {
            self.require(&place, &["ReaderConfig"]);
        }
        let config = place.get("ReaderConfig").filter(|config| self.object(config));
        let config = config.map(|config| self.reader_config(state, &config, resource)).unwrap_or_default();
        Some(ItemReader { resource, parameters, config })
    }

    /// The `Resource` of a reader or writer.
    fn resource_among<T: Copy>(&mut self, object: &Place<'_>, allowed: &[(&str, T)]) -> Option<T> {
        let place = object.get("Resource")?;
        let text = self.string(&place)?;
        let arn = Arn::parse(text).ok().filter(|arn| arn.service() == "states");
        let found =
            arn.and_then(|arn| allowed.iter().find(|(name, _)| *name == arn.resource()).map(|(_, meaning)| *meaning));
        if found.is_none() {
            let names: Vec<_> = allowed.iter().map(|(name, _)| format!("arn:aws:states:::{name}")).collect();
            self.refuse(&place, "The field 'Resource' does not match any of the allowed values").hint =
                Some(format!("allowed: {}", names.join(", ")));
        }
        found
    }

    fn reader_config(&mut self, state: &Ctx<'_>, place: &Place<'_>, resource: ReaderResource) -> ReaderConfig {
        self.check_fields(state, place, READER_CONFIG);
        let input_type = place.get("InputType").and_then(|field| {
            self.one_of(
                &field,
                &[
                    ("CSV", InputType::Csv),
                    ("JSON", InputType::Json),
                    ("JSONL", InputType::JsonLines),
                    ("PARQUET", InputType::Parquet),
                    ("MANIFEST", InputType::Manifest),
                ],
            )
        });
        let manifests = [("ATHENA_DATA", ManifestType::AthenaData), ("S3_INVENTORY", ManifestType::S3Inventory)];
        let manifest_type = place.get("ManifestType").and_then(|field| self.one_of(&field, &manifests));
        let load_and_flatten = place
            .get("Transformation")
            .and_then(|field| self.one_of(&field, &[("NONE", false), ("LOAD_AND_FLATTEN", true)]))
            .unwrap_or(false);
        match (resource, manifest_type) {
            (ReaderResource::GetObject, Some(ManifestType::S3Inventory)) => {
                self.only_with(place, &["InputType"], "an object or another ManifestType");
            }
            (ReaderResource::ListObjectsV2, None) if !load_and_flatten => {}
            _ => {
                if !place.has("InputType") {
                    self.refuse_object(place, "The field 'InputType' is required");
                }
            }
        }
        let is_csv = input_type == Some(InputType::Csv);
        if !is_csv {
            self.only_with(place, &["CSVHeaderLocation", "CSVHeaders"], "\"InputType\": \"CSV\"");
        }
        if !matches!(input_type, Some(InputType::Csv | InputType::Manifest)) {
            self.only_with(place, &["CSVDelimiter"], "\"InputType\": \"CSV\"");
        }
        if input_type != Some(InputType::Json) {
            self.only_with(place, &["ItemsPointer"], "\"InputType\": \"JSON\"");
        }
        let csv_headers = if is_csv { self.csv_headers(place) } else { None };
        let csv_delimiter = place.get("CSVDelimiter").and_then(|field| {
            self.one_of(
                &field,
                &[
                    ("COMMA", CsvDelimiter::Comma),
                    ("PIPE", CsvDelimiter::Pipe),
                    ("SEMICOLON", CsvDelimiter::Semicolon),
                    ("SPACE", CsvDelimiter::Space),
                    ("TAB", CsvDelimiter::Tab),
                ],
            )
        });
        let bounds = Bounds::integer(0, Some(READER_ITEMS_MAX));
        ReaderConfig {
            input_type,
            load_and_flatten,
            manifest_type,
            csv_headers,
            csv_delimiter: csv_delimiter.unwrap_or_default(),
            items_pointer: place.get("ItemsPointer").and_then(|field| self.items_pointer(&field)),
            max_items: self.number_field(state, place, ["MaxItems", "MaxItemsPath"], bounds),
        }
    }

    /// Reports those of `names` that are there although they need something else.
    fn only_with(&mut self, object: &Place<'_>, names: &[&str], needed: &str) {
        for name in names {
            if let Some(field) = object.get(name) {
                self.refuse_at(object, field.key_span(), format!("Field '{name}' is not supported")).hint =
                    Some(format!("only with {needed}"));
            }
        }
    }

    /// The headers that are given; none when the first row has them.
    fn csv_headers(&mut self, place: &Place<'_>) -> Option<Vec<Str>> {
        let Some(location) = place.get("CSVHeaderLocation") else {
            self.refuse_object(place, "The field 'CSVHeaderLocation' is required").hint =
                Some("FIRST_ROW or GIVEN".to_owned());
            return None;
        };
        let is_given = self.one_of(&location, &[("FIRST_ROW", false), ("GIVEN", true)])?;
        if !is_given {
            self.only_with(place, &["CSVHeaders"], "\"CSVHeaderLocation\": \"GIVEN\"");
            return None;
        }
        self.require(place, &["CSVHeaders"]);
        let headers = place.get("CSVHeaders")?;
        // A single text has been seen accepted; it can only mean one column.
        if let Some(header) = headers.node.as_str() {
            return Some(vec![Str::new(header)]);
        }
        self.non_empty_array(&headers);
        Some(headers.items().filter_map(|header| self.string(&header).map(Str::new)).collect())
    }

    fn items_pointer(&mut self, place: &Place<'_>) -> Option<Str> {
        let pointer = self.string(place)?;
        let is_pointer = pointer.is_empty() || pointer.starts_with('/');
        let escapes_well = pointer.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
        if !is_pointer || !escapes_well || pointer.chars().count() >= POINTER_CHARS_MAX {
            self.refuse(place, "Value must be a valid JSON Pointer").hint =
                Some("such as /orders/0/items, with ~0 for ~ and ~1 for /".to_owned());
            return None;
        }
        Some(Str::new(pointer))
    }

    fn item_batcher(&mut self, state: &Ctx<'_>) -> Option<ItemBatcher> {
        let place = state.place.get("ItemBatcher").filter(|place| self.object(place))?;
        self.check_fields(state, &place, ITEM_BATCHER);
        let names = ["MaxItemsPerBatch", "MaxItemsPerBatchPath", "MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath"];
        if !names.iter().any(|name| place.has(name)) {
            // The guide asks for at least one of them; AWS's text is not known.
            self.refuse_object(
                &place,
                format!("This object should have one of the following fields: [{}]", names.join(", ")),
            );
        }
        let items_max =
            self.number_field(state, &place, ["MaxItemsPerBatch", "MaxItemsPerBatchPath"], Bounds::integer(0, None));
        let input_bytes_max = self.number_field(
            state,
            &place,
            ["MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath"],
            Bounds::integer(0, Some(BATCH_BYTES_MAX)),
        );
        let batch_input = self.template_field(state, &place, "BatchInput", Offered::NOTHING);
        Some(ItemBatcher { items_max, input_bytes_max, batch_input })
    }

    fn result_writer(&mut self, state: &Ctx<'_>) -> Option<ResultWriter> {
        let place = state.place.get("ResultWriter").filter(|place| self.object(place))?;
        self.check_fields(state, &place, RESULT_WRITER);
        let parameters = parameters_name(state);
        if place.has("Resource") || place.has(parameters) {
            self.require(&place, &["Resource", parameters]);
            self.resource_among(&place, &[("s3:putObject", ())]);
        } else if !place.has("WriterConfig") {
            let message = format!("These fields are required: [Resource, {parameters}]");
            self.refuse_object(&place, message);
        }
        let destination = self.template_field(state, &place, parameters, Offered::NOTHING);
        let mut writer = ResultWriter { destination, transformation: None, output_type: None };
        if let Some(config) = place.get("WriterConfig").filter(|config| self.object(config)) {
            self.check_fields(state, &config, WRITER_CONFIG);
            let transformations = [
                ("NONE", Transformation::None),
                ("COMPACT", Transformation::Compact),
                ("FLATTEN", Transformation::Flatten),
            ];
            writer.transformation =
                config.get("Transformation").and_then(|field| self.one_of(&field, &transformations));
            let types = [("JSON", OutputType::Json), ("JSONL", OutputType::JsonLines)];
            writer.output_type = config.get("OutputType").and_then(|field| self.one_of(&field, &types));
        }
        Some(writer)
    }
}

/// Where a reader or writer says what to call its API with.
fn parameters_name(state: &Ctx<'_>) -> &'static str {
    if state.is_jsonata() { "Arguments" } else { "Parameters" }
}

/// Characters of labels (quotas.md, section 2): no blanks, no control characters, none that ARNs and S3 keys dislike.
fn may_be_in_label(character: char) -> bool {
    !(character.is_whitespace()
        || character.is_control()
        || matches!(
            character,
            '?' | '*'
                | '<'
                | '>'
                | '{'
                | '}'
                | '['
                | ']'
                | ':'
                | ';'
                | ','
                | '\\'
                | '|'
                | '^'
                | '~'
                | '$'
                | '#'
                | '%'
                | '&'
                | '`'
                | '"'
        ))
}
