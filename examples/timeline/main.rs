//! Draws what workers did, from the JSON events they wrote (`worker
//! --log-format json`): a row for every worker, blocks for busy, dots for
//! idle, seconds below and the total at the end.
//!
//! Data runs one way: [`events`] reads the lines, [`lanes`] makes rows of them
//! without drawing anything, [`text`] and [`svg`] draw the [`chart`] to
//! [`scale`].

mod chart;
mod events;
mod lanes;
mod scale;
mod svg;
mod text;

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueHint};

use crate::chart::Chart;
use crate::events::Event;

/// Draw a timeline of workers from their JSON events
#[derive(Parser)]
#[command(name = "timeline")]
struct Args {
    /// Files of JSON lines that share one time axis (`-`: stdin); may be
    /// repeated, and all groups have the same scale
    #[arg(long = "group", value_name = "TITLE=FILE,...")]
    groups: Vec<Source>,

    /// Draw on the terminal; the default unless --svg is given
    #[arg(long)]
    text: bool,

    /// Write the drawing to this file as SVG
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    svg: Option<PathBuf>,

    /// Columns of the terminal
    #[arg(long, value_name = "N", default_value_t = 80)]
    width: usize,

    /// Files of JSON lines, drawn as one group without a title
    #[arg(value_name = "FILE", required_unless_present = "groups")]
    files: Vec<PathBuf>,
}

/// One group's title and the files its events come from.
#[derive(Clone)]
struct Source {
    title: String,
    files: Vec<PathBuf>,
}

impl FromStr for Source {
    type Err = &'static str;

    /// The last `=` parts title and files, so that a title may contain one.
    fn from_str(argument: &str) -> Result<Self, Self::Err> {
        let (title, files) = argument
            .rsplit_once('=')
            .ok_or("expected TITLE=FILE,FILE,...")?;
        let files: Vec<PathBuf> = files.split(',').map(PathBuf::from).collect();
        if files.iter().any(|file| file.as_os_str().is_empty()) {
            return Err("a file name is empty");
        }
        Ok(Self {
            title: title.to_owned(),
            files,
        })
    }
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // With stderr gone there is nobody left to tell.
            let _ = writeln!(io::stderr(), "timeline: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    let chart = chart(args)?;
    if args.text || args.svg.is_none() {
        io::stdout()
            .write_all(text::draw(&chart, args.width).as_bytes())
            .context("cannot write to stdout")?;
    }
    if let Some(file) = &args.svg {
        fs::write(file, svg::draw(&chart))
            .with_context(|| format!("cannot write `{}`", file.display()))?;
    }
    Ok(())
}

fn chart(args: &Args) -> Result<Chart> {
    let untitled = (!args.files.is_empty()).then(|| Source {
        title: String::new(),
        files: args.files.clone(),
    });
    let groups = args
        .groups
        .iter()
        .chain(&untitled)
        .map(|source| {
            let group = lanes::group(&source.title, read(&source.files)?);
            ensure!(
                group.has_tasks(),
                "no task was received in {}",
                names(&source.files)
            );
            Ok(group)
        })
        .collect::<Result<_>>()?;
    Ok(Chart { groups })
}

fn names(files: &[PathBuf]) -> String {
    let names: Vec<_> = files
        .iter()
        .map(|file| format!("`{}`", file.display()))
        .collect();
    names.join(", ")
}

fn read(files: &[PathBuf]) -> Result<Vec<Event>> {
    let mut events = Vec::new();
    for file in files {
        let read = if file == Path::new("-") {
            events::read(io::stdin().lock())
        } else {
            open(file).and_then(events::read)
        };
        events.extend(read.with_context(|| format!("`{}`", file.display()))?);
    }
    Ok(events)
}

fn open(file: &Path) -> Result<impl BufRead + use<>> {
    let file = File::open(file).context("cannot open")?;
    Ok(BufReader::new(file))
}
