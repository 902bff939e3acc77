//! The manual page, from the declarations of the options and the sections behind them.

use super::sections::{
    Item::{Entry, Example, Paragraph},
    Section,
};
use clap::{Arg, Command};
use roff::{Inline, Roff, bold, italic, roman};
use std::fmt::Write as _;

/// The manual page of `command`, in roff's macros `man`.
pub(super) fn page(mut command: Command, sections: &[Section]) -> String {
    command.build();
    let name = command.get_name();
    let version = command.get_version().unwrap_or_default();
    let mut page = Roff::new();
    // `""` keeps the place of the date.
    let title = [
        &name.to_uppercase(),
        "1",
        "\"\"",
        &format!("{name} {version}"),
    ];
    // Options, URLs and examples stay whole, to be copied. From groff 1.23 on each paragraph sets
    // hyphenation and adjustment anew, from these.
    page.control("nr", ["HY", "0"]).control("ds", ["AD", "l"]);
    page.control("TH", title.into_iter().chain(["User Commands"]));
    page.control("nh", []).control("ad", ["l"]);

    let about = command.get_about().map(ToString::to_string);
    let about = about.unwrap_or_default();
    page.control("SH", ["NAME"]);
    page.text([roman(format!("{name} - {about}"))]);
    page.control("SH", ["SYNOPSIS"]);
    let usage = command.get_overridden_usage().map(ToString::to_string);
    for (number, form) in usage.unwrap_or_default().lines().enumerate() {
        if number > 0 {
            page.control("br", []);
        }
        page.text(synopsis(name, form.trim()));
    }
    page.control("SH", ["DESCRIPTION"]);
    let description = command.get_long_about().map(ToString::to_string);
    let description = description.unwrap_or_default();
    let description = description.strip_prefix(&about).unwrap_or(&description);
    paragraphs(&mut page, "PP", description.trim());
    page.control("SH", ["OPTIONS"]);
    options(&mut page, &command);
    for section in sections {
        page.control("SH", [section.heading.to_uppercase().as_str()]);
        items(&mut page, section);
    }
    page.render()
}

/// One form of the usage: the command and its options bold, placeholders italic.
fn synopsis(name: &str, form: &str) -> Vec<Inline> {
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let is_placeholder = |word: &str| word.chars().all(|c| c.is_ascii_uppercase());
    let mut inlines = Vec::new();
    let mut rest = form;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| is_of_word(c) != is_of_word(first));
        let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
        inlines.push(match word {
            _ if word == name || word.starts_with('-') => bold(word),
            _ if is_placeholder(word) => italic(word),
            _ => roman(word),
        });
        rest = after;
    }
    inlines
}

/// The options below the headings of `--help`.
fn options(page: &mut Roff, command: &Command) {
    let shown = || command.get_arguments().filter(|arg| !arg.is_hide_set());
    let mut headings = vec![None];
    for argument in shown() {
        if !headings.contains(&argument.get_help_heading()) {
            headings.push(argument.get_help_heading());
        }
    }
    for heading in headings {
        if let Some(heading) = heading {
            page.control("SS", [heading]);
        }
        let below = |argument: &&Arg| argument.get_help_heading() == heading;
        let (positional, named): (Vec<_>, Vec<_>) =
            shown().filter(below).partition(|arg| arg.is_positional());
        for argument in positional.into_iter().chain(named) {
            option(page, argument);
        }
    }
}

fn option(page: &mut Roff, argument: &Arg) {
    page.control("TP", []);
    page.text(term(argument));
    let help = argument.get_long_help().or(argument.get_help());
    let help = help.map(ToString::to_string).unwrap_or_default();
    let (summary, details) = help.split_once("\n\n").unwrap_or((&help, ""));
    let mut summary = summary.to_owned();
    if let Some(variable) = argument.get_env() {
        let _ = write!(summary, " [env: {}]", variable.to_string_lossy());
    }
    if !argument.is_hide_default_value_set() && argument.get_action().takes_values() {
        let values = argument.get_default_values().iter();
        let values: Vec<_> = values.map(|value| value.to_string_lossy()).collect();
        if !values.is_empty() {
            let _ = write!(summary, " [default: {}]", values.join(","));
        }
    }
    paragraphs(page, "IP", &summary);
    if argument.get_action().takes_values() {
        possible_values(page, argument);
    }
    if !details.is_empty() {
        page.control("IP", []);
        paragraphs(page, "IP", details);
    }
}

fn possible_values(page: &mut Roff, argument: &Arg) {
    let values = argument.get_possible_values();
    let Some(widest) = values.iter().map(|value| value.get_name().len()).max() else {
        return;
    };
    page.control("RS", []).control("PD", ["0"]);
    for value in values {
        let meaning = value.get_help().map(ToString::to_string);
        page.control("TP", [(widest + 2).to_string().as_str()]);
        page.text([bold(value.get_name())]);
        page.text(markup(&meaning.unwrap_or_default()));
    }
    page.control("PD", []).control("RE", []);
}

/// `-f`, `--file` FILE; or the name of a positional argument.
fn term(argument: &Arg) -> Vec<Inline> {
    if argument.is_positional() {
        return vec![italic(argument.to_string())];
    }
    let short = argument.get_short().map(|short| format!("-{short}"));
    let long = argument.get_long().map(|long| format!("--{long}"));
    let mut inlines = Vec::new();
    for name in short.into_iter().chain(long) {
        if !inlines.is_empty() {
            inlines.push(roman(", "));
        }
        inlines.push(bold(name));
    }
    if argument.get_action().takes_values() {
        for name in argument.get_value_names().unwrap_or_default() {
            inlines.extend([roman(" "), italic(name.as_str())]);
        }
    }
    inlines
}

fn items(page: &mut Roff, section: &Section) {
    for item in &section.items {
        match item {
            Paragraph(text) => {
                page.control("PP", []).text(markup(text));
            }
            Entry(term, meaning) => {
                page.control("TP", []).text([bold(*term)]);
                page.text(markup(meaning));
            }
            Example(what, line) => {
                page.control("PP", []).text(markup(what));
                page.control("PP", [])
                    .control("RS", ["4"])
                    .control("nf", []);
                for line in line.lines() {
                    page.text([roman(line)]);
                }
                page.control("fi", []).control("RE", []);
            }
        }
    }
}

/// `text` with the macro `between` between its paragraphs.
fn paragraphs(page: &mut Roff, between: &str, text: &str) {
    for (number, paragraph) in text.split("\n\n").enumerate() {
        if number > 0 {
            page.control(between, []);
        }
        page.text(markup(&paragraph.replace('\n', " ")));
    }
}

/// Code in backticks and options become bold.
fn markup(text: &str) -> Vec<Inline> {
    let mut inlines = Vec::new();
    for (number, part) in text.split('`').enumerate() {
        if number % 2 == 1 {
            inlines.push(bold(part));
            continue;
        }
        for word in part.split_inclusive(' ') {
            let end = word.find(|c: char| !c.is_ascii_alphanumeric() && c != '-');
            let (option, rest) = word.split_at(end.unwrap_or(word.len()));
            if option.starts_with('-') {
                inlines.extend([bold(option), roman(rest)]);
            } else {
                inlines.push(roman(word));
            }
        }
    }
    inlines
}
