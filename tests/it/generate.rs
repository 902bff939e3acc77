//! Completions and manual pages, in the real programs that read them.

use crate::env::{self, Ended, command, spawn};
use std::process::Command;

fn generate(name: &str, what: &str) -> std::path::PathBuf {
    let mut generate = command(name);
    let generated = spawn({
        generate.args(["--generate", what]);
        generate
    });
    let path = std::env::temp_dir().join(env::unique("generated"));
    std::fs::write(&path, generated.ended().expect(0).stdout).unwrap();
    path
}

/// Runs a script with the generated file as its first argument.
fn run(shell: &[&str], script: &str, file: &std::path::Path) -> Ended {
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).arg(script).arg("shell").arg(file);
    let ended = spawn(command).ended().expect(0);
    std::fs::remove_file(file).unwrap();
    ended
}

#[test]
fn bash_completes_options() {
    for (name, begun, whole) in [
        ("worker", "--exit-w", "--exit-when-empty"),
        ("new_task", "--confirm", "--confirm-timeout"),
    ] {
        let script = format!(
            "source \"$1\"; complete -p {name} >/dev/null
             COMP_WORDS=({name} {begun}); COMP_CWORD=1
             _{name} {name} {begun} {name}; echo \"${{COMPREPLY[@]}}\""
        );
        let file = generate(name, "complete-bash");
        let ended = run(&["bash", "--norc", "-ec"], &script, &file);
        assert_eq!(ended.stdout.trim(), whole, "{ended}");
    }
}

#[test]
fn zsh_takes_the_completions() {
    for name in ["worker", "new_task"] {
        let script = format!("autoload -Uz compinit; compinit -D; source $1; echo $_comps[{name}]");
        let file = generate(name, "complete-zsh");
        let ended = run(&["zsh", "-fec"], &script, &file);
        assert_eq!(ended.stdout.trim(), format!("_{name}"), "{ended}");
    }
}

#[test]
fn fish_completes_options() {
    let file = generate("worker", "complete-fish");
    let mut fish = Command::new("fish");
    let script = format!("source {}; complete -C 'worker --exit-w'", file.display());
    fish.args(["--no-config", "-c", &script]);
    let ended = spawn(fish).ended().expect(0);
    std::fs::remove_file(&file).unwrap();
    assert!(ended.stdout.starts_with("--exit-when-empty"), "{ended}");
}
