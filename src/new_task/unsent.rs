//! The file of what was not confirmed (`--unsent`).

use crate::base::fault::{Fault, Kind};
use crate::new_task::record::{RecordEnd, Separator};
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

/// Takes the records that were not confirmed, byte for byte, so that `--file` resumes with them.
pub struct Unsent {
    path: PathBuf,
    file: BufWriter<File>,
    separator: Separator,
    written: u64,
    /// How many could not be written, and why not.
    lost: Option<(u64, io::Error)>,
}

impl Unsent {
    /// Creates the file, or empties it.
    ///
    /// # Errors
    /// [`Kind::InputOutput`].
    pub fn create(path: &Path, separator: Separator) -> Result<Self, Fault> {
        let file = File::create(path).map_err(|error| {
            let text = format!("cannot write to {}: {error}", path.display());
            Fault::new(Kind::InputOutput, text)
        })?;
        Ok(Self {
            path: path.to_owned(),
            file: BufWriter::new(file),
            separator,
            written: 0,
            lost: None,
        })
    }

    /// Adds a record.
    pub fn add(&mut self, body: &[u8], end: RecordEnd) {
        if let Some((lost, _)) = &mut self.lost {
            *lost += 1;
            return;
        }
        let written = self
            .file
            .write_all(body)
            .and_then(|()| self.file.write_all(end.bytes(self.separator)));
        match written {
            Ok(()) => self.written += 1,
            Err(error) => self.lost = Some((1, error)),
        }
    }

    /// Hands what was added so far to the system.
    pub fn flush(&mut self) {
        if let (Err(error), None) = (self.file.flush(), &self.lost) {
            // Which of them arrived is not known.
            self.lost = Some((self.written, error));
            self.written = 0;
        }
    }

    /// How many records are in the file, and its name.
    #[must_use]
    pub fn written(&self) -> (u64, String) {
        (self.written, self.path.display().to_string())
    }

    /// Why records are missing, if any are.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        let (lost, error) = self.lost.as_ref()?;
        let text = format!(
            "{lost} unconfirmed tasks could not be written to {}: {error}",
            self.path.display()
        );
        Some(Fault::new(Kind::InputOutput, text))
    }
}
