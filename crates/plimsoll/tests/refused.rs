//! What the macros refuse, and where they point: the compiler's messages are pinned beside each use.

#[test]
fn a_fault_is_reported_at_its_token_together_with_the_others() {
    trybuild::TestCases::new().compile_fail("tests/refused/*.rs");
}
