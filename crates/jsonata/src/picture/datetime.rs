//! Points in time: written and read as a picture says.

use super::calendar::{DateTime, MILLIS_MAX, MILLIS_PER_DAY, millis_from_utc};
use super::integer::{Case, IntegerPicture};
use super::{PictureError, is_js_space, js_parse_int};
use crate::regex::{Flags, Regex};

/// A compiled picture of `$fromMillis`.
#[derive(Clone, Debug)]
pub struct DateTimePicture {
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    Literal(String),
    Marker(Marker),
}

/// What stands between brackets.
#[derive(Clone, Debug)]
struct Marker {
    /// The letter of the component.
    component: char,
    names: Option<Case>,
    /// Names are cut to so many characters.
    width_max: Option<usize>,
    integer: Option<IntegerPicture>,
    /// As many of the last digits of a year are written.
    year_digits: Option<usize>,
    /// When read, the number has exactly so many digits, because another one follows at once.
    parse_width: Option<usize>,
    /// The offset zero is written as `Z`.
    zero_offset_as_z: bool,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The components that are numbers unless their names are asked for.
const NUMBERS: &str = "YMDdFWwXxHhmsf";

/// How a component is presented if the picture does not say.
fn default_presentation(component: char) -> Option<&'static str> {
    Some(match component {
        'Y' | 'M' | 'D' | 'd' | 'W' | 'w' | 'X' | 'x' | 'H' | 'h' | 'f' => "1",
        'm' | 's' => "01",
        'F' | 'P' | 'C' | 'E' => "n",
        'Z' | 'z' => "01:01",
        _ => return None,
    })
}

impl DateTimePicture {
    /// Compiles a picture: D3132 for a component that does not exist, D3135 for a bracket left open.
    pub fn compile(picture: &str) -> Result<DateTimePicture, PictureError> {
        let mut parts: Vec<Part> = Vec::new();
        let mut rest = picture;
        while let Some(bracket) = rest.find('[') {
            let (literal, marker) = (&rest[..bracket], &rest[bracket + 1..]);
            push_literal(&mut parts, literal);
            if let Some(behind) = marker.strip_prefix('[') {
                parts.push(Part::Literal("[".to_owned()));
                rest = behind;
                continue;
            }
            let Some((marker, behind)) = marker.split_once(']') else { return Err(PictureError::code("D3135")) };
            rest = behind;
            let marker = Marker::compile(marker)?;
            let is_number = !matches!(marker.component, 'Z' | 'z') && marker.integer.is_some();
            if let (true, Some(Part::Marker(previous))) = (is_number, parts.last_mut()) {
                let digits = previous.integer.as_ref().and_then(IntegerPicture::digit_counts);
                previous.parse_width = digits.map(|(mandatory, _)| mandatory).filter(|mandatory| *mandatory > 0);
            }
            parts.push(Part::Marker(marker));
        }
        push_literal(&mut parts, rest);
        Ok(DateTimePicture { parts })
    }

    /// Writes a point in time as of the offset `timezone` (`+hhmm`, or UTC).
    pub fn format(&self, millis: f64, timezone: Option<&str>, bytes_max: usize) -> Result<String, PictureError> {
        let offset = Offset::parse(timezone)?;
        let local = millis + offset.millis();
        if local.is_nan() || local.abs() > MILLIS_MAX as f64 {
            return Err(PictureError::message("The time is out of range"));
        }
        let time = DateTime::from_millis(local as i64);
        let mut out = String::with_capacity(32);
        for part in &self.parts {
            match part {
                Part::Literal(literal) => out.push_str(literal),
                Part::Marker(marker) => marker.write(&time, offset, bytes_max, &mut out)?,
            }
            if out.len() > bytes_max {
                return Err(PictureError::TooLarge);
            }
        }
        Ok(out)
    }

    /// Prepares for reading: D3130 and D3133 for components that cannot be read as the picture has them.
    pub fn parser(&self) -> Result<DateTimeParser, PictureError> {
        DateTimeParser::new(self)
    }
}

fn push_literal(parts: &mut Vec<Part>, literal: &str) {
    if !literal.is_empty() {
        parts.push(Part::Literal(literal.replace("]]", "]")));
    }
}

/// An offset from UTC.
#[derive(Clone, Copy, Debug)]
struct Offset {
    hours: f64,
    minutes: f64,
}

impl Offset {
    fn parse(timezone: Option<&str>) -> Result<Offset, PictureError> {
        let Some(timezone) = timezone else { return Ok(Offset { hours: 0.0, minutes: 0.0 }) };
        let offset = js_parse_int(timezone);
        if offset.is_nan() {
            let message = format!("The time zone must be an offset such as +0100. Given {timezone}");
            return Err(PictureError::message(message));
        }
        // Of -0530 the reference makes -6 hours and -30 minutes.
        Ok(Offset { hours: (offset / 100.0).floor(), minutes: offset % 100.0 })
    }

    fn millis(self) -> f64 {
        (60.0 * self.hours + self.minutes) * 60_000.0
    }

    /// As the digits hhmm.
    fn number(self) -> f64 {
        self.hours * 100.0 + self.minutes
    }
}

impl Marker {
    /// `text` is what stands between the brackets.
    fn compile(text: &str) -> Result<Marker, PictureError> {
        let text: String = text.chars().filter(|c| !is_js_space(*c)).collect();
        let mut chars = text.chars();
        let Some(component) = chars.next() else { return Err(PictureError::value("D3132", "")) };
        let (mut presentation, width) = match text.rsplit_once(',') {
            // A comma at the very beginning is the component itself.
            Some((before, width)) => (before.get(component.len_utf8()..).unwrap_or(""), Some(width)),
            None => (chars.as_str(), None),
        };
        let mut modifier = None;
        if let Some((last, _)) = presentation.char_indices().nth_back(0)
            && last > 0
            && let Some(letter @ ('a' | 't' | 'c' | 'o')) = presentation[last..].chars().next()
        {
            modifier = Some(letter);
            presentation = &presentation[..last];
        }
        if presentation.is_empty() {
            presentation = default_presentation(component).ok_or(PictureError::value("D3132", component))?;
        }
        let (width_min, width_max) = match width.map(|width| width.split_once('-').unwrap_or((width, "*"))) {
            Some((min, max)) => (parse_width(min), parse_width(max)),
            None => (None, None),
        };
        let names = match presentation.as_bytes() {
            [b'n', ..] => Some(Case::Lower),
            [b'N', b'n', ..] => Some(Case::Title),
            [b'N', ..] => Some(Case::Upper),
            _ => None,
        };
        let mut marker = Marker {
            component,
            names,
            width_max,
            integer: None,
            year_digits: None,
            parse_width: None,
            zero_offset_as_z: modifier == Some('t'),
        };
        if matches!(component, 'Z' | 'z') {
            marker.integer = Some(IntegerPicture::compile(presentation)?);
        } else if names.is_none() && NUMBERS.contains(component) {
            let picture = modifier.map(|modifier| format!("{presentation};{modifier}"));
            let mut integer = IntegerPicture::compile(picture.as_deref().unwrap_or(presentation))?;
            let digits = integer.digit_counts();
            let width_min = width_min.filter(|min| digits.is_some_and(|(mandatory, _)| mandatory < *min));
            if let Some(min) = width_min {
                integer.set_mandatory_digits(min);
            }
            if component == 'Y' {
                let all = integer.digit_counts().map(|(mandatory, optional)| mandatory.saturating_add(optional));
                marker.year_digits = width_max.or(all.filter(|all| *all >= 2));
                if let Some(max) = width_max {
                    integer.set_mandatory_digits(max);
                }
            }
            marker.integer = Some(integer);
        }
        Ok(marker)
    }

    fn write(&self, time: &DateTime, offset: Offset, bytes_max: usize, out: &mut String) -> Result<(), PictureError> {
        let mut value = match self.component {
            'P' => {
                let marker = if time.hour >= 12 { "pm" } else { "am" };
                let begin = out.len();
                out.push_str(marker);
                if self.names == Some(Case::Upper) {
                    out[begin..].make_ascii_uppercase();
                }
                return Ok(());
            }
            'C' | 'E' => {
                out.push_str("ISO");
                return Ok(());
            }
            'Z' | 'z' => return self.write_offset(offset, bytes_max, out),
            component if NUMBERS.contains(component) => component_value(time, component),
            unknown => return Err(PictureError::value("D3132", unknown)),
        };
        if let Some(case) = self.names {
            let name = match self.component {
                'M' | 'x' => MONTHS[value as usize - 1],
                'F' => DAYS[value as usize - 1],
                _ => return Err(PictureError::value("D3133", self.component)),
            };
            let begin = out.len();
            out.push_str(self.width_max.and_then(|max| name.get(..max)).unwrap_or(name));
            case.apply(&mut out[begin..]);
            return Ok(());
        }
        if let Some(digits) = self.year_digits {
            // Powers beyond are larger than any year.
            value %= 10_f64.powi(digits.min(20) as i32);
        }
        match &self.integer {
            Some(integer) => integer.write(value, bytes_max, out),
            None => Ok(()),
        }
    }

    fn write_offset(&self, offset: Offset, bytes_max: usize, out: &mut String) -> Result<(), PictureError> {
        let Some(integer) = &self.integer else { return Ok(()) };
        let number = offset.number();
        if number == 0.0 && self.zero_offset_as_z {
            out.push('Z');
            return Ok(());
        }
        if self.component == 'z' {
            out.push_str("GMT");
        }
        if number >= 0.0 {
            out.push('+');
        }
        if integer.regular_separator().is_some() {
            return integer.write(number, bytes_max, out);
        }
        match integer.digit_counts() {
            Some((1 | 2, _)) => {
                integer.write(offset.hours, bytes_max, out)?;
                if offset.minutes != 0.0 {
                    out.push(':');
                    let sign = if offset.minutes < 0.0 { "-" } else { "" };
                    out.push_str(&format!("{sign}{:02}", offset.minutes.abs()));
                }
                Ok(())
            }
            Some((3 | 4, _)) => integer.write(number, bytes_max, out),
            counts => {
                let digits = counts.map_or(String::new(), |(mandatory, _)| mandatory.to_string());
                Err(PictureError::value("D3134", digits))
            }
        }
    }
}

/// A bound of a width modifier; `None` if there is none.
fn parse_width(text: &str) -> Option<usize> {
    let width = js_parse_int(text);
    (width >= 0.0).then_some(width as usize)
}

fn component_value(time: &DateTime, component: char) -> f64 {
    let value = match component {
        'Y' => time.year,
        'M' => time.month,
        'D' => time.day,
        'd' => time.day_of_year(),
        'F' => time.day_of_week(),
        'W' => time.week_of_year(),
        'w' => time.week_of_month(),
        'X' => time.week_year(),
        'x' => time.week_month(),
        'H' => time.hour,
        'h' => (time.hour + 11) % 12 + 1,
        'm' => time.minute,
        's' => time.second,
        'f' => time.millisecond,
        _ => return f64::NAN,
    };
    value as f64
}

/// A compiled picture of `$toMillis`.
#[derive(Debug)]
pub struct DateTimeParser {
    /// One capture for each field.
    regex: Regex,
    fields: Vec<(char, Field)>,
}

/// How the text of a component is read.
#[derive(Clone, Debug)]
enum Field {
    Integer(IntegerPicture),
    Fraction,
    Offset { separator: Option<char> },
    Month { width: Option<usize> },
    DayOfWeek { width: Option<usize> },
    HalfDay,
}

impl DateTimeParser {
    fn new(picture: &DateTimePicture) -> Result<DateTimeParser, PictureError> {
        let mut pattern = String::from("^");
        let mut fields = Vec::new();
        for part in &picture.parts {
            match part {
                Part::Literal(literal) => escape_into(literal, &mut pattern),
                Part::Marker(marker) => {
                    let (expression, field) = marker.field()?;
                    pattern.push('(');
                    pattern.push_str(&expression);
                    pattern.push(')');
                    fields.push((marker.component, field));
                }
            }
        }
        pattern.push('$');
        let regex = Regex::compile(&pattern, Flags { ignore_case: true, multi_line: false });
        Ok(DateTimeParser { regex: regex.map_err(|_| PictureError::TooLarge)?, fields })
    }

    /// Reads a point in time, in milliseconds since 1970-01-01T00:00Z; what the text leaves open above its first
    /// component is as of `now_millis`. `None` if the text does not fit the picture, NaN if it is no time, D3136 if
    /// the picture leaves a gap.
    pub fn parse(&self, text: &str, now_millis: f64, fuel: &mut u64) -> Result<Option<f64>, PictureError> {
        let Some(found) = self.regex.find_at(text, 0, fuel).map_err(|_| PictureError::OutOfFuel)? else {
            return Ok(None);
        };
        if self.fields.is_empty() {
            return Ok(None);
        }
        let mut components = Components::default();
        for ((component, field), range) in self.fields.iter().zip(found.captures) {
            let text = range.map_or("", |range| &text[range]);
            components.set(*component, field.parse(text)?);
        }
        components.into_millis(now_millis).map(Some)
    }
}

fn escape_into(literal: &str, pattern: &mut String) {
    for c in literal.chars() {
        if ".*+?^${}()|[]\\".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
}

impl Marker {
    fn field(&self) -> Result<(String, Field), PictureError> {
        // A width of 0 counts as none.
        let width = self.width_max.filter(|width| *width > 0);
        Ok(match (self.component, &self.integer) {
            ('Z' | 'z', Some(integer)) => {
                let separator = integer.regular_separator();
                let mut pattern = String::from(if self.component == 'z' { "GMT[-+][0-9]+" } else { "[-+][0-9]+" });
                if let Some(separator) = separator {
                    escape_into(separator.encode_utf8(&mut [0; 4]), &mut pattern);
                    pattern.push_str("[0-9]+");
                }
                (pattern, Field::Offset { separator })
            }
            ('f', _) => ("[0-9]+".to_owned(), Field::Fraction),
            (_, Some(integer)) => (integer.pattern(self.parse_width)?, Field::Integer(integer.clone())),
            (component, None) => {
                let field = match component {
                    'M' | 'x' => Field::Month { width },
                    'F' => Field::DayOfWeek { width },
                    'P' => Field::HalfDay,
                    _ => return Err(PictureError::value("D3133", component)),
                };
                ("[a-zA-Z]+".to_owned(), field)
            }
        })
    }
}

impl Field {
    /// The value of a component; `None` for an unknown name, NaN for no number.
    fn parse(&self, text: &str) -> Result<Option<f64>, PictureError> {
        Ok(match self {
            Field::Integer(integer) => Some(integer.parse(text)?),
            Field::Fraction => {
                let digits: String = text.chars().take(3).collect();
                format!("0.{digits}").parse::<f64>().ok().map(|seconds| seconds * 1000.0)
            }
            Field::Offset { separator } => Some(parse_offset(text, *separator)),
            Field::Month { width } => name_number(&MONTHS, *width, text),
            Field::DayOfWeek { width } => name_number(&DAYS, *width, text),
            Field::HalfDay => match text {
                "am" | "AM" => Some(0.0),
                "pm" | "PM" => Some(1.0),
                _ => None,
            },
        })
    }
}

/// The number of a name from 1; of names that are the same when cut, the last.
fn name_number(names: &[&str], width: Option<usize>, text: &str) -> Option<f64> {
    let cut = |name: &&str| width.and_then(|width| name.get(..width)).unwrap_or(name) == text;
    names.iter().rposition(cut).map(|index| index as f64 + 1.0)
}

/// An offset from UTC in minutes. As in the reference, the sign counts for the hours alone where a separator
/// is used, so that -05:30 is -270.
fn parse_offset(text: &str, separator: Option<char>) -> f64 {
    let text = match text.get(..3) {
        Some(prefix) if prefix.eq_ignore_ascii_case("GMT") => &text[3..],
        _ => text,
    };
    let (hours, minutes) = match separator {
        Some(separator) => text.split_once(separator).unwrap_or((text, "")),
        None if text.len() <= 3 => (text, "0"),
        None => text.split_at(3),
    };
    js_parse_int(hours) * 60.0 + js_parse_int(minutes)
}

/// The components that a text has given.
#[derive(Debug, Default)]
struct Components {
    values: Vec<(char, Option<f64>)>,
}

impl Components {
    fn get(&self, component: char) -> Option<f64> {
        self.values.iter().find(|(known, _)| *known == component).and_then(|(_, value)| *value)
    }

    fn set(&mut self, component: char, value: Option<f64>) {
        match self.values.iter_mut().find(|(known, _)| *known == component) {
            Some((_, known)) => *known = value,
            None => self.values.push((component, value)),
        }
    }

    fn number(&self, component: char) -> f64 {
        self.get(component).unwrap_or(f64::NAN)
    }

    /// Whether all components given (and not zero) of `all` are among `wanted`, and there is one.
    fn are_of(&self, all: &str, wanted: &str) -> bool {
        let is_given = |component: &char| self.get(*component).is_some_and(|value| value != 0.0 && !value.is_nan());
        let mut given = all.chars().filter(is_given).peekable();
        given.peek().is_some() && given.all(|component| wanted.contains(component))
    }

    fn into_millis(mut self, now_millis: f64) -> Result<f64, PictureError> {
        const DATE: &str = "YXMxWwdD";
        const TIME: &str = "PHhmsf";
        let by_month = self.are_of(DATE, "YMD");
        let by_day_of_year = !by_month && self.are_of(DATE, "Yd");
        // Weeks are known but cannot be read.
        let by_week_of_month = self.are_of(DATE, "Xxw");
        let by_week = !by_week_of_month && self.are_of(DATE, "XW");
        let by_half_day = !self.are_of(TIME, "Hmsf") && self.are_of(TIME, "Phmsf");
        let date = match (by_day_of_year, by_week_of_month, by_week) {
            (true, ..) => "YD",
            (_, true, _) => "XxwF",
            (_, _, true) => "XWF",
            _ => "YMD",
        };
        let time = if by_half_day { "Phmsf" } else { "Hmsf" };
        self.fill(date.chars().chain(time.chars()), now_millis)?;
        if by_week_of_month || by_week {
            return Err(PictureError::code("D3136"));
        }

        let month = self.number('M');
        let mut month = if month > 0.0 { month - 1.0 } else { 0.0 };
        let mut day = self.number('D');
        if by_day_of_year {
            let first = millis_from_utc(self.number('Y'), 0.0, 1.0, [0.0; 4]);
            let millis = first + (self.number('d') - 1.0) * MILLIS_PER_DAY as f64;
            if millis.is_nan() || millis.abs() > MILLIS_MAX as f64 {
                return Ok(f64::NAN);
            }
            // A day beyond the end of the year is one of the same year, as in the reference.
            let date = DateTime::from_millis(millis as i64);
            (month, day) = (date.month as f64 - 1.0, date.day as f64);
        }
        let mut hour = self.number('H');
        if by_half_day {
            hour = self.number('h');
            hour = if hour == 12.0 { 0.0 } else { hour };
            hour += if self.get('P') == Some(1.0) { 12.0 } else { 0.0 };
        }
        let time = [hour, self.number('m'), self.number('s'), self.number('f')];
        let millis = millis_from_utc(self.number('Y'), month, day, time);
        let given = |component| self.get(component).filter(|offset| *offset != 0.0);
        Ok(millis - given('Z').or(given('z')).unwrap_or(0.0) * 60_000.0)
    }

    /// Completes the components in use, from the most to the least significant: those in front of the first given are
    /// of the present, those behind the last are the lowest there are, and between them none may be missing.
    fn fill(&mut self, in_use: impl Iterator<Item = char>, now_millis: f64) -> Result<(), PictureError> {
        let now = DateTime::from_millis(now_millis as i64);
        let (mut begun, mut ended) = (false, false);
        for component in in_use {
            if self.get(component).is_some() {
                begun = true;
                if ended {
                    return Err(PictureError::code("D3136"));
                }
            } else if begun {
                ended = true;
                self.set(component, Some(if matches!(component, 'M' | 'D' | 'd') { 1.0 } else { 0.0 }));
            } else {
                self.set(component, Some(component_value(&now, component)));
            }
        }
        Ok(())
    }
}
