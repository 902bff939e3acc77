use super::*;
use crate::base::fuzz;
use proptest::collection::vec;
use proptest::prelude::*;

fn body(bytes: &[u8]) -> TaskBody {
    TaskBody::whole(bytes.to_vec())
}

fn result(exit_code: u8) -> TaskResult {
    TaskResult {
        outcome: if exit_code == 0 { "done" } else { "dropped" }.to_owned(),
        exit_code: Some(exit_code),
        ..TaskResult::default()
    }
}

fn content(bytes: &[u8]) -> Result<Content, String> {
    read(bytes, Again::Failed).unwrap()
}

/// A path where there is nothing, in a directory that goes with it.
fn path() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    (directory, path)
}

#[test]
fn a_log_is_gone_on_with_and_begun_anew() {
    let (_directory, path) = path();
    let (mut log, logged, is_cut) = JobLog::resume(&path, Again::Failed).unwrap();
    assert_eq!((logged.last(), is_cut), (0, false));
    log.add(2, &body(b"two"), &result(0)).unwrap();
    let (mut log, logged, is_cut) = JobLog::resume(&path, Again::Failed).unwrap();
    assert_eq!((logged.last(), is_cut), (2, false));
    log.add(1, &body(b"one"), &result(3)).unwrap();
    let (_, logged, _) = JobLog::resume(&path, Again::Failed).unwrap();
    assert!(logged.skips(2) && !logged.skips(1));
    assert!(logged.fits(1, b"one") && !logged.fits(1, b"two"));
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 3);
    assert!(text.starts_with(HEADER));
    JobLog::create(&path).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), HEADER);
}

#[test]
fn a_log_that_is_cut_off_anywhere_stays_a_log() {
    let (_directory, path) = path();
    let mut log = JobLog::create(&path).unwrap();
    log.add(1, &body(b"one"), &result(0)).unwrap();
    log.add(12, &body(b"twelve"), &result(0)).unwrap();
    let whole = std::fs::read(&path).unwrap();
    for len in 0..=whole.len() {
        std::fs::write(&path, &whole[..len]).unwrap();
        let (mut log, logged, is_cut) = JobLog::resume(&path, Again::Nothing).unwrap();
        assert_eq!(is_cut, len > 0 && whole[len - 1] != b'\n');
        // Nothing is cut away before something takes its place.
        assert_eq!(std::fs::read(&path).unwrap(), &whole[..len]);
        let last = logged.last();
        log.add(30, &body(b""), &result(0)).unwrap();
        let again = content(&std::fs::read(&path).unwrap()).unwrap();
        assert!(!again.is_cut);
        assert_eq!(again.logged.last(), 30);
        for number in [1, 12] {
            assert_eq!(again.logged.skips(number), number <= last);
        }
    }
}

#[test]
fn what_is_no_log_is_left_as_it_is() {
    let (_directory, path) = path();
    let other = HEADER.replace("Seq", "Number");
    let two_tasks = format!(
        "{HEADER}{}{}",
        line::written(1, &body(b"x"), &result(0)),
        line::written(1, &body(b"y"), &result(0))
    );
    for (text, why) in [
        ("root:x:0:0\n", "its first line does not name the columns"),
        (&other, "its first line does not name the columns"),
        (&format!("{HEADER}\n"), "line 2 has other columns"),
        (&format!("{HEADER}1\n"), "line 2 has other columns"),
        (&two_tasks, "line 3 has another task as Seq 1"),
    ] {
        std::fs::write(&path, text).unwrap();
        let fault = JobLog::resume(&path, Again::Nothing).unwrap_err();
        assert_eq!(fault.kind, Kind::SetUp);
        assert!(fault.to_string().contains(why), "{fault}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
    let fault = JobLog::resume(Path::new("/dev/null"), Again::Nothing).unwrap_err();
    assert!(fault.to_string().contains("not a regular file"), "{fault}");
}

#[test]
fn a_full_disk_is_told() {
    let fault = JobLog::create(Path::new("/dev/full")).unwrap_err();
    assert_eq!(fault.kind, Kind::InputOutput);
}

#[test]
fn fuzz_joblogs() {
    let piece = prop_oneof![
        Just(HEADER.as_bytes().to_vec()),
        Just(line::written(1, &body(b"x"), &result(0)).into_bytes()),
        (any::<u64>(), vec(any::<u8>(), 0..9), any::<u8>()).prop_map(|(number, body, code)| {
            line::written(number, &TaskBody::whole(body), &result(code)).into_bytes()
        }),
        vec(
            prop_oneof![Just(b'\n'), Just(b'\t'), Just(b'0'), any::<u8>()],
            0..40
        ),
    ];
    fuzz::check(
        &(any::<bool>(), vec(piece, 0..6)),
        |(has_header, pieces)| {
            let mut bytes = pieces.concat();
            if has_header {
                bytes.splice(..0, HEADER.bytes());
            }
            if let Ok(content) = content(&bytes) {
                let whole = usize::try_from(content.whole).unwrap();
                prop_assert_eq!(content.is_cut, whole < bytes.len());
                prop_assert!(!bytes[whole..].contains(&b'\n'));
                // What is kept of it is as good as before.
                let again = self::content(&bytes[..whole]).map_err(TestCaseError::fail)?;
                prop_assert_eq!(again.logged.last(), content.logged.last());
            }
            Ok(())
        },
    );
}
