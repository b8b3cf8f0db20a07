//! Makes input number `n` of a seed.

use stepwell_value::Value;

use crate::corpus::Corpus;
use crate::json_mutate;
use crate::mutate;
use crate::random::Random;
use crate::targets::Target;

/// Longest input, in bytes.
const INPUT_BYTES_MAX: usize = 100_000;

/// Stands between an expression and the document that it is applied to.
const SEPARATOR: &str = "\n=====\n";

/// An input of a target.
pub(crate) fn input(target: &Target, corpus: &Corpus, seed: u64, number: u64) -> String {
    let mut random = Random::new(seed, number);
    let random = &mut random;
    let mut text = random.text(&corpus.texts).to_owned();
    // One in sixty stays as it is.
    if !random.one_in(60) {
        for _ in 0..=random.below(4) {
            text = changed(target, corpus, text, random);
        }
    }
    let mut end = text.len().min(INPUT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    if target.kind.has_document() {
        text.push_str(SEPARATOR);
        text.push_str(&document(corpus, random).to_string());
    }
    text
}

/// Takes an expression and its document apart; `null` where there is none.
pub(crate) fn parts(input: &str) -> (&str, Value) {
    let (expression, document) = input.rsplit_once(SEPARATOR).unwrap_or((input.trim_end_matches('\n'), "null"));
    (expression, stepwell_value::parse(document).unwrap_or_default())
}

fn changed(target: &Target, corpus: &Corpus, text: String, random: &mut Random) -> String {
    if random.one_in(4) {
        return mutate::bytes(&text, random.text(&corpus.texts), random);
    }
    if !target.kind.has_document() && !random.one_in(5) {
        let others = [random.text(&corpus.texts), random.text(&corpus.texts)];
        let others: Vec<Value> = others.iter().filter_map(|text| stepwell_value::parse(text).ok()).collect();
        if let Ok(value) = stepwell_value::parse(&text) {
            return json_mutate::changed(&value, &others, target.words, random).to_string();
        }
    }
    mutate::tokens(&text, random.text(&corpus.texts), target.words, random)
}

fn document(corpus: &Corpus, random: &mut Random) -> Value {
    let document = random.pick(&corpus.documents).clone();
    if random.one_in(3) {
        let other = random.pick(&corpus.documents).clone();
        return json_mutate::changed(&document, &[other], &["", "a", "0", "$"], random);
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus;
    use crate::targets::TARGETS;

    #[test]
    fn a_seed_and_a_number_always_give_the_same_input() {
        for target in TARGETS {
            let corpus = corpus::load(target);
            for number in 0..200 {
                assert_eq!(input(target, &corpus, 7, number), input(target, &corpus, 7, number), "{}", target.name);
            }
        }
    }

    #[test]
    fn an_expression_and_its_document_come_apart_again() {
        assert_eq!(parts("$.a\n=====\n[1]"), ("$.a", stepwell_value::parse("[1]").unwrap()));
        assert_eq!(parts("$.a\n"), ("$.a", Value::Null));
    }
}
