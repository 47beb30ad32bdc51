//! `cargo xtask <step>`: the steps of development that are programs of their own.
//!
//! Called by developers and by CI, never by the provider. A step prints what it did to stderr and fails with a
//! sentence that says what to do next.

mod codegen;
mod docs;
mod docs_functions;
mod docs_guides;
mod troubleshooting;

use std::process::ExitCode;

/// Why a step failed, already worded for the person who ran it.
type StepError = Box<dyn std::error::Error>;

const USAGE: &str = "\
Usage: cargo xtask <step>

Steps:
  codegen            write proto/src/generated/ from proto/proto/
  codegen --check    fail if the checked-in generated code is not what codegen would write
  docs               write docs/ from the schema, examples/ and templates/
  docs --check       fail if the pages are not what docs would write
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["codegen"] => codegen::write(),
        ["codegen", "--check"] => codegen::check(),
        ["docs"] => docs::write(),
        ["docs", "--check"] => docs::check(),
        _ => Err(USAGE.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
