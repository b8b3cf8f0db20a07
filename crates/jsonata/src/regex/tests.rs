use super::*;

fn regex(pattern: &str) -> Regex {
    Regex::compile(pattern, Flags::default()).unwrap_or_else(|err| panic!("/{pattern}/: {err}"))
}

#[test]
fn basic() {
    let found = regex("(b+)(c)?").find_at("abbx", 0, &mut 1000).unwrap().unwrap();
    assert_eq!((found.start, found.end, found.captures), (1, 3, vec![Some(1..3), None]));
}
