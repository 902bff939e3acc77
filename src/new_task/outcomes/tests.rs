use super::*;
use crate::output::{Color, LogFormat, Verbosity};
use rustix::pipe::{PipeFlags, pipe_with};
use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};

fn result() -> TaskResult {
    TaskResult {
        outcome: "done".to_owned(),
        exit_code: Some(0),
        ..TaskResult::default()
    }
}

fn report() -> Report {
    Report::new(LogFormat::Text, Verbosity::Quiet, Color::Never)
}

#[test]
fn a_log_that_failed_once_gets_no_more_lines() {
    let (output, input) = pipe_with(PipeFlags::NONBLOCK).unwrap();
    let (mut output, mut input) = (File::from(output), File::from(input));
    // Full, as a disk is.
    while input.write(&[0; 1024]).is_ok() {}
    while input.write(&[0]).is_ok() {}
    let mut outcomes = Outcomes::new(None, Tag::None);
    outcomes.log_to(JobLog::to(input));
    let (mut report, bar) = (report(), SendBar::default());
    outcomes.expect(1, b"one");
    outcomes.expect(2, b"two");
    let mut take = |number| outcomes.take(number, Some(result()), &mut report, &bar);
    let first = take(1).unwrap_err();
    // There is room again, but the first line would be missing or torn.
    let drained = output.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(drained.kind(), ErrorKind::WouldBlock);
    let second = take(2).unwrap_err();
    assert_eq!(first.to_string(), second.to_string());
    let written = output.read(&mut [0]).unwrap_err();
    assert_eq!(written.kind(), ErrorKind::WouldBlock);
}

#[test]
fn bodies_are_kept_until_they_are_printed_and_only_where_they_are_wanted() {
    let (mut report, bar) = (report(), SendBar::default());
    for (tag, kept) in [(Tag::None, [0, 0]), (Tag::Body, [3, 1])] {
        let mut outcomes = Outcomes::new(Some(Ordered::default()), tag);
        for number in [1, 2, 5] {
            outcomes.expect(number, b"body");
        }
        let mut take = |outcomes: &mut Outcomes, number, result| {
            outcomes.take(number, result, &mut report, &bar).unwrap();
        };
        take(&mut outcomes, 2, Some(result()));
        let waiting = outcomes.printer.tasks.len();
        take(&mut outcomes, 1, None);
        assert_eq!([waiting, outcomes.printer.tasks.len()], kept);
        take(&mut outcomes, 5, Some(result()));
        assert!(outcomes.printer.tasks.is_empty());
    }
}
