//! What stands behind the options, at the end of `--help` and in the manual page: exit status,
//! environment, signals, files, examples. Here are the types and what both commands share.

use clap::builder::{StyledStr, Styles};
use std::fmt::Write as _;
use textwrap::{Options, WordSeparator, WordSplitter};

/// A command with sections of its own.
pub trait Documented {
    /// Its sections, in the order of a manual page.
    fn sections() -> Vec<Section>;
}

/// A heading and what stands below it.
#[derive(Debug)]
pub struct Section {
    /// As `--help` writes it.
    pub heading: &'static str,
    /// From top to bottom.
    pub items: Vec<Item>,
}

/// A part of a section. Backticks enclose code.
#[derive(Clone, Copy, Debug)]
pub enum Item {
    /// Plain text.
    Paragraph(&'static str),
    /// A term and what it means.
    Entry(&'static str, &'static str),
    /// What a command line does, and the line itself.
    Example(&'static str, &'static str),
}

use Item::{Entry, Paragraph};

impl Section {
    /// A section of `items`.
    #[must_use]
    pub fn new(heading: &'static str, items: &[Item]) -> Self {
        let items = items.to_vec();
        Self { heading, items }
    }

    /// `Exit status`: the codes of one command, and those of both, in ascending order. What is no
    /// number comes last.
    #[must_use]
    pub fn exit_status(own: &[Item]) -> Self {
        let mut section = Self::new("Exit status", &[own, &EXIT_STATUS].concat());
        section.items.sort_by_key(|item| match item {
            Entry(code, _) => code.parse().unwrap_or(u16::MAX),
            Paragraph(_) | Item::Example(..) => u16::MAX,
        });
        section
    }

    /// `Environment`: the variables of both commands, then those of one.
    #[must_use]
    pub fn environment(own: &[Item]) -> Self {
        Self::new("Environment", &[&ENVIRONMENT, own].concat())
    }

    /// `Files`: those of one command, then those of both.
    #[must_use]
    pub fn files(own: &[Item]) -> Self {
        Self::new("Files", &[own, &FILES].concat())
    }
}

const EXIT_STATUS: [Item; 7] = [
    Entry("2", "Wrong usage"),
    Entry(
        "69",
        "The broker cannot be reached, or was away for longer than --retry-for",
    ),
    Entry(
        "73",
        "The queue has different properties, cannot be declared, or does not exist",
    ),
    Entry("74", "A file, stdin or stdout cannot be read or written"),
    Entry(
        "77",
        "Access refused: credentials, client certificate, vhost or permission",
    ),
    Entry(
        "78",
        "Wrong configuration: URL, password or TLS file, untrusted broker, command not found",
    ),
    Entry(
        "130",
        "Interrupted before all tasks were confirmed, all results had come, or running tasks had ended",
    ),
];

const ENVIRONMENT: [Item; 7] = [
    Entry("AMQP_URL", "URL of the broker, unless --url is given"),
    Entry(
        "TASK_QUEUE",
        "Name of the work queue, unless --queue is given",
    ),
    Entry(
        "NO_COLOR",
        "If set and not empty, `--color auto` writes no colours",
    ),
    Entry(
        "SSL_CERT_FILE",
        "File of CA certificates to trust instead of the system's, unless --cacert is given",
    ),
    Entry("SSL_CERT_DIR", "Directory of such files"),
    Entry(
        "TMPDIR",
        "Directory for output that is too large to be held in memory [default: /tmp]",
    ),
    Entry(
        "WORK_QUEUE_CONCEALED",
        "Set by the command for itself alone, to hide a password in its arguments from other users",
    ),
];

const FILES: [Item; 5] = [
    Entry("--password-file FILE", "The broker's password; UTF-8"),
    Entry("--cacert PEM", "CA certificates to trust"),
    Entry("--cert PEM", "Client certificate and its chain"),
    Entry("--key PEM", "Private key of the client certificate"),
    Paragraph("Each connection reads the TLS files again. There is no configuration file."),
];

/// The sections as text below the options of `--help`.
#[must_use]
pub fn help(sections: &[Section]) -> StyledStr {
    /// As clap's own for both commands.
    const MAX_WIDTH: usize = 100;
    let width = textwrap::termwidth().min(MAX_WIDTH);
    let styles = Styles::styled();
    let style = styles.get_header();
    let mut text = String::new();
    for (number, section) in sections.iter().enumerate() {
        let gap = if number == 0 { "" } else { "\n" };
        let _ = writeln!(text, "{gap}{style}{}:{style:#}", section.heading);
        for (number, item) in section.items.iter().enumerate() {
            if number > 0 && !matches!(item, Entry(..)) {
                text.push('\n');
            }
            match item {
                Paragraph(paragraph) => {
                    let _ = writeln!(text, "{}", filled(paragraph, width, "  ", 2));
                }
                Entry(term, meaning) => {
                    let column = section.column(number);
                    let term = format!("  {term:column$}  ");
                    let _ = writeln!(text, "{}", filled(meaning, width, &term, column + 4));
                }
                Item::Example(what, line) => {
                    let _ = writeln!(text, "{}", filled(what, width, "  ", 2));
                    let _ = writeln!(text, "    {}", line.replace('\n', "\n    "));
                }
            }
        }
    }
    text.truncate(text.trim_end().len());
    text.into()
}

impl Section {
    /// How wide the terms are that stand together with item `number`.
    fn column(&self, number: usize) -> usize {
        let is_entry = |item: &&Item| matches!(item, Entry(..));
        let before = self.items[..number].iter().rev().take_while(is_entry);
        let after = self.items[number..].iter().take_while(is_entry);
        let widths = before.chain(after).map(|item| match item {
            Entry(term, _) => term.len(),
            Paragraph(_) | Item::Example(..) => 0,
        });
        widths.max().unwrap_or_default()
    }
}

/// `text` in lines of at most `width`, the first begun by `begin`, the others indented.
fn filled(text: &str, width: usize, begin: &str, indent: usize) -> String {
    let indent = " ".repeat(indent);
    let options = Options::new(width)
        .initial_indent(begin)
        .subsequent_indent(&indent)
        .word_separator(WordSeparator::AsciiSpace)
        // Options and URLs stay whole, to be copied.
        .word_splitter(WordSplitter::NoHyphenation)
        .break_words(false);
    textwrap::fill(text, options)
}
