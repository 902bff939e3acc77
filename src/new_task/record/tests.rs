use super::*;
use crate::base::fuzz;
use proptest::prelude::*;

/// Gives a limited number of bytes at once, as pipes do.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let (piece, rest) = self.0.split_at(self.1.min(self.0.len()).min(into.len()));
        into[..piece.len()].copy_from_slice(piece);
        self.0 = rest;
        Ok(piece.len())
    }
}

fn read(input: &[u8], separator: Separator, step: usize) -> (Vec<Record>, u64) {
    let mut records = Records::new(Trickle(input, step), separator, 1 << 20);
    let (mut all, mut bytes) = (Vec::new(), 0);
    while let Some(batch) = records.next_batch().unwrap() {
        all.extend(batch.records);
        bytes += batch.bytes;
    }
    (all, bytes)
}

fn bodies(input: &[u8], separator: Separator) -> Vec<Vec<u8>> {
    let records = read(input, separator, CHUNK).0;
    records.into_iter().map(|record| record.body).collect()
}

#[test]
fn lines_end_with_newlines_and_empty_ones_are_skipped() {
    let input = b"one\n\ntwo\r\n\r\nth\rree\xff\nlast";
    let expected: [&[u8]; 4] = [b"one", b"two", b"th\rree\xff", b"last"];
    assert_eq!(bodies(input, Separator::Newline), expected);
    assert!(bodies(b"", Separator::Newline).is_empty());
    assert!(bodies(b"\n\r\n\n", Separator::Newline).is_empty());
}

#[test]
fn records_with_nul_keep_every_other_byte() {
    let expected: [&[u8]; 3] = [b"a\nb", b"c\r\n", b"d"];
    assert_eq!(bodies(b"a\nb\0c\r\n\0\0d", Separator::Nul), expected);
}

#[test]
fn a_record_beyond_the_limit_is_passed_over_without_being_kept() {
    let input = [
        b"ok\n".to_vec(),
        vec![b'x'; 1 << 20],
        b"\nnext\nyyyyyyyyyyy\nlast".to_vec(),
    ]
    .concat();
    for step in [1000, 1 << 21] {
        let mut records = Records::new(Trickle(&input, step), Separator::Newline, 10);
        let (mut bodies, mut too_large) = (Vec::new(), Vec::new());
        while let Some(batch) = records.next_batch().unwrap() {
            bodies.extend(batch.records.into_iter().map(|record| record.body));
            too_large.extend(batch.too_large);
            assert!(records.begun.capacity() <= 1000);
        }
        assert_eq!(bodies, [&b"ok"[..], b"next", b"last"]);
        assert_eq!(too_large, [2, 4]);
    }
}

#[test]
fn fuzz_records() {
    let byte = prop_oneof![Just(b'\n'), Just(b'\r'), Just(0), any::<u8>()];
    let input = proptest::collection::vec(byte, 0..300);
    fuzz::check(
        &(input, 1_usize..40, any::<bool>()),
        |(input, step, nul)| {
            let separator = if nul {
                Separator::Nul
            } else {
                Separator::Newline
            };
            let (records, bytes) = read(&input, separator, step);
            prop_assert_eq!(bytes, input.len() as u64);
            prop_assert_eq!(&records, &read(&input, separator, CHUNK).0);
            // Written as they were and read again, they are the same.
            let mut written = Vec::new();
            for record in &records {
                prop_assert!(!record.body.is_empty());
                written.extend_from_slice(&record.body);
                written.extend_from_slice(record.end.bytes(separator));
            }
            let again = read(&written, separator, step).0;
            let bodies = |records: &[Record]| -> Vec<Vec<u8>> {
                records.iter().map(|record| record.body.clone()).collect()
            };
            prop_assert_eq!(bodies(&again), bodies(&records));
            // What is written is the input without its empty records and with an end.
            let empties = |bytes: &[u8]| {
                bytes
                    .iter()
                    .filter(|byte| !b"\r\n\0".contains(byte))
                    .count()
            };
            prop_assert_eq!(empties(&written), empties(&input));
            Ok(())
        },
    );
}
