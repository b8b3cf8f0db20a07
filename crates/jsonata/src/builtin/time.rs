//! Functions on points in time, and the pictures they and numbers use.

use stepwell_value::Str;

use crate::builtin::Call;
use crate::error::{Error, Run};
use crate::eval::Evaluator;
use crate::item::Item;
use crate::picture::{DateTimeParser, DateTimePicture, NumberPicture, PictureError, format_iso8601, parse_iso8601};

/// The pictures used last: one in a loop is the same each time.
#[derive(Default)]
pub(crate) struct Pictures {
    pub(super) number: Option<(Str, NumberPicture)>,
    format: Option<(Str, DateTimePicture)>,
    parser: Option<(Str, DateTimeParser)>,
}

/// Longest output of a picture.
const OUTPUT_BYTES_MAX: u64 = 10 * 1024 * 1024;

pub(super) fn output_max(evaluator: &Evaluator<'_>) -> usize {
    evaluator.bytes_left().min(OUTPUT_BYTES_MAX) as usize
}

pub(super) fn picture_error(err: PictureError) -> Box<Error> {
    Box::new(match err {
        PictureError::Coded { code, insert: None } => Error::new(code),
        PictureError::Coded { code, insert: Some(("message", text)) } => Error::new(code).insert("message", text),
        PictureError::Coded { code, insert: Some((name, text)) } => Error::new(code).insert_quoted(name, &text),
        PictureError::TooLarge => Error::new(crate::MEMORY),
        PictureError::OutOfFuel => Evaluator::out_of_time(),
    })
}

pub(super) fn to_millis<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let text = call.take(0);
    let picture = call.take(1).to_str();
    let Some(text) = text.as_str() else { return Ok(Item::Undefined) };
    let Some(picture) = picture else {
        let millis = parse_iso8601(text).map_err(picture_error)?;
        return Ok(Item::number(millis));
    };
    evaluator.tick(8 + (text.len() + picture.len()) as u64 / 4)?;
    let now = evaluator.now_ms() as f64;
    if evaluator.pictures.parser.as_ref().is_none_or(|(known, _)| *known != picture) {
        let parser = DateTimePicture::compile(&picture).and_then(|picture| picture.parser()).map_err(picture_error)?;
        evaluator.pictures.parser = Some((picture, parser));
    }
    let before = evaluator.fuel_portion();
    let mut left = before;
    let Some((_, parser)) = &evaluator.pictures.parser else { return Ok(Item::Undefined) };
    let millis = parser.parse(text, now, &mut left);
    evaluator.spend_portion(before, left)?;
    Ok(millis.map_err(picture_error)?.map_or(Item::Undefined, Item::number))
}

fn format<'v>(
    evaluator: &mut Evaluator<'v>,
    millis: f64,
    picture: Option<Str>,
    timezone: Option<Str>,
) -> Run<Item<'v>> {
    let Some(picture) = picture else {
        let text = format_iso8601(millis, timezone.as_deref()).map_err(picture_error)?;
        return evaluator.text(text);
    };
    evaluator.tick(8 + picture.len() as u64 / 4)?;
    let bytes_max = output_max(evaluator);
    if evaluator.pictures.format.as_ref().is_none_or(|(known, _)| *known != picture) {
        let compiled = DateTimePicture::compile(&picture).map_err(picture_error)?;
        evaluator.pictures.format = Some((picture, compiled));
    }
    let Some((_, compiled)) = &evaluator.pictures.format else { return Ok(Item::Undefined) };
    let text = compiled.format(millis, timezone.as_deref(), bytes_max).map_err(picture_error)?;
    evaluator.text(text)
}

pub(super) fn from_millis<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let Some(millis) = call.number(0) else { return Ok(Item::Undefined) };
    let (picture, timezone) = (call.take(1).to_str(), call.take(2).to_str());
    format(evaluator, millis, picture, timezone)
}

pub(super) fn now<'v>(evaluator: &mut Evaluator<'v>, call: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    let millis = evaluator.now_ms() as f64;
    let (picture, timezone) = (call.take(0).to_str(), call.take(1).to_str());
    format(evaluator, millis, picture, timezone)
}

pub(super) fn millis<'v>(evaluator: &mut Evaluator<'v>, _: &mut Call<'_, 'v>) -> Run<Item<'v>> {
    Ok(Item::number(evaluator.now_ms() as f64))
}
