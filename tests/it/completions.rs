//! Completions, in the real shells.

use crate::env::{self, Ended, Scratch, command, spawn};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

fn generate(name: &str, what: &str) -> Scratch {
    let mut generate = command(name);
    generate.args(["--generate", what]);
    Scratch::file("generated", spawn(generate).ended().expect(0).stdout)
}

/// Runs a script with the completions of `name` as its first argument.
fn run(shell: &[&str], script: &str, name: &str) -> Ended {
    let file = generate(name, &format!("complete-{}", shell[0]));
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).arg(script);
    if shell[0] != "fish" {
        command.arg("shell");
    }
    command.arg(file.as_str()).current_dir(env::root());
    spawn(command).ended().expect(0)
}

/// What bash offers for the last of `words`, after `before` was run.
fn bash(before: &str, words: &[&str]) -> Vec<String> {
    let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let name = words[0].trim_matches('\'');
    // Only readline may call compopt.
    let script = format!(
        "source \"$1\"; complete -p {name} >/dev/null; compopt() {{ :; }}; {before}
         COMP_WORDS=({}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
         _{name} {name} \"${{COMP_WORDS[-1]}}\" \"${{COMP_WORDS[-2]}}\"
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words.join(" ")
    );
    let ended = run(&["bash", "--norc", "-ec"], &script, name);
    ended.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_options() {
    for (name, begun, whole) in [
        ("worker", "--exit-w", "--exit-when-empty"),
        ("new_task", "--confirm", "--confirm-timeout"),
    ] {
        assert_eq!(bash("", &[name, begun]), [whole]);
    }
}

#[test]
fn bash_completes_files_where_files_are_meant() {
    const BOTH: [&str; 4] = ["--password-file", "--cacert", "--cert", "--key"];
    const NEW_TASK: [&str; 4] = ["--file", "-f", "--body-file", "--unsent"];
    let of_new_task = NEW_TASK.iter().chain(&BOTH);
    let options = BOTH.iter().map(|option| ("worker", option));
    for (name, option) in options.chain(of_new_task.map(|option| ("new_task", option))) {
        assert_eq!(bash("", &[name, option, "READ"]), ["README.md"], "{option}");
    }
    for option in ["--retries", "--queue", "--timeout"] {
        assert_eq!(bash("", &["worker", option, "READ"]), ["READ"], "{option}");
    }
}

#[test]
fn bash_completes_the_command_behind_two_dashes() {
    let directory = std::env::temp_dir().join(env::unique("path"));
    std::fs::create_dir(&directory).unwrap();
    let program = directory.join("encode-films");
    std::fs::write(&program, "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("PATH=$PATH:{}", directory.display());
    let programs = bash(&path, &["worker", "-j", "2", "--", "encode-f"]);
    // Nothing from here: then bash itself offers files.
    let arguments = bash(&path, &["worker", "--", "encode-films", "--exit-w"]);
    std::fs::remove_dir_all(&directory).unwrap();
    assert_eq!(programs, ["encode-films"]);
    assert_eq!(arguments, [""]);
}

#[test]
fn bash_leaves_the_command_to_bash_completion() {
    for function in ["_command_offset", "_comp_command_offset"] {
        let before = format!("{function}() {{ COMPREPLY=(\"from word $1\"); }}");
        let words = ["worker", "-j", "2", "--", "git", "--exit-w"];
        assert_eq!(bash(&before, &words), ["from word 4"], "{function}");
    }
}

#[test]
fn zsh_takes_the_completions() {
    if !env::has_program("zsh") {
        return;
    }
    for name in ["worker", "new_task"] {
        let script = format!("autoload -Uz compinit; compinit -D; source $1; echo $_comps[{name}]");
        let ended = run(&["zsh", "-fec"], &script, name);
        assert_eq!(ended.stdout.trim(), format!("_{name}"), "{ended}");
    }
}

#[test]
fn zsh_completes_the_command_behind_two_dashes() {
    if !env::has_program("zsh") {
        return;
    }
    // Outside of its line editor zsh has no completion system, only what would call it.
    let script = "compdef() { : }; _arguments() { echo options }
         _normal() { echo word $CURRENT of $words }
         source $1
         for line in 'worker -- encode-f' 'worker -j 2 -- git che' 'worker --exit-w' 'worker --'; do
             words=(${=line}); CURRENT=$#words; _worker
         done";
    let ended = run(&["zsh", "-fc"], script, "worker");
    let offered: Vec<&str> = ended.stdout.lines().collect();
    let expected = [
        "word 1 of encode-f",
        "word 2 of git che",
        "options",
        "options",
    ];
    assert_eq!(offered, expected, "{ended}");
}

#[test]
fn fish_completes_options_files_and_commands() {
    if !env::has_program("fish") {
        return;
    }
    for (line, first) in [
        ("worker --exit-w", "--exit-when-empty"),
        ("worker --password-file READ", "README.md"),
        ("worker -j 2 -- sha256su", "sha256sum"),
        ("worker -- sha256sum READ", "README.md"),
    ] {
        let script = format!("source $argv[1]; complete -C '{line}'");
        let ended = run(&["fish", "--no-config", "-c"], &script, "worker");
        assert!(ended.stdout.starts_with(first), "{line}: {ended}");
        assert_eq!(ended.stdout.lines().count(), 1, "{line}: {ended}");
    }
}
