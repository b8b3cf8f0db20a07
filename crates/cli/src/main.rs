//! `stepwell`: Step Functions workflows, anywhere.

// The binary is where files, clocks and the environment are.
#![allow(clippy::disallowed_methods)]

mod args;
mod data;
mod definition;
mod eval;
mod failure;
mod files;
mod help;
mod history;
mod outside;
mod run;
mod serve;
mod show;
mod terminal;
mod text;
mod tree;
mod validate;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use stepwell_value::Value;

use args::{Cli, Command, Completions};
use failure::{Exit, Failure};

/// With the system's allocator a flood of executions ends a quarter fewer in a second. Without huge pages, which would
/// make the start slower and the idle server twice as large.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        terminal::eprint(&format!("error[INTERNAL]: a bug in Stepwell: {panic}\n"));
        std::process::exit(Exit::Internal as i32);
    }));
    let cli = match Cli::try_parse_from(serve::with_long_options(std::env::args_os())) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let done = match &cli.command {
        Command::Run(run) => run::run(run, &cli.global),
        Command::Validate(validate) => validate::validate(validate, &cli.global),
        Command::Eval(eval) => eval::eval(eval, &cli.global),
        Command::Serve(serve) => serve::serve(serve, &cli.global),
        Command::Completions(completions) => complete(completions),
        Command::Help(help) => help::help(help),
    };
    let exit = match done {
        Ok(exit) => exit,
        Err(failure) => {
            tell(&failure, cli.global.json);
            failure.exit
        }
    };
    ExitCode::from(exit as u8)
}

fn tell(failure: &Failure, json: bool) {
    if json {
        terminal::print(&format!("{}\n", failure.to_json()));
    } else {
        terminal::eprint(&failure.to_page());
    }
}

/// What the parser of the command line says: help and version are no mistakes.
fn usage(error: &clap::Error) -> ExitCode {
    let is_mistake = error.use_stderr();
    if is_mistake && std::env::args().any(|argument| argument == "--json") {
        let text = error.to_string();
        let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        let document: Value = Failure::usage(message).to_json();
        terminal::print(&format!("{document}\n"));
    } else if is_mistake {
        terminal::eprint(&error.to_string());
    } else {
        terminal::print(&error.to_string());
    }
    ExitCode::from(if is_mistake { Exit::Usage as u8 } else { Exit::Success as u8 })
}

fn complete(completions: &Completions) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(completions.shell, &mut Cli::command(), "stepwell", &mut script);
    terminal::print(&String::from_utf8_lossy(&script));
    Ok(Exit::Success)
}
