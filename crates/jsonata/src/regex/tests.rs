use super::*;

const FUEL: u64 = 10_000_000;

fn compile(pattern: &str, flags: &str) -> Result<Regex, PatternError> {
    Regex::compile(pattern, Flags { ignore_case: flags.contains('i'), multi_line: flags.contains('m') })
}

/// The match and its groups as texts, `-` for a group that took no part; or why there is none.
fn matched(pattern: &str, flags: &str, text: &str) -> String {
    let regex = match compile(pattern, flags) {
        Ok(regex) => regex,
        Err(err) => return err.to_string(),
    };
    let mut fuel = FUEL;
    match regex.find_at(text, 0, &mut fuel) {
        Err(OutOfFuel) => "out of fuel".to_owned(),
        Ok(None) => "none".to_owned(),
        Ok(Some(found)) => {
            let mut shown = format!("{}:{}", found.start, &text[found.start..found.end]);
            for capture in found.captures {
                shown.push('|');
                shown.push_str(capture.map_or("-", |range| &text[range]));
            }
            shown
        }
    }
}

#[track_caller]
fn check(cases: &[(&str, &str, &str, &str)]) {
    for (pattern, flags, text, expected) in cases {
        assert_eq!(matched(pattern, flags, text), *expected, "/{pattern}/{flags} on {text:?}");
    }
}

#[test]
fn a_regex_is_shared_between_threads() {
    fn assert_shared<T: Send + Sync>() {}
    assert_shared::<Regex>();
}

#[test]
fn alternatives_are_tried_in_order_and_quantifiers_are_greedy_or_lazy() {
    check(&[
        ("b+", "", "abbc", "1:bb"),
        ("a|ab", "", "ab", "0:a"),
        ("(?:a|ab)c", "", "abc", "0:abc"),
        ("a.*?c", "", "abcbc", "0:abc"),
        ("a.*c", "", "abcbc", "0:abcbc"),
        ("a{2}", "", "aaa", "0:aa"),
        ("a{2,}", "", "aaaa", "0:aaaa"),
        ("a{1,2}?", "", "aa", "0:a"),
        ("(\\w+)\\s(\\w+)", "", "John Smith", "0:John Smith|John|Smith"),
        ("example\\.(com|org)$", "", "a@example.org", "2:example.org|org"),
        ("(-?\\d+(?:\\.\\d*)?)F\\b", "", "at 68F today", "3:68F|68"),
        ("x*", "", "abc", "0:"),
        ("", "", "abc", "0:"),
    ]);
}

#[test]
fn a_round_that_matches_nothing_ends_its_loop_and_captures_of_earlier_rounds_do_not_count() {
    check(&[
        ("(a*)*", "", "b", "0:|-"),
        ("(a*)+", "", "b", "0:|"),
        ("(?:(a)|b)*", "", "ab", "0:ab|-"),
        ("(z)((a+)?(b+)?(c))*", "", "zaacbbbcac", "0:zaacbbbcac|z|ac|a|-|c"),
        ("(?:(x)?(?:|y))*", "", "xy", "0:xy|-"),
        ("(?:a?){3}b", "", "aab", "0:aab"),
        ("([^]*){0,1}|", "", "ab", "0:ab|ab"),
        ("(|a){2,}", "", "aa", "0:aa|a"),
        ("(?=(a)){2}a", "", "a", "0:a|a"),
    ]);
}

#[test]
fn anchors_classes_and_escapes() {
    check(&[
        ("^b", "", "a\nb", "none"),
        ("^b", "m", "a\nb", "2:b"),
        ("a$", "m", "a\nb", "0:a"),
        ("^$", "m", "a\n\nb", "2:"),
        (".", "", "\n\u{2028}é", "4:é"),
        ("[^]", "", "\n", "0:\n"),
        ("[]", "", "a", "none"),
        ("[\\w-]+", "", "a-b!", "0:a-b"),
        ("[\\d-x]+", "", "1-x2", "0:1-x2"),
        ("[a-c\\]]+", "", "xab]", "1:ab]"),
        ("\\bb", "", "ab b", "3:b"),
        ("\\Bb", "", "b ab", "3:b"),
        ("\\s", "", "a\u{feff}", "1:\u{feff}"),
        ("\\x41\\u0042\\103\\0", "", "ABC\0", "0:ABC\0"),
        ("\\cA[\\cB]", "", "\u{1}\u{2}", "0:\u{1}\u{2}"),
        ("\\c", "", "\\c", "0:\\c"),
        ("[\\b]", "", "\u{8}", "0:\u{8}"),
        ("a{,2}", "", "aa{,2}", "1:a{,2}"),
        ("}]", "", "}]", "0:}]"),
        ("\\8\\-\\p", "", "8-p", "0:8-p"),
        ("\\ud83d\\ude00+", "", "😀😀", "0:😀😀"),
        ("[\\ud800-\\udbff][\\udc00-\\udfff]", "", "a😀", "1:😀"),
        ("\\ud83d", "", "😀", "none"),
    ]);
}

#[test]
fn case_is_ignored_as_without_the_unicode_flag() {
    check(&[
        ("straße", "i", "STRAßE", "0:STRAßE"),
        ("ss", "i", "ß", "none"),
        ("é", "i", "É", "0:É"),
        ("σ", "i", "ς", "0:ς"),
        ("k", "i", "\u{212a}", "none"),
        ("s", "i", "\u{17f}", "none"),
        ("[a-z]+", "i", "ABC", "0:ABC"),
        ("[^a]", "i", "A", "none"),
        ("[à-ý]", "i", "Ü", "0:Ü"),
        ("(a)\\1", "i", "aA", "0:aA|a"),
    ]);
}

#[test]
fn back_references_and_lookaround() {
    check(&[
        ("(a+)-\\1", "", "aa-a aa-aa", "1:a-a|a"),
        ("\\1(a)", "", "a", "0:a|a"),
        ("(?<year>\\d{4})-\\k<year>", "", "2018-2018", "0:2018-2018|2018"),
        ("\\k<x", "", "k<x", "0:k<x"),
        ("(?=.*\\d)\\w+", "", "ab1", "0:ab1"),
        ("a(?!b)", "", "abac", "2:a"),
        ("(?<=\\$)\\d+", "", "a1 $23", "4:23"),
        ("(?<!\\$)\\b\\d+", "", "$1 23", "3:23"),
        ("(?<=(\\d+)(\\d+))$", "", "1053", "4:|1|053"),
        ("(?<=\\1(a))b", "", "aab", "2:b|a"),
        ("(?=(a+))a*b\\1", "", "baaabac", "3:aba|a"),
        ("(?!(a)b)a\\1", "", "ac", "0:a|-"),
        ("(?:(?=(\\w))a){2}", "", "aa", "0:aa|a"),
        ("((?:a|b){2,3}?)c\\1", "", "abcab", "0:abcab|ab"),
    ]);
}

#[test]
fn what_is_no_pattern_is_refused() {
    check(&[
        ("(a", "", "", "Unterminated group"),
        ("a)", "", "", "Unmatched ')'"),
        ("[a", "", "", "Unterminated character class"),
        ("*", "", "", "Nothing to repeat"),
        ("a**", "", "", "Nothing to repeat"),
        ("a|+", "", "", "Nothing to repeat"),
        ("{1}", "", "", "Nothing to repeat"),
        ("^*", "", "", "Nothing to repeat"),
        ("(?<=a)*", "", "", "Nothing to repeat"),
        ("a{2,1}", "", "", "numbers out of order in {} quantifier"),
        ("[b-a]", "", "", "Range out of order in character class"),
        ("a\\", "", "", "\\ at end of pattern"),
        ("(?i)", "", "", "Invalid group"),
        ("(?<a>x)(?<a>y)", "", "", "Duplicate capture group name"),
        ("(?<1>x)", "", "", "Invalid capture group name"),
        ("(?<a>x)\\k<b>", "", "", "Invalid named capture referenced"),
    ]);
}

#[test]
fn a_search_goes_on_from_an_offset() {
    let regex = compile("^a|b+", "").unwrap();
    let find = |start| regex.find_at("abbabb", start, &mut 1_000).unwrap().map(|found| (found.start, found.end));
    assert_eq!(
        [find(0), find(1), find(2), find(3), find(6)],
        [Some((0, 1)), Some((1, 3)), Some((2, 3)), Some((4, 6)), None]
    );
    assert_eq!(compile("x?", "").unwrap().find_at("ab", 2, &mut 100).unwrap().map(|found| found.start), Some(2));
    assert_eq!(compile("", "").unwrap().find_at("ab", 3, &mut 100), Ok(None));
}

/// Both executors of linear programs on random patterns: what one finds, the other finds.
#[test]
fn the_threads_find_what_backtracking_finds() {
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut choose = move |bound: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random >> 33) as usize % bound
    };
    let mut n_compared = 0;
    for _ in 0..20_000 {
        let pattern = random_pattern(&mut choose, 3);
        let text: String = (0..choose(8)).map(|_| ["a", "b", "é", "\n"][choose(4)]).collect();
        let regex = compile(&pattern, "m").unwrap();
        assert!(regex.program.linear);
        let mut memory = backtrack::Memory::default();
        let starts = (0..=text.len()).filter(|at| text.is_char_boundary(*at));
        let mut fuel = 100_000;
        let mut slow = None;
        memory.prepare(&regex.program);
        for at in starts {
            match backtrack::match_at(&regex.program, &mut memory, &text, at, &mut fuel) {
                Ok(None) => {}
                Ok(Some(end)) => slow = Some((at, end, memory.slots().to_vec())),
                Err(OutOfFuel) => break,
            }
            if slow.is_some() {
                break;
            }
        }
        if fuel == 0 {
            continue;
        }
        let mut memory = pike::Memory::default();
        let found = pike::find(&regex.program, &regex.prefilter, &mut memory, &text, 0, &mut FUEL.clone()).unwrap();
        let fast = found.map(|(start, end)| (start, end, memory.slots().to_vec()));
        assert_eq!(fast, slow, "/{pattern}/m on {text:?}");
        n_compared += 1;
    }
    assert!(n_compared > 15_000, "{n_compared}");
}

fn random_pattern(choose: &mut impl FnMut(usize) -> usize, depth: usize) -> String {
    const QUANTIFIERS: [&str; 13] = ["", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{0,2}", "{1,3}?", "{2,}"];
    let mut pattern = String::new();
    for _ in 0..choose(4) {
        if depth > 0 && choose(2) == 0 {
            pattern.push_str(["(", "(?:"][choose(2)]);
            pattern.push_str(&random_pattern(choose, depth - 1));
            pattern.push(')');
        } else {
            match choose(9) {
                0 => pattern.push('|'),
                1 => pattern.push_str(["\\b", "^", "$"][choose(3)]),
                atom => pattern.push_str(["a", "b", ".", "[ab]", "a", "b", "[^a]"][atom - 2]),
            }
            if !pattern.ends_with(['a', 'b', '.', ']']) || pattern.ends_with("\\b") {
                continue;
            }
        }
        pattern.push_str(QUANTIFIERS[choose(QUANTIFIERS.len())]);
    }
    pattern
}

#[test]
fn hostile_patterns_end_and_need_no_stack() {
    let repeat = |part: &str, times: usize| part.repeat(times);
    let alternatives: Vec<String> = (0..20_000).map(|index| format!("a+{index}")).collect();
    let cases = [
        ("^(a+)+$".to_owned(), repeat("a", 40) + "!"),
        ("^(a*)(a*)(a*)(a*)\\1\\2\\3\\4b".to_owned(), repeat("a", 400)),
        ("^(?=(a+)+b)a".to_owned(), repeat("a", 40)),
        ("\\s+$".to_owned(), repeat(" ", 200_000) + "x"),
        ("^((a{0,1000}){0,1000}){0,1000}b".to_owned(), repeat("a", 2_000)),
        (repeat("(", 30_000) + "a" + &repeat(")", 30_000), "a".to_owned()),
        (repeat("(?:", 95) + "a" + &repeat(")*", 95), repeat("a", 100) + "b"),
        (repeat("(", 95) + "a?" + &repeat(")*", 95) + "c", repeat("a", 100) + "b"),
        (alternatives.join("|"), repeat("a", 2_000)),
        (repeat("[^a]", 50_000), repeat("b", 1_000)),
        ("(?:){1000000000}(?:a{1000000000}){1000000000}".to_owned(), "a".to_owned()),
        ("(?:(?:){1000000000})*".to_owned(), "a".to_owned()),
        (repeat("(a)", 20_000), repeat("a", 100)),
        ("(?=(?:){4000000000}x)".to_owned(), "a".to_owned()),
        (repeat("(a)", 20_000) + "\\1", repeat("a", 20_000)),
        (repeat("(?<a", 30_000), String::new()),
        (repeat("[\\ud800-\\udbff][\\udc00\\udc02]", 3_000), String::new()),
        ("(.|\\n)*x".to_owned(), repeat("ab\n", 100_000)),
    ];
    let run = move || {
        for (pattern, text) in &cases {
            if let Ok(regex) = compile(pattern, "") {
                let mut fuel = 3_000_000;
                let _ = regex.find_at(text, 0, &mut fuel);
            }
        }
        let trailing = compile("\\s+$", "").unwrap();
        let blanks = repeat(" ", 200_000) + "x";
        assert_eq!(trailing.find_at(&blanks, 0, &mut FUEL.clone()), Ok(None));
        assert!(compile(&(repeat("(", 30_000) + "a" + &repeat(")", 30_000)), "").is_err());
    };
    std::thread::Builder::new().stack_size(512 * 1024).spawn(run).unwrap().join().unwrap();
}
