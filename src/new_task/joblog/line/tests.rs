use super::*;
use crate::base::fuzz;
use crate::new_task::run_time::RunTime;
use proptest::collection::vec;
use proptest::prelude::*;

fn body(bytes: &[u8]) -> TaskBody {
    TaskBody::whole(bytes.to_vec())
}

fn result() -> TaskResult {
    TaskResult {
        stdout: b"out\n".to_vec(),
        outcome: "done".to_owned(),
        exit_code: Some(0),
        host: Some("host".to_owned()),
        time: RunTime {
            started: Some(UNIX_EPOCH + Duration::from_millis(1_700_000_000_250)),
            took: Some(Duration::from_millis(1_500)),
        },
        ..TaskResult::default()
    }
}

fn columns(result: &TaskResult) -> Vec<String> {
    let line = written(7, &body(b"body"), result);
    let line = line.strip_suffix('\n').unwrap();
    line.split('\t').map(str::to_owned).collect()
}

/// A body from its column.
fn unescaped(command: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = command;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        bytes.extend_from_slice(plain.as_bytes());
        let (kind, after) = escaped.split_at(1);
        rest = after;
        match kind {
            "\\" => bytes.push(b'\\'),
            "t" => bytes.push(b'\t'),
            "n" => bytes.push(b'\n'),
            "r" => bytes.push(b'\r'),
            "x" => {
                let (digits, after) = rest.split_at(2);
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
                rest = after;
            }
            "u" => {
                let (digits, after) = rest[1..].split_once('}').unwrap();
                let number = u32::from_str_radix(digits, 16).unwrap();
                let mut buffer = [0; 4];
                let c = char::from_u32(number).unwrap();
                bytes.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
                rest = after;
            }
            other => panic!("\\{other} in {command}"),
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

#[test]
fn the_columns_are_those_of_gnu_parallel() {
    let expected = "7\thost\t1700000000.250\t     1.500\t4\t4\t0\t0\tbody\n";
    assert_eq!(written(7, &body(b"body"), &result()), expected);
    assert_eq!(HEADER.split('\t').count(), COLUMNS);
    // As GNU parallel itself writes it, of a command that it ended.
    let theirs = b"3\t:\t1795320521.641\t     0.000\t0\t6\t-1\t15\techo a\tb";
    let line = Line {
        number: 3,
        has_failed: true,
        command: b"echo a\tb",
    };
    assert_eq!(read(theirs), Some(line));
}

#[test]
fn what_failed_has_a_code_or_a_signal() {
    for (exit_code, signal, outcome, expected) in [
        (Some(7), None, "dead-lettered", ["7", "0"]),
        (None, Some(9), "dropped", ["0", "9"]),
        // Timed out, not started, returned too often.
        (None, None, "dead-lettered", ["1", "0"]),
        // What no worker of ours says.
        (Some(0), None, "dead-lettered", ["1", "0"]),
        (None, Some(0), "dropped", ["128", "0"]),
        (Some(0), None, "", ["1", "0"]),
        (None, None, "done", ["0", "0"]),
    ] {
        let result = TaskResult {
            exit_code,
            signal,
            outcome: outcome.to_owned(),
            ..result()
        };
        assert_eq!(columns(&result)[6..8], expected, "{result:?}");
        let line = written(1, &body(b""), &result);
        let failed = read(line.trim_end_matches('\n').as_bytes())
            .unwrap()
            .has_failed;
        assert_eq!(failed, outcome != "done");
    }
}

#[test]
fn a_host_is_one_word() {
    for (host, shown) in [
        (Some("a b\u{2003}c\t\n"), "a_b_c\\t\\n"),
        (Some(""), "-"),
        (None, "-"),
    ] {
        let host = host.map(str::to_owned);
        assert_eq!(columns(&TaskResult { host, ..result() })[1], shown);
    }
}

#[test]
fn a_body_is_one_line() {
    let mut body = body(b"a\\n\tb\nc\r\x1b[2J\xff\xe2\x80\xae");
    let whole = r"a\\n\tb\nc\r\x1b[2J\xff\u{202e}";
    assert_eq!(command(&body), whole);
    body.size = 70_000;
    assert_eq!(command(&body), format!(r"{whole}\… (70000 bytes)"));
}

#[test]
fn lines_of_other_columns_are_none() {
    let good = "1\th\t1.5\t     0.003\t4\t2\t0\t0\tx";
    assert!(read(good.as_bytes()).is_some());
    for (from, to) in [
        ("1\th", "0\th"),
        ("1\th", "-1\th"),
        ("1\th", "+1\th"),
        ("1\th", "x\th"),
        ("\th\t", "\t\t"),
        ("1.5", "1.5.5"),
        ("1.5", "inf"),
        ("1.5", ""),
        ("0.003", "soon"),
        ("\t4\t", "\t4.5\t"),
        ("\t0\t0\t", "\t0\t\t"),
        ("\t0\t0\t", "\tzero\t0\t"),
        ("\t0\t0\t", "\t0\t"),
        ("\tx", ""),
        ("1\th", "99999999999999999999\th"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good);
        assert_eq!(read(bad.as_bytes()), None, "{bad:?}");
    }
    assert_eq!(read(HEADER.trim_end().as_bytes()), None);
}

#[test]
fn fuzz_joblog_lines() {
    let byte = prop_oneof![
        proptest::sample::select(b"\\\t\n\rxnu{}0\0\x7f\xc2\x85".to_vec()),
        any::<u8>(),
    ];
    let ending = (any::<Option<u8>>(), any::<Option<u8>>(), any::<bool>());
    let time = (any::<Option<u64>>(), any::<Option<u64>>());
    fuzz::check(
        &(
            1..=u64::MAX,
            vec(byte, 0..60),
            any::<Option<String>>(),
            ending,
            time,
        ),
        |(number, body, host, (exit_code, signal, is_done), (started, took))| {
            let milliseconds = Duration::from_millis;
            let result = TaskResult {
                outcome: if is_done { "done" } else { "dropped" }.to_owned(),
                exit_code,
                signal,
                host,
                time: RunTime {
                    started: started.and_then(|at| UNIX_EPOCH.checked_add(milliseconds(at))),
                    took: took.map(milliseconds),
                },
                ..result()
            };
            let body = TaskBody::whole(body);
            let line = written(number, &body, &result);
            let text = line.strip_suffix('\n').unwrap();
            prop_assert!(!text.replace('\t', "").chars().any(char::is_control));
            let read = read(text.as_bytes());
            let read = read.ok_or_else(|| TestCaseError::fail(text.to_owned()))?;
            prop_assert_eq!(read.number, number);
            prop_assert_eq!(read.has_failed, !outcome::is_success(&result));
            let expected = command(&body);
            prop_assert_eq!(read.command, expected.as_bytes());
            let command = std::str::from_utf8(read.command).unwrap();
            prop_assert_eq!(unescaped(command), body.bytes);
            Ok(())
        },
    );
}
