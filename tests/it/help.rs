//! What `--help` and the manual pages tell, compared with what the code does.

use crate::env::{self, Scratch, command, spawn};
use std::fs;
use std::path::Path;
use std::process::Command;

const COMMANDS: [&str; 2] = ["new_task", "worker"];

fn output(name: &str, arguments: &[&str]) -> String {
    let mut command = command(name);
    command.args(arguments);
    spawn(command).ended().expect(0).stdout
}

/// The section of `--help` with this heading.
fn section(name: &str, heading: &str) -> String {
    let help = output(name, &["--help"]);
    let (_, section) = help.split_once(&format!("\n{heading}:\n")).unwrap();
    let lines = section.lines();
    let lines: Vec<&str> = lines
        .take_while(|line| line.is_empty() || line.starts_with(' '))
        .collect();
    lines.join("\n")
}

/// The first words of the lines of a section.
fn terms(section: &str) -> Vec<&str> {
    let lines = section.lines();
    lines
        .filter_map(|line| line.split_whitespace().next())
        .collect()
}

#[test]
fn every_exit_code_is_named() {
    let code = fs::read_to_string(env::root().join("src/base/exit_code.rs")).unwrap();
    let codes: Vec<&str> = code
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Self::")?.split_once(" => "))
        .map(|(_, number)| number.trim_end_matches(','))
        .filter(|number| number.parse::<u8>().is_ok())
        .collect();
    assert_eq!(codes.len(), 9, "the codes of {code}");
    for name in COMMANDS {
        let section = section(name, "Exit status");
        for code in &codes {
            assert!(terms(&section).contains(code), "{name}: {code}\n{section}");
        }
    }
}

/// The names of the variables that a file of ours sets or reads, by itself or by a library.
fn variables(file: &Path) -> Vec<String> {
    const CALLS: [&str; 5] = [
        "env::var(",
        "env::var_os(",
        ".env(",
        ".env_remove(",
        " env = ",
    ];
    const BY_LISTS: [(&str, &[&str]); 4] = [
        ("TRACE_CONTEXT", &["TRACEPARENT", "TRACESTATE", "BAGGAGE"]),
        ("load_native_certs()", &["SSL_CERT_FILE", "SSL_CERT_DIR"]),
        ("temp_dir()", &["TMPDIR"]),
        ("SpooledTempFile", &["TMPDIR"]),
    ];
    // What no literal names.
    const NAMES: [(&str, &str); 4] = [
        // Of TRACE_CONTEXT, which is looked for below.
        ("variable);", "TRACEPARENT"),
        ("name).ok()", "TRACEPARENT"),
        ("CONCEALED", "WORK_QUEUE_CONCEALED"),
        ("variable(name)", "TASK_HEADER_NAME"),
    ];
    let code = fs::read_to_string(file).unwrap();
    let mut found = Vec::new();
    for call in CALLS {
        for after in code.split(call).skip(1) {
            let name = after.trim_start();
            let literal = name
                .strip_prefix('"')
                .and_then(|name| name.split('"').next());
            let constant = NAMES.iter().find(|(text, _)| name.starts_with(text));
            let name = literal.or(constant.map(|(_, name)| *name));
            let unknown = || panic!("{}: no name behind {call}: {after:.60}", file.display());
            found.push(name.unwrap_or_else(unknown).to_owned());
        }
    }
    for (call, names) in BY_LISTS {
        if code.contains(call) {
            found.extend(names.iter().map(|&name| name.to_owned()));
        }
    }
    found
}

/// The files of code below `directory` that end in the commands.
fn files(directory: &Path, into: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let is_test = ["fuzz.rs", "tests.rs", "tests"].contains(&name);
        if path.is_dir() && !is_test {
            files(&path, into);
        } else if path.extension().is_some_and(|kind| kind == "rs") && !is_test {
            into.push(path);
        }
    }
}

#[test]
fn every_environment_variable_is_named() {
    let source = env::root().join("src");
    let mut found = Vec::new();
    files(&source, &mut found);
    let sections = COMMANDS.map(|name| (name, section(name, "Environment")));
    let mut count = 0;
    for file in found {
        let module = file.strip_prefix(&source).unwrap();
        for variable in variables(&file) {
            count += 1;
            for (name, section) in &sections {
                let others = COMMANDS.iter().filter(|other| *other != name);
                if others.into_iter().any(|other| module.starts_with(other)) {
                    continue;
                }
                let is_named = terms(section).contains(&variable.as_str());
                assert!(is_named, "{name}: {variable}\n{section}");
            }
        }
    }
    assert!(count > 15, "only {count} variables were found in the code");
}

#[test]
fn examples_are_command_lines() {
    // The real parser sees each of them, and nothing is sent.
    const FUNCTIONS: &str =
        "check() { local name=$1; shift; \"$name\" --generate man \"$@\" >/dev/null; }
         new_task() { check \"$NEW_TASK\" \"$@\"; }; worker() { check \"$WORKER\" \"$@\"; }";
    for name in COMMANDS {
        let examples = section(name, "Examples");
        let lines = examples
            .lines()
            .filter_map(|line| line.strip_prefix("    "));
        let lines: Vec<&str> = lines.collect();
        assert!(lines.len() >= 5, "{examples}");
        for line in lines {
            let mut bash = Command::new("bash");
            // Without pipefail: what writes to a pipe that nobody reads is killed.
            bash.args(["-euc", &format!("{FUNCTIONS}\n{line}")]);
            bash.current_dir(env::root().join("docs"));
            bash.env("NEW_TASK", env!("CARGO_BIN_EXE_new_task"));
            bash.env("WORKER", env!("CARGO_BIN_EXE_worker"));
            let ended = spawn(bash).ended().expect(0);
            assert!(line.contains(name), "{line}: {ended}");
        }
    }
}

#[test]
fn sections_fit_a_terminal_of_80_columns() {
    for name in COMMANDS {
        let help = output(name, &["--help"]);
        let (_, sections) = help.split_once("\nExit status:\n").unwrap();
        let widest = sections.lines().max_by_key(|line| line.len()).unwrap();
        assert!((70..=80).contains(&widest.len()), "{name}: {widest}");
    }
}

#[test]
fn the_manual_pages_are_read() {
    for name in COMMANDS {
        let page = output(name, &["--generate", "man"]);
        let file = Scratch::file("page", &page);
        let mut man = Command::new("sh");
        man.args([
            "-ec",
            "man --warnings -l \"$1\" | col -bx",
            "sh",
            file.as_str(),
        ]);
        man.env("MANWIDTH", "80").env("LC_ALL", "C.UTF-8");
        let ended = spawn(man).ended().expect(0);
        assert_eq!(ended.stderr, "", "{ended}");
        let headings = ended
            .stdout
            .lines()
            .filter(|line| line.starts_with(char::is_uppercase));
        let headings: Vec<&str> = headings
            .filter(|line| !line.contains("User Commands"))
            .collect();
        let expected = [
            "NAME",
            "SYNOPSIS",
            "DESCRIPTION",
            "OPTIONS",
            "EXIT STATUS",
            "ENVIRONMENT",
            "SIGNALS",
            "FILES",
            "EXAMPLES",
            "SEE ALSO",
        ];
        assert_eq!(headings, expected, "{ended}");
        assert!(ended.stdout.contains("--password-file FILE"), "{ended}");
        // A copied option or example is what the shell takes.
        let is_plain = |c: char| c.is_ascii() || c == '\u{2019}';
        let odd: String = ended.stdout.chars().filter(|c| !is_plain(*c)).collect();
        assert_eq!(odd, "", "{ended}");
    }
}

#[test]
fn the_synopsis_of_the_worker_has_a_command() {
    const FORM: &str = "worker [OPTIONS] [-- COMMAND [ARG]...]";
    for arguments in [["-h"], ["--help"]] {
        let help = output("worker", &arguments);
        assert!(help.contains(&format!("Usage: {FORM}\n")), "{help}");
    }
    let page = output("worker", &["--generate", "man"]);
    let synopsis = r"[\fB\-\-\fR \fICOMMAND\fR [\fIARG\fR]...]";
    assert!(page.contains(synopsis), "{page}");
}

#[test]
fn the_readme_says_the_same_of_exit_codes() {
    let readme = fs::read_to_string(env::root().join("README.md")).unwrap();
    let (_, table) = readme.split_once("| code | meaning |\n").unwrap();
    let table = table.split("\n\n").next().unwrap();
    let rows: Vec<String> = table
        .lines()
        .filter_map(|row| {
            row.strip_prefix("| ")?
                .strip_suffix(" |")?
                .split_once(" | ")
        })
        // What each command says in its own words.
        .filter(|(code, _)| !["---", "0", "1", "75"].contains(code))
        .map(|(code, meaning)| format!("{code} {}", meaning.replace('`', "")).to_lowercase())
        .collect();
    assert_eq!(rows.len(), 7, "{table}");
    for name in COMMANDS {
        let section = section(name, "Exit status").to_lowercase();
        let section: Vec<&str> = section.split_whitespace().collect();
        let section = section.join(" ");
        for row in &rows {
            assert!(section.contains(row), "{name}: {row}\n{section}");
        }
    }
}

#[test]
fn pages_and_completions_get_to_their_places() {
    let directory = std::env::temp_dir().join(env::unique("share"));
    for name in COMMANDS {
        output(name, &["--generate-to", directory.to_str().unwrap()]);
        for (what, place) in [
            (
                "complete-bash",
                format!("bash-completion/completions/{name}"),
            ),
            ("complete-zsh", format!("zsh/site-functions/_{name}")),
            (
                "complete-fish",
                format!("fish/vendor_completions.d/{name}.fish"),
            ),
            ("man", format!("man/man1/{name}.1")),
        ] {
            let written = fs::read_to_string(directory.join("share").join(place)).unwrap();
            assert_eq!(written, output(name, &["--generate", what]));
        }
    }
    fs::remove_dir_all(&directory).unwrap();
    let mut command = command("worker");
    command.args(["--generate-to", "/dev/null"]);
    spawn(command)
        .ended()
        .expect(74)
        .says("cannot write /dev/null/share");
}
