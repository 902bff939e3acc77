//! Records: the tasks of a file, one after the other. Pure, but for reading.

use memchr::memchr;
use std::io::{self, Read};

/// As much as is read at once, in bytes. Enough for few system calls, little enough that some
/// thousand short records read ahead stay within a megabyte.
const CHUNK: usize = 32 * 1024;

/// What ends a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Separator {
    /// A newline. A carriage return before it belongs to the end of the line.
    Newline,
    /// A NUL byte: records may hold newlines.
    Nul,
}

/// How one record ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordEnd {
    /// With a newline.
    Lf,
    /// With a carriage return and a newline.
    CrLf,
    /// With a NUL byte.
    Nul,
    /// With the input.
    Input,
}

/// One task of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its place in the file, from 1, empty ones not counted.
    pub number: u64,
    /// The task's body, any bytes.
    pub body: Vec<u8>,
    /// What stood behind it.
    pub end: RecordEnd,
}

impl RecordEnd {
    /// The bytes. The last record of an input that lacks its end gets that of the others, as
    /// something may be written behind it.
    pub fn bytes(self, separator: Separator) -> &'static [u8] {
        match (self, separator) {
            (Self::Lf, _) | (Self::Input, Separator::Newline) => b"\n",
            (Self::CrLf, _) => b"\r\n",
            (Self::Nul, _) | (Self::Input, Separator::Nul) => b"\0",
        }
    }
}

/// Records that were read at once.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The records, without empty ones.
    pub records: Vec<Record>,
    /// How far the input was read for it, in bytes since the batch before.
    pub bytes: u64,
    /// The numbers of records that are larger than the limit and were passed over.
    pub too_large: Vec<u64>,
    /// How many tasks there are to be sent in all, where that has been found out.
    pub total: Option<u64>,
    /// How many records are left out, as a log has them.
    pub skipped: u64,
}

/// Splits an input into records.
#[derive(Debug)]
pub struct Records<R> {
    input: R,
    separator: Separator,
    /// The longest body, in bytes.
    max: usize,
    chunk: Vec<u8>,
    /// The beginning of a record whose end was not read yet.
    begun: Vec<u8>,
    count: u64,
    /// The record that has begun is too large, and the rest of it is passed over.
    passing_over: bool,
    ended: bool,
}

impl<R: Read> Records<R> {
    /// The records of `input`, none of which may be longer than `max` bytes.
    pub fn new(input: R, separator: Separator, max: usize) -> Self {
        Self {
            input,
            separator,
            max,
            chunk: vec![0; CHUNK],
            begun: Vec::new(),
            count: 0,
            passing_over: false,
            ended: false,
        }
    }

    /// What one read brings, which may be no whole record yet; `None` at the end.
    ///
    /// # Errors
    /// The input cannot be read. There is nothing more after that.
    pub fn next_batch(&mut self) -> io::Result<Option<Batch>> {
        if self.ended {
            return Ok(None);
        }
        let count = loop {
            match self.input.read(&mut self.chunk) {
                Ok(count) => break count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.ended = true;
                    return Err(error);
                }
            }
        };
        let mut batch = Batch {
            bytes: count as u64,
            ..Batch::default()
        };
        if count == 0 {
            self.ended = true;
            self.finish(&mut batch, &[], RecordEnd::Input);
            return Ok((batch != Batch::default()).then_some(batch));
        }
        let chunk = std::mem::take(&mut self.chunk);
        self.split(&chunk[..count], &mut batch);
        self.chunk = chunk;
        Ok(Some(batch))
    }

    fn split(&mut self, mut rest: &[u8], batch: &mut Batch) {
        let (byte, end) = match self.separator {
            Separator::Newline => (b'\n', RecordEnd::Lf),
            Separator::Nul => (b'\0', RecordEnd::Nul),
        };
        while let Some(at) = memchr(byte, rest) {
            self.finish(batch, &rest[..at], end);
            rest = &rest[at + 1..];
        }
        self.append(rest);
    }

    /// Adds to the record that has begun, unless it becomes too large.
    fn append(&mut self, piece: &[u8]) {
        if self.begun.len() + piece.len() > self.max {
            self.passing_over = true;
            self.begun = Vec::new();
        }
        if !self.passing_over {
            self.begun.extend_from_slice(piece);
        }
    }

    /// The record that has begun ends with this piece.
    fn finish(&mut self, batch: &mut Batch, piece: &[u8], end: RecordEnd) {
        if self.begun.is_empty() && !self.passing_over && piece.len() <= self.max {
            return self.push(batch, piece.to_vec(), end);
        }
        self.append(piece);
        let body = std::mem::take(&mut self.begun);
        if std::mem::take(&mut self.passing_over) {
            self.count += 1;
            batch.too_large.push(self.count);
        } else {
            self.push(batch, body, end);
        }
    }

    fn push(&mut self, batch: &mut Batch, mut body: Vec<u8>, end: RecordEnd) {
        let end = if self.separator == Separator::Newline && body.last() == Some(&b'\r') {
            body.pop();
            RecordEnd::CrLf
        } else {
            end
        };
        if !body.is_empty() {
            self.count += 1;
            let number = self.count;
            batch.records.push(Record { number, body, end });
        }
    }
}

#[cfg(test)]
mod tests;
