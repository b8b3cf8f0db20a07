//! Fields with plain values: strings, numbers, choices from a list, paths, times.

use stepwell_value::{Kind, Str};

use super::place::Place;
use super::{Compiler, Ctx};
use crate::diagnostic::nearest;
use crate::jsonpath::{Path, ReferencePath, Root};
use crate::program::{DataPath, NumberField, ResultPath};
use crate::syntax::NodeKind;

/// What a number may be.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    pub(super) min: i64,
    pub(super) max: Option<i64>,
    /// Fractions are allowed; AWS then prints the bounds with one, too.
    pub(super) fraction: bool,
}

impl Bounds {
    pub(super) const fn integer(min: i64, max: Option<i64>) -> Bounds {
        Bounds { min, max, fraction: false }
    }

    pub(super) const fn fraction(min: i64, max: Option<i64>) -> Bounds {
        Bounds { min, max, fraction: true }
    }

    fn shown(self, bound: i64) -> String {
        if self.fraction { format!("{bound}.0") } else { bound.to_string() }
    }
}

impl Compiler<'_> {
    /// Reports a value of the wrong kind; AWS's form for anything but integers.
    pub(super) fn expected(&mut self, place: &Place<'_>, kind: Kind) {
        let name = kind.name().to_uppercase();
        self.refuse(place, format!("Expected value of type [{name}]"));
    }

    pub(super) fn string<'a>(&mut self, place: &Place<'a>) -> Option<&'a str> {
        let text = place.node.as_str();
        if text.is_none() {
            self.expected(place, Kind::String);
        }
        text
    }

    pub(super) fn boolean(&mut self, place: &Place<'_>) -> Option<bool> {
        let bool = place.node.as_bool();
        if bool.is_none() {
            self.expected(place, Kind::Bool);
        }
        bool
    }

    /// Whether this is an object.
    pub(super) fn object(&mut self, place: &Place<'_>) -> bool {
        let is_object = place.node.members().is_some();
        if !is_object {
            self.expected(place, Kind::Object);
        }
        is_object
    }

    /// Whether this is an array.
    pub(super) fn array(&mut self, place: &Place<'_>) -> bool {
        let is_array = place.node.items().is_some();
        if !is_array {
            self.expected(place, Kind::Array);
        }
        is_array
    }

    /// Whether this is an array with something in it.
    pub(super) fn non_empty_array(&mut self, place: &Place<'_>) -> bool {
        let is_array = self.array(place);
        if is_array && place.node.items().is_some_and(<[_]>::is_empty) {
            self.refuse(place, "Value cannot be empty");
            return false;
        }
        is_array
    }

    /// `Comment`, which an object may have.
    pub(super) fn comment(&mut self, object: &Place<'_>) {
        if let Some(comment) = object.get("Comment") {
            self.string(&comment);
        }
    }

    /// One of the listed words.
    pub(super) fn one_of<T: Copy>(&mut self, place: &Place<'_>, words: &[(&str, T)]) -> Option<T> {
        let text = self.string(place)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        if found.is_none() {
            let names: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            let message = format!("Value should be one of the following: [{}]", names.join(", "));
            self.refuse(place, message).hint = nearest(text, names).map(|near| format!("did you mean \"{near}\"?"));
        }
        found
    }

    pub(super) fn integer(&mut self, place: &Place<'_>, min: i64, max: Option<i64>) -> Option<i64> {
        self.number(place, Bounds::integer(min, max)).map(|number| number as i64)
    }

    /// A number within bounds.
    pub(super) fn number(&mut self, place: &Place<'_>, bounds: Bounds) -> Option<f64> {
        let number = match &place.node.kind {
            NodeKind::Scalar(value) if bounds.fraction => value.as_f64(),
            // Integers beyond 64 bits are above every maximum; without one they mean no limit.
            NodeKind::Scalar(value) => value.as_f64().filter(|number| number.fract() == 0.0),
            _ => None,
        };
        let Some(number) = number else {
            self.refuse(
                place,
                format!("Expected value of type {}", if bounds.fraction { "Number" } else { "Integer" }),
            );
            return None;
        };
        if number < bounds.min as f64 {
            self.refuse(place, format!("Minimum value is {}", bounds.shown(bounds.min)));
            return None;
        }
        if let Some(max) = bounds.max.filter(|max| number > *max as f64) {
            self.refuse(place, format!("Maximum value is {}", bounds.shown(max)));
            return None;
        }
        Some(number)
    }

    /// A number, or where to find one: the field itself, its `…Path` form or an expression.
    pub(super) fn number_field(
        &mut self,
        state: &Ctx<'_>,
        object: &Place<'_>,
        [name, path_name]: [&str; 2],
        bounds: Bounds,
    ) -> Option<NumberField> {
        self.at_most_one(object, &[name, path_name]);
        if let Some(place) = object.get(name) {
            if state.is_jsonata() && place.node.as_str().is_some() {
                return self.expression_field(&place).map(NumberField::Expression);
            }
            return self.number(&place, bounds).map(NumberField::Constant);
        }
        if state.is_jsonata() {
            return None;
        }
        let place = object.get(path_name)?;
        self.reference_path(&place, Context::Refused).map(NumberField::Path)
    }

    /// A path of any form.
    pub(super) fn path(&mut self, place: &Place<'_>) -> Option<Path> {
        let text = self.string(place)?;
        match Path::parse(text) {
            Ok(path) => Some(path),
            Err(error) => {
                self.refuse(place, "Value must be a valid JSONPath.").hint = Some(error.to_string());
                None
            }
        }
    }

    /// A path that selects by names and indexes only.
    pub(super) fn reference_path(&mut self, place: &Place<'_>, context: Context) -> Option<Path> {
        let path = self.path(place)?;
        let refused = *path.root() == Root::Context && context == Context::Refused;
        if refused || !path.is_reference() {
            let diagnostic = self.refuse(place, "Value is not a Reference Path");
            diagnostic.hint = Some(if refused {
                "the context object ($$) cannot be used here".to_owned()
            } else {
                "only .name, ['name'] and [0] can be used here".to_owned()
            });
            return None;
        }
        Some(path)
    }

    /// `InputPath` or `OutputPath`.
    pub(super) fn data_path(&mut self, object: &Place<'_>, name: &str) -> DataPath {
        match object.get(name) {
            None => DataPath::Whole,
            Some(place) if place.node.is_null() => DataPath::Nothing,
            Some(place) => match self.path(&place) {
                Some(path) if path.text().trim() != "$" => DataPath::Path(path),
                _ => DataPath::Whole,
            },
        }
    }

    /// `ResultPath`.
    pub(super) fn result_path(&mut self, object: &Place<'_>) -> ResultPath {
        let Some(place) = object.get("ResultPath") else { return ResultPath::Replace };
        if place.node.is_null() {
            return ResultPath::Discard;
        }
        let Some(path) = self.path(&place) else { return ResultPath::Replace };
        match ReferencePath::parse(path.text()) {
            Ok(_) if path.text().trim() == "$" => ResultPath::Replace,
            Ok(path) => ResultPath::At(path),
            Err(_) => {
                let diagnostic = self.refuse(&place, "Value is not a Reference Path");
                diagnostic.hint = Some("a place in the input, such as $.result, is needed".to_owned());
                ResultPath::Replace
            }
        }
    }

    /// A timestamp as RFC 3339 has it, with an upper case `T` and an offset.
    pub(super) fn timestamp(&mut self, place: &Place<'_>) -> Option<Str> {
        let text = self.string(place)?;
        if crate::comparison::timestamp(text).is_none() {
            let diagnostic = self.refuse(place, "String does not match RFC3339 timestamp");
            diagnostic.hint = Some("such as 2016-03-14T01:59:00Z".to_owned());
            return None;
        }
        Some(Str::new(text))
    }
}

/// Whether a path may start with `$$`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Context {
    Allowed,
    Refused,
}
