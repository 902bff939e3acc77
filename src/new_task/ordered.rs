//! Outcomes in the order of the tasks, however they come (`--keep-order`).

use crate::fault::{Fault, Kind};
use crate::publisher::Answer;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};

/// Output that is kept in memory until its turn comes, in bytes; more goes to a temporary file.
const IN_MEMORY: usize = 8 << 20;

/// Puts outcomes into the order of their tasks.
pub struct Ordered {
    /// The number whose turn it is.
    next: u64,
    waiting: BTreeMap<u64, Waiting>,
    /// The bytes of stdout that are kept in memory.
    kept: usize,
    spool: Option<Spool>,
}

enum Waiting {
    /// No outcome will come.
    Nothing,
    Here(Answer),
    /// All but its stdout, which lies in the spool: from where, how much.
    Spooled(Answer, u64, usize),
}

struct Spool {
    file: File,
    end: u64,
    /// How many outcomes have their stdout here.
    used: usize,
}

impl Default for Ordered {
    fn default() -> Self {
        Self {
            next: 1,
            waiting: BTreeMap::new(),
            kept: 0,
            spool: None,
        }
    }
}

impl Ordered {
    /// Takes an outcome; `None`: none will come. Those whose turn has come are given to `print`.
    ///
    /// # Errors
    /// The temporary file cannot be used ([`Kind::InputOutput`]), or what `print` says.
    pub fn take(
        &mut self,
        number: u64,
        answer: Option<Answer>,
        mut print: impl FnMut(&Answer) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let waiting = match answer {
            Some(answer) if number == self.next => {
                print(&answer)?;
                Waiting::Nothing
            }
            Some(answer) => self.keep(answer).map_err(|error| unusable(&error))?,
            None => Waiting::Nothing,
        };
        self.waiting.insert(number, waiting);
        while let Some(waiting) = self.waiting.remove(&self.next) {
            self.next += 1;
            self.print(waiting, &mut print)?;
        }
        Ok(())
    }

    /// Gives the rest to `print`, as no more will come.
    pub fn finish(
        &mut self,
        mut print: impl FnMut(&Answer) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        for waiting in std::mem::take(&mut self.waiting).into_values() {
            self.print(waiting, &mut print)?;
        }
        Ok(())
    }

    fn keep(&mut self, mut answer: Answer) -> io::Result<Waiting> {
        let size = answer.stdout.len();
        if self.kept + size <= IN_MEMORY {
            self.kept += size;
            return Ok(Waiting::Here(answer));
        }
        let spool = match &mut self.spool {
            Some(spool) => spool,
            spool => spool.insert(Spool {
                file: tempfile::tempfile()?,
                end: 0,
                used: 0,
            }),
        };
        let at = spool.end;
        spool.file.seek(SeekFrom::Start(at))?;
        spool.file.write_all(&std::mem::take(&mut answer.stdout))?;
        spool.end += size as u64;
        spool.used += 1;
        Ok(Waiting::Spooled(answer, at, size))
    }

    fn print(
        &mut self,
        waiting: Waiting,
        print: &mut impl FnMut(&Answer) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        match waiting {
            Waiting::Nothing => Ok(()),
            Waiting::Here(answer) => {
                self.kept -= answer.stdout.len();
                print(&answer)
            }
            Waiting::Spooled(mut answer, at, size) => {
                if let Some(spool) = &mut self.spool {
                    let read = spool.read(at, size);
                    answer.stdout = read.map_err(|error| unusable(&error))?;
                }
                print(&answer)
            }
        }
    }
}

impl Spool {
    fn read(&mut self, at: u64, size: usize) -> io::Result<Vec<u8>> {
        let mut stdout = vec![0; size];
        self.file.seek(SeekFrom::Start(at))?;
        self.file.read_exact(&mut stdout)?;
        self.used -= 1;
        if self.used == 0 {
            self.file.set_len(0)?;
            self.end = 0;
        }
        Ok(stdout)
    }
}

fn unusable(error: &io::Error) -> Fault {
    let directory = std::env::temp_dir();
    let text = format!(
        "cannot keep outcomes in a temporary file in {} until their turn comes: {error}",
        directory.display()
    );
    Fault::new(Kind::InputOutput, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn answer(number: u64, size: usize) -> Answer {
        let stdout = format!("{number}:").into_bytes();
        Answer {
            stdout: [stdout, vec![b'x'; size]].concat(),
            ..Answer::default()
        }
    }

    fn number(answer: &Answer) -> u64 {
        let text = String::from_utf8(answer.stdout.clone()).unwrap();
        text.split(':').next().unwrap().parse().unwrap()
    }

    #[test]
    fn what_does_not_fit_into_memory_waits_in_a_file() {
        let mut ordered = Ordered::default();
        let mut printed = Vec::new();
        for round in 0..2 {
            for number in (1..=6).rev().map(|number| round * 6 + number) {
                let answer = answer(number, IN_MEMORY / 3);
                ordered
                    .take(number, Some(answer), |printed_now| {
                        let number = super::tests::number(printed_now);
                        assert_eq!(*printed_now, self::answer(number, IN_MEMORY / 3));
                        printed.push(number);
                        Ok(())
                    })
                    .unwrap();
            }
            let spool = ordered.spool.as_ref().unwrap();
            assert_eq!((spool.used, spool.end, ordered.kept), (0, 0, 0));
            assert_eq!(spool.file.metadata().unwrap().len(), 0);
        }
        assert_eq!(printed, (1..=12).collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn the_order_is_that_of_the_tasks(
            order in Just((1..=30_u64).collect::<Vec<_>>()).prop_shuffle(),
            missing in proptest::collection::btree_set(1..=30_u64, 0..10),
            never_told in proptest::collection::btree_set(1..=30_u64, 0..3),
        ) {
            let mut ordered = Ordered::default();
            let mut printed = Vec::new();
            let mut print = |answer: &Answer| { printed.push(number(answer)); Ok(()) };
            for number in order.into_iter().filter(|number| !never_told.contains(number)) {
                let answer = (!missing.contains(&number)).then(|| answer(number, 10));
                ordered.take(number, answer, &mut print).unwrap();
            }
            ordered.finish(&mut print).unwrap();
            let all = 1..=30_u64;
            let expected: Vec<_> =
                all.filter(|n| !missing.contains(n) && !never_told.contains(n)).collect();
            prop_assert_eq!(printed, expected);
        }
    }
}
