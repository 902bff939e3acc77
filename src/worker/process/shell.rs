//! Commands that would run a task's body as code. Anyone who may send a task could then run
//! anything.

use super::command::PLACEHOLDER;
use memchr::memmem;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;

const SHELLS: [&[u8]; 9] = [
    b"sh", b"bash", b"dash", b"zsh", b"ksh", b"mksh", b"ash", b"fish", b"busybox",
];

/// Programs that run the command that their arguments name.
const WRAPPERS: [&[u8]; 10] = [
    b"env", b"nice", b"ionice", b"nohup", b"setsid", b"stdbuf", b"sudo", b"doas", b"time",
    b"timeout",
];

/// Whether a shell's `-c` script in `words` would have the body put into it.
pub fn runs_body_as_code(words: &[OsString]) -> bool {
    let Some((name, arguments)) = words.split_first() else {
        return false;
    };
    if is_one_of(name, &SHELLS) {
        return has_body_in_script(arguments);
    }
    is_one_of(name, &WRAPPERS)
        && (has_body_in_split_string(arguments)
            || (0..arguments.len()).any(|at| runs_body_as_code(&arguments[at..])))
}

fn is_one_of(word: &OsString, names: &[&[u8]]) -> bool {
    let word = word.as_bytes();
    let name = word.rsplit(|byte| *byte == b'/').next().unwrap_or(word);
    names.contains(&name)
}

fn has_body(word: &[u8]) -> bool {
    memmem::find(word, PLACEHOLDER).is_some()
}

/// `env -S` splits its argument into words: a script may stand in it.
fn has_body_in_split_string(arguments: &[OsString]) -> bool {
    let mut words = arguments.iter().map(|word| word.as_bytes());
    words.any(|word| {
        (word.starts_with(b"-S") || word.starts_with(b"--split-string")) && has_body(word)
    }) || arguments.windows(2).any(|pair| {
        matches!(pair[0].as_bytes(), b"-S" | b"--split-string") && has_body(pair[1].as_bytes())
    })
}

/// The script is the first word behind `-c` that is no option.
fn has_body_in_script(arguments: &[OsString]) -> bool {
    let mut is_script_next = false;
    let mut words = arguments.iter().map(|word| word.as_bytes());
    while let Some(word) = words.next() {
        match word {
            [b'-', b'-', long @ ..] if long.starts_with(b"command") => {
                if has_body(long) {
                    return true;
                }
                is_script_next = true;
            }
            // Both take a file.
            b"--rcfile" | b"--init-file" => {
                words.next();
            }
            [b'-', b'-', ..] => {}
            [b'-' | b'+', letters @ ..] if !letters.is_empty() => {
                is_script_next |= word[0] == b'-' && letters.contains(&b'c');
                // `-o pipefail`: the name of an option follows. `-C CODE` of fish is code as well.
                if letters.iter().any(|letter| b"oOC".contains(letter)) {
                    let value = words.next().unwrap_or_default();
                    if letters.contains(&b'C') && has_body(value) {
                        return true;
                    }
                }
            }
            // busybox sh -c ...
            name if !is_script_next && SHELLS.contains(&name) => {}
            script => return is_script_next && has_body(script),
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(line: &str) -> bool {
        let words: Vec<OsString> = line.split('|').map(OsString::from).collect();
        runs_body_as_code(&words)
    }

    #[test]
    fn a_body_in_a_script_is_code() {
        for line in [
            "sh|-c|echo {}",
            "/bin/bash|-c|{}",
            "bash|-euo|pipefail|-c|convert '{}'",
            "bash|--norc|-lc|convert {}",
            "bash|--rcfile|x|-c|{}",
            "bash|-c|-e|{}",
            "zsh|-o|extendedglob|-c|{}",
            "fish|--command|{}",
            "fish|--command=echo {}",
            "fish|-C|echo {}|x",
            "busybox|sh|-c|{}",
            "env|sh|-c|{}",
            "/usr/bin/env|-i|A=b|bash|-c|x {}",
            "env|-S|sh -c {}",
            "env|-Ssh -c {}",
            "nice|-n|10|timeout|5|sh|-c|{}",
            "sudo|-u|www|sh|-c|{}",
        ] {
            assert!(is_refused(line), "{line}");
        }
    }

    #[test]
    fn a_body_beside_the_script_is_data() {
        for line in [
            "sh|-c|convert \"$1\"|sh|{}",
            "bash|script.sh|{}",
            "bash|script.sh|-c|{}",
            "sh|-c|cat",
            "bash|-s|{}",
            "convert.sh|{}",
            "echo|sh|-c|{}",
            "grep|-c|{}",
            "env|A=b|convert.sh|{}",
            "sh",
            "",
        ] {
            assert!(!is_refused(line), "{line}");
        }
    }
}
