//! Lines of output behind their task (`--tag`).

use crate::env::{self, Admin, Scratch, asking, command, sh, spawn, worker_with};
use std::process::Command;

#[test]
fn each_line_stands_behind_its_task() {
    let broker = env::shared();
    let admin = Admin::new(broker, "tag");
    let script = "cat >/dev/null; printf 'one\\n\\ntwo'; printf 'oops\\nagain' >&2";
    let _worker = worker_with(broker, &admin.queue, &["-j", "2"], &sh(script));
    let file = Scratch::file("list", "a\nb \tc\x1b[2J\n");
    let ended = asking(broker, &admin.queue, &["-f", file.as_str(), "-k", "--tag"]).ended();
    let ended = ended.expect(0);
    let other = "b \\tc\\x1b[2J";
    let expected = format!("a\tone\na\t\na\ttwo\n{other}\tone\n{other}\t\n{other}\ttwo\n");
    assert_eq!(ended.stdout, expected);
    let expected = format!("a\toops\na\tagain\n{other}\toops\n{other}\tagain\n");
    assert!(ended.stderr.starts_with(&expected), "{ended}");
    let ended = asking(broker, &admin.queue, &["--tag", "alone"]).ended();
    assert_eq!(ended.expect(0).stdout, "alone\tone\nalone\t\nalone\ttwo\n");
}

#[test]
fn bytes_that_are_no_text_pass() {
    let broker = env::shared();
    let admin = Admin::new(broker, "tag-bytes");
    let script = "cat >/dev/null; printf '\\377\\000\\r\\n\\001'";
    let _worker = worker_with(broker, &admin.queue, &[], &sh(script));
    let out = Scratch::path("out");
    let mut command = Command::new("sh");
    let script = "exec \"$0\" -u \"$1\" -q \"$2\" --wait --tag x > \"$3\"";
    command.args(["-c", script, env!("CARGO_BIN_EXE_new_task")]);
    command.args([&broker.url, &admin.queue, out.as_str()]);
    spawn(command).ended().expect(0);
    assert_eq!(out.read(), b"x\t\xff\0\r\nx\t\x01\n");
}

#[test]
fn events_have_no_lines_to_tag() {
    let mut command = command("new_task");
    command.args(["--wait", "--tag", "--log-format", "json", "x"]);
    spawn(command).ended().expect(2).says("--tag is for lines");
}
