//! Completions for shells, from the declarations of the options.

use clap::{Arg, Command, ValueHint};
use clap_complete::{Shell, generate};

/// Behind `--` stands another command, with completions of its own. This begins clap's function for
/// bash: the completions are those of bash-completion, or else commands, and files as arguments.
const BASH_COMMAND: &str = r#"
    local -i word
    for ((word = 1; word < COMP_CWORD; word++)); do
        [[ ${COMP_WORDS[word]} == -- ]] || continue
        if declare -F _comp_command_offset >/dev/null; then
            _comp_command_offset $((word + 1))
        elif declare -F _command_offset >/dev/null; then
            _command_offset $((word + 1))
        elif ((word + 1 == COMP_CWORD)); then
            COMPREPLY=($(compgen -c -- "${COMP_WORDS[COMP_CWORD]}"))
        fi
        return 0
    done
"#;

/// The same for zsh, whose `_arguments` would offer commands without `--` as well, and none first
/// behind it.
const ZSH_COMMAND: &str = r"
    local -i separator=${words[(i)--]}
    if (( separator < CURRENT )); then
        shift $separator words
        (( CURRENT -= separator ))
        _normal
        return
    fi
";

/// The same for fish. The text is handed on as it was typed, with its quotes.
const FISH_COMMAND: &str = r#"
function __fish_NAME_command
    set -l command (string replace -r '^.*?\s--\s+' '' -- (commandline -cp))
    complete -C "$command"
end
complete -c NAME -n 'contains -- -- (commandline -opc)' -f -a '(__fish_NAME_command)'
"#;

/// The completions of `command` for `shell`.
pub(super) fn script(shell: Shell, command: Command) -> String {
    let mut runs_another = false;
    let mut command = command.mut_args(|argument| {
        runs_another |= argument.get_value_hint() == ValueHint::CommandWithArguments;
        without_files(argument)
    });
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    generate(shell, &mut command, &name, &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    if !runs_another {
        return script;
    }
    let begun_with =
        |begin: &str, code: &str| script.replacen(begin, &format!("{begin}{}", &code[1..]), 1);
    match shell {
        Shell::Bash => begun_with("    COMPREPLY=()\n", BASH_COMMAND),
        Shell::Zsh => begun_with(&format!("_{name}() {{\n"), ZSH_COMMAND),
        Shell::Fish => script + &FISH_COMMAND[1..].replace("NAME", &name),
        _ => script,
    }
}

/// A shell offers files for a value unless it is told that the value is none. Words of a message
/// may be files.
fn without_files(argument: Arg) -> Arg {
    let is_no_file = match argument.get_value_hint() {
        ValueHint::Unknown => {
            argument.get_possible_values().is_empty() && !argument.is_positional()
        }
        hint => hint == ValueHint::CommandWithArguments,
    };
    if is_no_file && argument.get_action().takes_values() {
        argument.value_hint(ValueHint::Other)
    } else {
        argument
    }
}
