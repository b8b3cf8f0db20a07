//! The examples of the documents: every `$ stepwell …` in a `console` block is run, and its output compared.
//!
//! What follows a command up to the next one is what it prints, as a terminal shows it. `…` stands for any text in a line,
//! a line of `…` for any lines. `$ echo $?` behind a command shows its exit code; without it the command has to succeed.
//! Other commands than `stepwell` are for readers and are not run here; those that call `aws` in `sh` blocks are run by
//! `cargo xtask clients`, which has AWS's CLI.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::Done;
use crate::command::{PROFILE, built, cargo, root};
use crate::tally::Tally;

/// Builds the binary and runs the examples of all documents.
pub(crate) fn build_and_check() -> Done {
    let status = cargo(["build", "--quiet", "--package", "stepwell-cli", "--profile", PROFILE]).status();
    match status {
        Ok(status) if status.success() => check(),
        _ => Err("stepwell does not build".to_owned()),
    }
}

/// Runs the examples of all documents with the binary that is there.
pub(crate) fn check() -> Done {
    println!("== documents");
    let mut tally = Tally::default();
    for (name, text) in documents()? {
        let examples = examples(&text);
        for example in &examples {
            let problem = run(example)?;
            if let Some(problem) = &problem {
                println!("{name}:{}: $ {}\n{problem}", example.line, example.command);
            }
            tally += Tally::one(problem.is_none());
        }
    }
    Ok(tally)
}

/// The binary of [`PROFILE`], run at the root of the repository.
pub(crate) fn stepwell() -> Command {
    let mut command = Command::new(built("stepwell"));
    command.current_dir(root()).stdin(Stdio::null());
    command
}

/// Name and text of each document for users.
fn documents() -> Result<Vec<(String, String)>, String> {
    let mut documents = vec![root().join("README.md")];
    let folder = root().join("docs");
    let entries = std::fs::read_dir(&folder).map_err(|err| format!("{}: {err}", folder.display()))?;
    documents.extend(entries.filter_map(|entry| Some(entry.ok()?.path())));
    documents.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    documents.sort();
    let read = |path: PathBuf| {
        let name = path.strip_prefix(root()).unwrap_or(&path).display().to_string();
        let text = std::fs::read_to_string(&path).map_err(|err| format!("{name}: {err}"))?;
        Ok((name, text))
    };
    documents.into_iter().map(read).collect()
}

/// The `sh` blocks of all documents that call AWS's CLI, each with the name of its document.
pub(crate) fn scripts_with_aws() -> Result<Vec<(String, String)>, String> {
    let of = |(name, text): (String, String)| {
        scripts(&text).into_iter().map(|script| (name.clone(), script)).collect::<Vec<_>>()
    };
    Ok(documents()?.into_iter().flat_map(of).collect())
}

/// The `sh` blocks of a document that call AWS's CLI.
fn scripts(text: &str) -> Vec<String> {
    let blocks = text.split("\n```").skip(1).step_by(2);
    let scripts = blocks.filter_map(|block| block.strip_prefix("sh\n"));
    scripts.filter(|script| script.lines().any(|line| line.starts_with("aws "))).map(str::to_owned).collect()
}

/// A command of a document.
#[derive(Debug, PartialEq, Eq)]
struct Example {
    /// Where it stands, from 1.
    line: usize,
    command: String,
    /// None: it is not shown.
    output: Option<String>,
    exit_code: i32,
}

fn examples(text: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut is_console = false;
    // What the next lines of a block belong to.
    let mut part = Part::Nothing;
    for (number, line) in text.lines().enumerate() {
        if let Some(language) = line.strip_prefix("```") {
            is_console = language.trim() == "console";
            part = Part::Nothing;
        } else if !is_console {
        } else if let Some(command) = line.strip_prefix("$ ") {
            part = match command {
                "echo $?" => Part::ExitCode,
                command if command.starts_with("stepwell ") => {
                    let command = command.to_owned();
                    examples.push(Example { line: number + 1, command, output: None, exit_code: 0 });
                    Part::Output
                }
                _ => Part::Nothing,
            };
        } else if let Some(example) = examples.last_mut() {
            match part {
                // A command goes on behind a backslash.
                Part::Output if example.output.is_none() && example.command.ends_with('\\') => {
                    example.command.push('\n');
                    example.command.push_str(line);
                }
                Part::Output => {
                    let output = example.output.get_or_insert_default();
                    output.push_str(line);
                    output.push('\n');
                }
                Part::ExitCode => example.exit_code = line.trim().parse().unwrap_or(0),
                Part::Nothing => {}
            }
        }
    }
    examples
}

#[derive(Clone, Copy)]
enum Part {
    Nothing,
    Output,
    ExitCode,
}

/// What is not as the document says.
fn run(example: &Example) -> Result<Option<String>, String> {
    let folder = built("");
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("sh")
        .args(["-c", &format!("exec 2>&1\n{}", example.command)])
        .current_dir(root())
        .env("PATH", format!("{}:{path}", folder.display()))
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .map_err(|err| format!("sh: {err}"))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let code = output.status.code().unwrap_or(-1);
    if code != example.exit_code {
        return Ok(Some(format!("ended with {code} instead of {}:\n{printed}", example.exit_code)));
    }
    match &example.output {
        Some(expected) if !fits(expected, &printed) => Ok(Some(format!("printed:\n{printed}instead of:\n{expected}"))),
        _ => Ok(None),
    }
}

/// Whether a text is what a document shows; blanks at the ends of lines and blank lines at the end do not count.
fn fits(expected: &str, printed: &str) -> bool {
    let expected: Vec<&str> = expected.trim_end().lines().map(str::trim_end).collect();
    let printed: Vec<&str> = printed.trim_end().lines().map(str::trim_end).collect();
    lines_fit(&expected, &printed)
}

fn lines_fit(expected: &[&str], printed: &[&str]) -> bool {
    match expected.split_first() {
        None => printed.is_empty(),
        Some((first, rest)) if first.trim() == "…" => {
            (0..=printed.len()).any(|skip| lines_fit(rest, &printed[skip..]))
        }
        Some((first, rest)) => {
            printed.split_first().is_some_and(|(line, others)| line_fits(first, line) && lines_fit(rest, others))
        }
    }
}

fn line_fits(expected: &str, line: &str) -> bool {
    let Some((start, rest)) = expected.split_once('…') else { return expected == line };
    let Some(mut line) = line.strip_prefix(start) else { return false };
    let mut parts: Vec<&str> = rest.split('…').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match line.find(part) {
            Some(at) => line = &line[at + part.len()..],
            None => return false,
        }
    }
    line.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_outputs_and_exit_codes_are_read_from_console_blocks_alone() {
        let text = "```console\n$ cargo build\n$ stepwell run a \\\n    --json\none\ntwo\n$ stepwell validate b\n$ echo $?\n3\n```\n\
                    ```text\n$ stepwell no\n```\n";
        let first = Example {
            line: 3,
            command: "stepwell run a \\\n    --json".into(),
            output: Some("one\ntwo\n".into()),
            exit_code: 0,
        };
        let second = Example { line: 7, command: "stepwell validate b".into(), output: None, exit_code: 3 };
        assert_eq!(examples(text), [first, second]);
    }

    #[test]
    fn scripts_are_the_shell_blocks_that_call_aws() {
        let text =
            "one\n```sh\nexport A=b\naws x\n```\ntwo\n```\naws y\n```\n```sh\nls\n```\n```sh\naws z \\\n  q\n```\n";
        assert_eq!(scripts(text), ["export A=b\naws x", "aws z \\\n  q"]);
    }

    #[test]
    fn an_ellipsis_stands_for_any_text_or_any_lines() {
        assert!(fits("a …ms b\n…\nend\n", "a 12 ms b\nx\ny\nend\n"));
        assert!(fits("a…b…c", "a1b2c"));
        assert!(!fits("a…b…c", "a1c"));
        assert!(!fits("a", "a\nb"));
    }
}
