//! Where the tasks come from: the command line, or a file that a thread reads ahead.

use super::pending::TaskInput;
use super::preview::{Kept, Preview};
use crate::base::fault::{Fault, Kind};
use crate::new_task::record::{Batch, Record, RecordEnd, Records, Separator};
use crossbeam_channel::{Sender, bounded};
use std::fs::File;
use std::io::{self, IsTerminal as _, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::thread;

/// The largest body that RabbitMQ can be configured to take (`max_message_size`), in bytes.
const BODY_MAX: u64 = 512 * 1024 * 1024;

/// How many batches are read ahead: a few tens of kilobytes each, or one large record.
const AHEAD: usize = 2;

/// One task alone.
pub fn one(body: Vec<u8>) -> TaskInput {
    let (sender, input) = bounded(1);
    let record = Record {
        number: 1,
        body,
        end: RecordEnd::Input,
    };
    // There is room for one.
    let _ = sender.send(Ok(Batch {
        records: vec![record],
        ..Batch::default()
    }));
    input
}

/// A file of tasks, opened.
pub struct TaskFile {
    path: PathBuf,
    /// `None`: stdin.
    file: Option<File>,
    separator: Separator,
}

impl TaskFile {
    /// Opens `path`, or stdin for `-`.
    ///
    /// # Errors
    /// [`Kind::InputOutput`].
    pub fn open(path: &Path, separator: Separator) -> Result<Self, Fault> {
        let file = if path == Path::new("-") {
            None
        } else {
            let opened = File::open(path).and_then(|file| {
                if file.metadata()?.is_dir() {
                    return Err(io::Error::from(io::ErrorKind::IsADirectory));
                }
                Ok(file)
            });
            Some(opened.map_err(|error| unreadable(path, &error))?)
        };
        Ok(Self {
            path: path.to_owned(),
            file,
            separator,
        })
    }

    /// Whether somebody types it.
    pub fn is_typed(&self) -> bool {
        self.file.is_none() && io::stdin().is_terminal()
    }

    /// Its size in bytes, where it is a regular file.
    pub fn size(&self) -> Option<u64> {
        let metadata = match &self.file {
            Some(file) => file.metadata().ok()?,
            None => File::from(rustix::io::dup(io::stdin()).ok()?)
                .metadata()
                .ok()?,
        };
        (metadata.is_file() && metadata.len() > 0).then_some(metadata.len())
    }

    /// Whether this is the file of that path.
    pub fn is(&self, path: &Path) -> bool {
        let Ok(other) = rustix::fs::stat(path) else {
            return false;
        };
        let this = match &self.file {
            Some(file) => rustix::fs::fstat(file),
            None => rustix::fs::fstat(io::stdin()),
        };
        this.is_ok_and(|this| (this.st_dev, this.st_ino) == (other.st_dev, other.st_ino))
    }

    /// Reads it on a thread, a little ahead of what is sent, and after `preview` where that is needed.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn read(self, preview: Preview) -> Result<TaskInput, Fault> {
        let (sender, input) = bounded(AHEAD);
        let started = thread::Builder::new()
            .name("input".to_owned())
            .spawn(move || {
                let reading = Reading {
                    path: self.path,
                    separator: self.separator,
                    preview,
                    sender,
                };
                let read = match self.file {
                    Some(file) => reading.file(file),
                    None => reading.pipe(io::stdin().lock()),
                };
                if let Err(fault) = read {
                    // Nobody wants it any more if this fails.
                    let _ = reading.sender.send(Err(fault));
                }
            });
        started.map_err(|error| {
            let text = format!("cannot start a thread to read with: {error}");
            Fault::new(Kind::Other, text)
        })?;
        Ok(input)
    }
}

/// A file that is being read.
struct Reading {
    path: PathBuf,
    separator: Separator,
    preview: Preview,
    sender: Sender<Result<Batch, Fault>>,
}

impl Reading {
    fn file(&self, mut file: File) -> Result<(), Fault> {
        let unreadable = |error| unreadable(&self.path, &error);
        if !file.metadata().map_err(unreadable)?.is_file() {
            return self.pipe(file);
        }
        // Where a descriptor is opened by its name, reading need not begin at 0.
        let start = file.stream_position().map_err(unreadable)?;
        self.look(&file)?;
        file.seek(SeekFrom::Start(start)).map_err(unreadable)?;
        self.pass_on(file)
    }

    /// What can be read but once.
    fn pipe(&self, input: impl Read) -> Result<(), Fault> {
        if !self.preview.is_needed() {
            return self.pass_on(input);
        }
        let mut kept = Kept::new(input);
        self.look(&mut kept)?;
        let again = kept.rewind();
        self.pass_on(again.map_err(|error| unreadable(&self.path, &error))?)
    }

    /// The first reading, as far as one is needed.
    fn look(&self, input: impl Read) -> Result<(), Fault> {
        if !self.preview.is_needed() {
            return Ok(());
        }
        let records = self.records(input);
        let total = self
            .preview
            .look(records, |error| unreadable(&self.path, error))?;
        let found = Batch {
            total,
            ..Batch::default()
        };
        let _ = self.sender.send(Ok(found));
        Ok(())
    }

    fn pass_on(&self, input: impl Read) -> Result<(), Fault> {
        let mut records = self.records(input);
        while let Some(mut batch) = records
            .next_batch()
            .map_err(|error| unreadable(&self.path, &error))?
        {
            self.preview.leave_out(&mut batch)?;
            if self.sender.send(Ok(batch)).is_err() {
                break;
            }
        }
        Ok(())
    }

    fn records<R: Read>(&self, input: R) -> Records<R> {
        let max = usize::try_from(BODY_MAX).unwrap_or(usize::MAX);
        Records::new(input, self.separator, max)
    }
}

/// The whole of a file, or of stdin for `-`, as one body.
///
/// # Errors
/// [`Kind::InputOutput`], or [`Kind::NotTaken`] where it is too large.
pub fn read_body(path: &Path) -> Result<Vec<u8>, Fault> {
    let failed = |error: io::Error| unreadable(path, &error);
    let mut body = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(BODY_MAX + 1).read_to_end(&mut body)
    } else {
        let file = File::open(path).map_err(failed)?;
        file.take(BODY_MAX + 1).read_to_end(&mut body)
    };
    if read.map_err(failed)? as u64 > BODY_MAX {
        return Err(too_large(&format!("the body in {}", shown(path))));
    }
    Ok(body)
}

/// Whether something may be waiting on stdin.
pub fn stdin_is_a_pipe() -> bool {
    use rustix::fs::{FileType, fstat};
    fstat(io::stdin()).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Fifo)
}

/// Tasks of a file that are larger than any broker takes, by their numbers.
pub fn too_large_in(path: &Path, numbers: &[u64]) -> Fault {
    let first: Vec<_> = numbers.iter().take(5).map(u64::to_string).collect();
    let more = if numbers.len() > first.len() {
        ", …"
    } else {
        ""
    };
    too_large(&format!(
        "task {}{more} of {}",
        first.join(", "),
        shown(path)
    ))
}

fn shown(path: &Path) -> String {
    if path == Path::new("-") {
        "stdin".to_owned()
    } else {
        path.display().to_string()
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Fault {
    let name = shown(path);
    Fault::new(Kind::InputOutput, format!("cannot read {name}: {error}"))
}

fn too_large(what: &str) -> Fault {
    let text = format!(
        "{what} is larger than 512 MiB, the most that RabbitMQ can be configured to take; send a \
         reference to the data instead"
    );
    Fault::new(Kind::NotTaken, text)
}
