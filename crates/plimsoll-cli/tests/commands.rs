//! What each command says to a newcomer, word for word.

#[test]
fn commands_say_what_they_said() {
    trycmd::TestCases::new().case("tests/commands/*.trycmd");
}
