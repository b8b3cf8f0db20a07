//! Mock files, and mocks of single states.

use stepwell_engine::mock::{MockError, MockFile, Mocks, Responses};

use super::{Kind, Target, promise};

pub(super) const TARGET: Target = Target {
    name: "mock",
    kind: Kind::Mock,
    seeds: &[
        r#"{"StateMachines":{"m":{"TestCases":{"c":{"A":"r","B/ItemReader":"s"}}}},"MockedResponses":{"r":{"0":{"Return":1},"1-2":{"Throw":{"Error":"E","Cause":"C"}}},"s":{"0":{"Return":[],"AfterSeconds":1.5}}}}"#,
        r#"{"Throw":{"Error":"E"}}"#,
        r#"{"0-3":{"Return":{"a":1}},"4":{"Throw":{"Error":"E","Cause":"é"},"AfterSeconds":90}}"#,
        "7",
    ],
    words: &[
        "",
        "0",
        "1",
        "0-1",
        "1-0",
        "2-",
        "-2",
        "4294967295",
        "0-4294967295",
        "99999999999",
        "m",
        "c",
        "r",
        "Return",
        "Throw",
        "Error",
        "Cause",
        "AfterSeconds",
        "StateMachines",
        "TestCases",
        "MockedResponses",
        "A/ItemReader",
        "/ResultWriter",
        "é😀",
    ],
    check,
};

fn check(text: &str) -> Result<(), String> {
    match MockFile::parse(text) {
        Ok(file) => {
            for machine in file.machines() {
                let names_itself = file.machine(&machine.name).is_some_and(|found| found.name == machine.name);
                promise(names_itself, || "a machine is not found by its name".to_owned())?;
                for case in &machine.cases {
                    let mocks = Mocks::of_case(case);
                    promise(mocks.is_empty() == (case.states().len() == 0), || {
                        "mocks without states, or none".to_owned()
                    })?;
                }
            }
        }
        Err(error) => has_a_place(&error, text)?,
    }
    match Responses::parse(text) {
        Ok(_) => Ok(()),
        Err(error) => has_a_place(&error, text),
    }
}

fn has_a_place(error: &MockError, text: &str) -> Result<(), String> {
    let is_inside = text.get(error.offset..).is_some() && error.line > 0 && error.column > 0;
    promise(is_inside && !error.message.is_empty(), || format!("the place of an error is outside the text: {error:?}"))
}
