//! The file of the log.

use super::super::task_result::TaskResult;
use super::line::{self, HEADER};
use super::logged::{Again, LoggedTasks};
use crate::base::fault::{Fault, Kind};
use crate::task::TaskBody;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// Takes a line for each task that has ended.
#[derive(Debug)]
pub struct JobLog {
    path: PathBuf,
    file: File,
    /// Where the last whole line ends, if something stands behind it.
    cut_at: Option<u64>,
    /// The names of the columns are not in it yet.
    is_empty: bool,
}

/// What is in a log.
struct Content {
    logged: LoggedTasks,
    /// How long its whole lines are, in bytes.
    whole: u64,
    is_cut: bool,
}

impl JobLog {
    /// Begins a log: what the file held before is lost, as with GNU parallel.
    ///
    /// # Errors
    /// [`Kind::InputOutput`].
    pub fn create(path: &Path) -> Result<Self, Fault> {
        let file = opened(path)?;
        let metadata = file.metadata();
        let emptied = metadata.and_then(|metadata| {
            if metadata.is_file() {
                file.set_len(0)?;
            }
            Ok(())
        });
        emptied.map_err(|error| unwritten(path, &error))?;
        let mut log = Self {
            path: path.to_owned(),
            file,
            cut_at: None,
            is_empty: true,
        };
        log.append("")?;
        Ok(log)
    }

    /// Goes on with a log, which is made if it is not there. What it says, and whether its last line
    /// was cut off, which then does not count. Nothing is written yet.
    ///
    /// # Errors
    /// [`Kind::InputOutput`], or [`Kind::SetUp`] where it is no such log.
    pub fn resume(path: &Path, again: Again) -> Result<(Self, LoggedTasks, bool), Fault> {
        let file = opened(path)?;
        let unreadable = |error: io::Error| {
            let text = format!("cannot read the log {}: {error}", path.display());
            Fault::new(Kind::InputOutput, text)
        };
        if !file.metadata().map_err(unreadable)?.is_file() {
            return Err(unusable(path, "it is not a regular file"));
        }
        let input = BufReader::new(File::open(path).map_err(unreadable)?);
        let content = read(input, again).map_err(unreadable)?;
        let content = content.map_err(|why| unusable(path, &why))?;
        let log = Self {
            path: path.to_owned(),
            file,
            cut_at: content.is_cut.then_some(content.whole),
            is_empty: content.whole == 0,
        };
        Ok((log, content.logged, content.is_cut))
    }

    /// Goes on with what is not empty.
    #[cfg(test)]
    pub fn to(file: File) -> Self {
        Self {
            path: PathBuf::from("log"),
            file,
            cut_at: None,
            is_empty: false,
        }
    }

    /// Adds the line of the task `number`, which has ended.
    ///
    /// # Errors
    /// [`Kind::InputOutput`]: the line is not whole in the file.
    pub fn add(&mut self, number: u64, body: &TaskBody, result: &TaskResult) -> Result<(), Fault> {
        self.append(&line::written(number, body, result))
    }

    /// In one call, so that no reader finds half a line.
    fn append(&mut self, line: &str) -> Result<(), Fault> {
        let path = &self.path;
        let failed = |error: io::Error| unwritten(path, &error);
        if let Some(end) = self.cut_at.take() {
            self.file.set_len(end).map_err(failed)?;
        }
        if std::mem::take(&mut self.is_empty) {
            self.file.write_all(HEADER.as_bytes()).map_err(failed)?;
        }
        self.file.write_all(line.as_bytes()).map_err(failed)
    }
}

fn opened(path: &Path) -> Result<File, Fault> {
    let options = OpenOptions::new().append(true).create(true).open(path);
    options.map_err(|error| unwritten(path, &error))
}

/// What is in a log, or why it is none.
fn read(mut input: impl BufRead, again: Again) -> io::Result<Result<Content, String>> {
    let mut content = Content {
        logged: LoggedTasks::new(again),
        whole: 0,
        is_cut: false,
    };
    let mut line = Vec::new();
    // No more than that: what is no log may have lines of any length.
    let most = HEADER.len() as u64;
    input.by_ref().take(most).read_until(b'\n', &mut line)?;
    if line != HEADER.as_bytes() {
        content.is_cut = !line.is_empty();
        if HEADER.as_bytes().starts_with(&line) {
            return Ok(Ok(content));
        }
        return Ok(Err("its first line does not name the columns".to_owned()));
    }
    for number in 2_u64.. {
        content.whole += line.len() as u64;
        line.clear();
        input.read_until(b'\n', &mut line)?;
        let Some((b'\n', text)) = line.split_last() else {
            content.is_cut = !line.is_empty();
            break;
        };
        let Some(read) = line::read(text) else {
            return Ok(Err(format!("line {number} has other columns")));
        };
        if !content.logged.add(&read) {
            let seq = read.number;
            let why = format!("line {number} has another task as Seq {seq} than a line before");
            return Ok(Err(why));
        }
    }
    Ok(Ok(content))
}

fn unusable(path: &Path, why: &str) -> Fault {
    let text = format!("cannot add to {}: {why} (--joblog)", path.display());
    Fault::new(Kind::SetUp, text)
}

fn unwritten(path: &Path, error: &io::Error) -> Fault {
    let text = format!("cannot write to the log {}: {error}", path.display());
    Fault::new(Kind::InputOutput, text)
}

#[cfg(test)]
mod tests;
