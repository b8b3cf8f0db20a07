//! Mistakes that do not compile, each with the message that the compiler gives.

/// The adapter answers "not expressible" with the names of these files.
#[test]
fn mistakes_do_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/compile-fail/*.rs");
}
