//! Function signatures such as `<s-n?:s>`: parsing them, and fitting arguments to them.

use stepwell_value::Str;

use crate::error::{Error, Run};
use crate::item::Item;

/// The type letters, as a set.
type Types = u16;

const STRING: Types = 1;
const NUMBER: Types = 2;
const BOOLEAN: Types = 4;
const NULL: Types = 8;
const ARRAY: Types = 16;
const OBJECT: Types = 32;
const FUNCTION: Types = 64;
/// An argument that is undefined.
const MISSING: Types = 128;

#[derive(Clone, Debug)]
pub(crate) struct Signature {
    parameters: Vec<Parameter>,
}

#[derive(Clone, Debug, Default)]
struct Parameter {
    types: Types,
    optional: bool,
    /// Takes one argument or more.
    repeated: bool,
    /// Takes the context if there is no argument.
    context: bool,
    array: bool,
    /// May be followed by a type parameter.
    parametric: bool,
    subtype: Option<Str>,
}

impl Signature {
    /// Parses the text from `<` to `>`. The error comes with the byte offset in the text.
    pub(crate) fn parse(text: &str) -> Result<Signature, (Error, usize)> {
        let bytes = text.as_bytes();
        let mut parameters: Vec<Parameter> = Vec::new();
        let mut position = 1;
        while position < bytes.len() {
            let letter = bytes[position];
            let types = match letter {
                b':' => break,
                b's' => STRING | MISSING,
                b'n' => NUMBER | MISSING,
                b'b' => BOOLEAN | MISSING,
                b'l' => NULL | MISSING,
                b'o' => OBJECT | MISSING,
                b'a' | b'x' => STRING | NUMBER | BOOLEAN | NULL | ARRAY | OBJECT | FUNCTION | MISSING,
                b'j' => STRING | NUMBER | BOOLEAN | NULL | ARRAY | OBJECT | MISSING,
                b'f' => FUNCTION,
                b'(' => {
                    let end = closing(bytes, position, b'(', b')');
                    let choice = &text[position + 1..end.min(text.len())];
                    if choice.contains('<') {
                        return Err((Error::new("S0402").insert_quoted("value", choice), position));
                    }
                    position = end;
                    choice.bytes().map(types_of_letter).fold(MISSING, |all, types| all | types)
                }
                _ => 0,
            };
            if types != 0 {
                let (array, parametric) = (letter == b'a', matches!(letter, b'a' | b'f'));
                parameters.push(Parameter { types, array, parametric, ..Parameter::default() });
            } else if let Some(last) = parameters.last_mut() {
                match letter {
                    b'-' => {
                        last.context = true;
                        last.optional = true;
                    }
                    b'?' => last.optional = true,
                    b'+' => last.repeated = true,
                    b'<' if last.parametric => {
                        let end = closing(bytes, position, b'<', b'>');
                        last.subtype = Some(Str::new(&text[position + 1..end.min(text.len())]));
                        position = end;
                    }
                    b'<' => return Err((Error::new("S0401"), position)),
                    _ => {}
                }
            } else if letter == b'<' {
                return Err((Error::new("S0401"), position));
            }
            position += 1;
        }
        Ok(Signature { parameters })
    }

    pub(crate) fn n_parameters(&self) -> usize {
        self.parameters.len()
    }

    /// Fits `arguments` to the parameters: fills in the context, wraps single values for arrays.
    pub(crate) fn fit<'v>(&self, arguments: &mut Vec<Item<'v>>, context: &Item<'v>) -> Run<()> {
        if self.fits_one_to_one(arguments) {
            for (index, parameter) in self.parameters.iter().enumerate() {
                if parameter.array {
                    parameter.fit_array(&mut arguments[index], index, None)?;
                }
            }
            return Ok(());
        }
        self.fit_generally(arguments, context)
    }

    fn fits_one_to_one(&self, arguments: &[Item<'_>]) -> bool {
        arguments.len() == self.parameters.len()
            && arguments
                .iter()
                .zip(&self.parameters)
                .all(|(argument, parameter)| type_of(argument) & parameter.types != 0 && !parameter.repeated)
    }

    #[inline(never)]
    fn fit_generally<'v>(&self, arguments: &mut Vec<Item<'v>>, context: &Item<'v>) -> Run<()> {
        let mut few_types = [0; FEW];
        let many_types: Vec<Types>;
        let types = if arguments.len() <= FEW {
            few_types.iter_mut().zip(&*arguments).for_each(|(place, argument)| *place = type_of(argument));
            &few_types[..arguments.len()]
        } else {
            many_types = arguments.iter().map(type_of).collect();
            &many_types
        };
        let mut few_taken = [0; FEW];
        let many_taken: Vec<usize>;
        let first_try = few_taken.get_mut(..self.parameters.len());
        let taken = if first_try.is_some_and(|taken| takes_greedily(&self.parameters, types, taken)) {
            &few_taken[..self.parameters.len()]
        } else if let Some(taken) = matching(&self.parameters, types, true) {
            many_taken = taken;
            &many_taken
        } else {
            return self.mismatch(types).boxed();
        };
        // The argument as it was given, and the place of the next one as it will be.
        let (mut position, mut place) = (0, 0);
        for (parameter, n_taken) in self.parameters.iter().zip(taken) {
            if *n_taken == 0 {
                if parameter.context {
                    if type_of(context) & parameter.types == 0 {
                        return Error::new("T0411").insert("index", (position + 1).to_string()).boxed();
                    }
                    arguments.insert(place, context.clone());
                } else {
                    // As in the reference, an absent optional argument uses up the next one.
                    if place == arguments.len() {
                        arguments.push(Item::Undefined);
                    }
                    position += 1;
                }
                place += 1;
                continue;
            }
            let whole = &types[position.min(types.len())..(position + n_taken).min(types.len())];
            for _ in 0..*n_taken {
                // What was used up above is missing at the end.
                if place == arguments.len() {
                    arguments.push(Item::Undefined);
                }
                if parameter.array {
                    parameter.fit_array(&mut arguments[place], position, Some(whole))?;
                }
                position += 1;
                place += 1;
            }
        }
        arguments.truncate(place);
        Ok(())
    }

    /// Which argument is the first that does not fit.
    fn mismatch(&self, types: &[Types]) -> Error {
        let mut good_to = 0;
        for n_parameters in 1..=self.parameters.len() {
            match matching(&self.parameters[..n_parameters], types, false) {
                Some(taken) => good_to = taken.iter().sum(),
                None => break,
            }
        }
        Error::new("T0410").insert("index", (good_to + 1).to_string())
    }
}

impl Parameter {
    /// Checks the items of an array argument and makes an array of a single value.
    fn fit_array(&self, argument: &mut Item<'_>, position: usize, whole: Option<&[Types]>) -> Run<()> {
        let own = type_of(argument);
        if own == MISSING {
            return Ok(());
        }
        if let Some(subtype) = &self.subtype {
            let wanted = subtype.bytes().next().map_or(0, types_of_letter);
            let fits = if own == ARRAY {
                argument.all_items(|item| type_of(&item) == wanted)
            } else {
                // The reference compares all arguments of the parameter with the subtype's text.
                subtype.len() == whole.map_or(1, <[Types]>::len) && own == wanted
            };
            if !fits {
                let kind = match subtype.as_str() {
                    "a" => "\"arrays\"",
                    "b" => "\"booleans\"",
                    "f" => "\"functions\"",
                    "n" => "\"numbers\"",
                    "o" => "\"objects\"",
                    "s" => "\"strings\"",
                    _ => "undefined",
                };
                let error = Error::new("T0412").insert("index", (position + 1).to_string());
                return error.insert("type", kind).boxed();
            }
        }
        if own != ARRAY {
            let single = std::mem::take(argument);
            *argument = Item::plain_list(vec![single]);
        }
        Ok(())
    }
}

/// So many arguments and parameters are matched without a list on the heap.
const FEW: usize = 8;

/// Whether the arguments fit when each parameter takes as many as it can: what [`matching`] tries first, and what most
/// calls are.
fn takes_greedily(parameters: &[Parameter], types: &[Types], taken: &mut [usize]) -> bool {
    let mut rest = types;
    for (parameter, taken) in parameters.iter().zip(taken) {
        let most = if parameter.repeated { rest.len() } else { 1 };
        *taken = rest.iter().take(most).take_while(|given| **given & parameter.types != 0).count();
        if *taken == 0 && !parameter.optional {
            return false;
        }
        rest = &rest[*taken..];
    }
    rest.is_empty()
}

/// How many arguments each parameter takes, as a greedy regular expression would match; None if they do not fit.
fn matching(parameters: &[Parameter], types: &[Types], to_the_end: bool) -> Option<Vec<usize>> {
    // A failure is remembered, so that the search stays linear in parameters times arguments.
    let mut failed = vec![false; (parameters.len() + 1) * (types.len() + 1)];
    let mut taken = vec![0; parameters.len()];
    let mut stack: Vec<(usize, usize, usize)> = Vec::with_capacity(parameters.len());
    let (mut parameter, mut argument) = (0, 0);
    loop {
        let known_failure = failed[parameter * (types.len() + 1) + argument];
        if parameter == parameters.len() && (!to_the_end || argument == types.len()) {
            return Some(taken);
        }
        let most = if known_failure || parameter == parameters.len() {
            None
        } else {
            let wanted = &parameters[parameter];
            let most = if wanted.repeated { types.len() - argument } else { 1 };
            let n = types[argument..].iter().take(most).take_while(|given| **given & wanted.types != 0).count();
            (n > 0 || wanted.optional).then_some(n)
        };
        if let Some(n) = most {
            stack.push((parameter, argument, n));
            taken[parameter] = n;
            parameter += 1;
            argument += n;
            continue;
        }
        failed[parameter * (types.len() + 1) + argument] = true;
        // Gives one argument back, at the latest place where that is possible.
        loop {
            let (earlier, start, n) = stack.pop()?;
            let least = usize::from(!parameters[earlier].optional);
            if n > least {
                stack.push((earlier, start, n - 1));
                taken[earlier] = n - 1;
                parameter = earlier + 1;
                argument = start + n - 1;
                break;
            }
            failed[earlier * (types.len() + 1) + start] = true;
        }
    }
}

fn closing(bytes: &[u8], start: usize, open: u8, close: u8) -> usize {
    let mut depth = 1;
    let mut position = start;
    while position < bytes.len() {
        position += 1;
        match bytes.get(position) {
            Some(byte) if *byte == close => {
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
            Some(byte) if *byte == open => depth += 1,
            _ => {}
        }
    }
    position
}

fn types_of_letter(letter: u8) -> Types {
    match letter {
        b's' => STRING,
        b'n' => NUMBER,
        b'b' => BOOLEAN,
        b'l' => NULL,
        b'a' => ARRAY,
        b'o' => OBJECT,
        b'f' => FUNCTION,
        b'm' => MISSING,
        _ => 0,
    }
}

fn type_of(item: &Item<'_>) -> Types {
    use stepwell_value::Kind;
    match item {
        Item::Undefined => MISSING,
        _ if item.is_function() => FUNCTION,
        _ => match item.kind() {
            Kind::Null => NULL,
            Kind::Bool => BOOLEAN,
            Kind::Number => NUMBER,
            Kind::String => STRING,
            Kind::Array => ARRAY,
            Kind::Object => OBJECT,
        },
    }
}
