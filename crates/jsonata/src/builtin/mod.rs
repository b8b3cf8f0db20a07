//! The built-in functions.

mod array;
mod aws;
mod higher;
mod number;
mod object;
mod pattern;
mod string;
mod time;
mod url;

use std::sync::LazyLock;

use crate::Profile;
use crate::error::Run;
use crate::eval::Evaluator;
use crate::item::Item;
use crate::signature::Signature;

pub(crate) use pattern::byte_offset;
pub(crate) use time::Pictures;

/// A built-in: its place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Builtin(u8);

/// Arguments of a call, fitted to the signature, and the context item.
pub(crate) struct Call<'a, 'v> {
    pub(crate) arguments: &'a mut [Item<'v>],
    pub(crate) context: &'a Item<'v>,
}

impl<'v> Call<'_, 'v> {
    /// The argument at `index`; undefined if it was not given.
    pub(crate) fn take(&mut self, index: usize) -> Item<'v> {
        self.arguments.get_mut(index).map(std::mem::take).unwrap_or_default()
    }

    pub(crate) fn number(&self, index: usize) -> Option<f64> {
        self.arguments.get(index).and_then(Item::as_number)
    }
}

pub(crate) type Native = for<'v> fn(&mut Evaluator<'v>, &mut Call<'_, 'v>) -> Run<Item<'v>>;

pub(crate) struct Entry {
    pub(crate) name: &'static str,
    signature: &'static str,
    /// Parameters of the reference's implementation: what higher-order functions pass depends on it.
    pub(crate) arity: u8,
    pub(crate) run: Native,
    only: Option<Only>,
}

#[derive(Clone, Copy, PartialEq)]
enum Only {
    Aws,
    Suite,
}

const fn entry(name: &'static str, signature: &'static str, arity: u8, run: Native) -> Entry {
    Entry { name, signature, arity, run, only: None }
}

const fn only(only: Only, name: &'static str, signature: &'static str, arity: u8, run: Native) -> Entry {
    Entry { name, signature, arity, run, only: Some(only) }
}

static ENTRIES: &[Entry] = &[
    entry("sum", "<a<n>:n>", 1, number::sum),
    entry("count", "<a:n>", 1, array::count),
    entry("max", "<a<n>:n>", 1, number::max),
    entry("min", "<a<n>:n>", 1, number::min),
    entry("average", "<a<n>:n>", 1, number::average),
    entry("string", "<x-b?:s>", 1, string::string),
    entry("substring", "<s-nn?:s>", 3, string::substring),
    entry("substringBefore", "<s-s:s>", 2, string::substring_before),
    entry("substringAfter", "<s-s:s>", 2, string::substring_after),
    entry("lowercase", "<s-:s>", 1, string::lowercase),
    entry("uppercase", "<s-:s>", 1, string::uppercase),
    entry("length", "<s-:n>", 1, string::length),
    entry("trim", "<s-:s>", 1, string::trim),
    entry("pad", "<s-ns?:s>", 3, string::pad),
    entry("match", "<s-f<s:o>n?:a<o>>", 3, pattern::match_all),
    entry("contains", "<s-(sf):b>", 2, pattern::contains),
    entry("replace", "<s-(sf)(sf)n?:s>", 4, pattern::replace),
    entry("split", "<s-(sf)n?:a<s>>", 3, pattern::split),
    entry("join", "<a<s>s?:s>", 2, string::join),
    entry("formatNumber", "<n-so?:s>", 3, number::format_number),
    entry("formatBase", "<n-n?:s>", 2, number::format_base),
    entry("formatInteger", "<n-s:s>", 2, number::format_integer),
    entry("parseInteger", "<s-s:n>", 2, number::parse_integer),
    entry("number", "<(nsb)-:n>", 1, number::number),
    entry("floor", "<n-:n>", 1, number::floor),
    entry("ceil", "<n-:n>", 1, number::ceil),
    entry("round", "<n-n?:n>", 2, number::round),
    entry("abs", "<n-:n>", 1, number::abs),
    entry("sqrt", "<n-:n>", 1, number::sqrt),
    entry("power", "<n-n:n>", 2, number::power),
    only(Only::Suite, "random", "<:n>", 0, number::random),
    entry("boolean", "<x-:b>", 1, object::boolean),
    entry("not", "<x-:b>", 1, object::not),
    entry("map", "<af>", 2, higher::map),
    entry("zip", "<a+>", 0, array::zip),
    entry("filter", "<af>", 2, higher::filter),
    entry("single", "<af?>", 2, higher::single),
    entry("reduce", "<afj?:j>", 3, higher::reduce),
    entry("sift", "<o-f?:o>", 2, higher::sift),
    entry("keys", "<x-:a<s>>", 1, object::keys),
    entry("lookup", "<x-s:x>", 2, object::lookup),
    entry("append", "<xx:a>", 2, array::append),
    entry("exists", "<x:b>", 1, object::exists),
    entry("spread", "<x-:a<o>>", 1, object::spread),
    entry("merge", "<a<o>:o>", 1, object::merge),
    entry("reverse", "<a:a>", 1, array::reverse),
    entry("each", "<o-f:a>", 2, higher::each),
    entry("error", "<s?:x>", 1, object::error),
    entry("assert", "<bs?:x>", 2, object::assert),
    entry("type", "<x:s>", 1, object::type_name),
    entry("sort", "<af?:a>", 2, array::sort),
    entry("shuffle", "<a:a>", 1, array::shuffle),
    entry("distinct", "<x:x>", 1, array::distinct),
    entry("base64encode", "<s-:s>", 1, url::base64_encode),
    entry("base64decode", "<s-:s>", 1, url::base64_decode),
    entry("encodeUrlComponent", "<s-:s>", 1, url::encode_component),
    entry("encodeUrl", "<s-:s>", 1, url::encode),
    entry("decodeUrlComponent", "<s-:s>", 1, url::decode_component),
    entry("decodeUrl", "<s-:s>", 1, url::decode),
    only(Only::Suite, "eval", "<sx?:x>", 2, object::eval),
    entry("toMillis", "<s-s?:n>", 2, time::to_millis),
    entry("fromMillis", "<n-s?s?:s>", 3, time::from_millis),
    entry("clone", "<(oa)-:o>", 1, object::clone),
    entry("now", "<s?s?:s>", 2, time::now),
    entry("millis", "<:n>", 0, time::millis),
    only(Only::Aws, "partition", "<xn?:a>", 2, aws::partition),
    only(Only::Aws, "range", "<n?n?n?:a>", 3, aws::range),
    only(Only::Aws, "hash", "<s?s?:s>", 2, aws::hash),
    only(Only::Aws, "random", "<n?:n>", 1, aws::random),
    only(Only::Aws, "uuid", "<:s>", 0, aws::uuid),
    only(Only::Aws, "parse", "<s?:x>", 1, aws::parse),
];

static SIGNATURES: LazyLock<Vec<Signature>> = LazyLock::new(|| {
    let parse = |entry: &Entry| Signature::parse(entry.signature).map_err(|(err, _)| err);
    ENTRIES.iter().map(parse).collect::<Result<_, _>>().expect("our own signatures are well formed")
});

/// Open addressing over [`ENTRIES`]: the index + 1; 0 is free. Every variable of an expression is looked for.
static SLOTS: [u8; 256] = {
    let mut slots = [0; 256];
    let mut index = 0;
    while index < ENTRIES.len() {
        let mut slot = slot_of(ENTRIES[index].name.as_bytes());
        while slots[slot] != 0 {
            slot = (slot + 1) % slots.len();
        }
        slots[slot] = index as u8 + 1;
        index += 1;
    }
    slots
};

const fn slot_of(name: &[u8]) -> usize {
    let mut hash = name.len();
    let mut at = 0;
    // The longest name has 18 bytes.
    while at < name.len() && at < 18 {
        hash = (hash * 31 + name[at] as usize) % 0x1_0000;
        at += 1;
    }
    (hash ^ hash >> 8) % 256
}

impl Builtin {
    /// The function of that name in the profile.
    pub(crate) fn named(name: &str, profile: Profile) -> Option<Builtin> {
        let exists = |entry: &Entry| match entry.only {
            None => true,
            Some(Only::Aws) => profile.has_aws_functions(),
            Some(Only::Suite) if entry.name == "eval" => profile.has_eval(),
            Some(Only::Suite) => !profile.has_aws_functions(),
        };
        let mut slot = slot_of(name.as_bytes());
        while let Some(index) = SLOTS[slot].checked_sub(1) {
            let entry = &ENTRIES[usize::from(index)];
            if entry.name == name && exists(entry) {
                return Some(Builtin(index));
            }
            slot = (slot + 1) % SLOTS.len();
        }
        None
    }

    pub(crate) fn entry(self) -> &'static Entry {
        &ENTRIES[self.0 as usize]
    }

    pub(crate) fn signature(self) -> &'static Signature {
        &SIGNATURES[self.0 as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signature_parses() {
        assert_eq!(SIGNATURES.len(), ENTRIES.len());
    }
}
