//! What a person sees who sits in front of it.

use crate::env::{self, Admin, Broker, Kind, Terminal, command};

const CTRL_D: &str = "\x04";

fn on(broker: &Broker, name: &str, queue: &str, arguments: &[&str]) -> std::process::Command {
    let mut command = command(name);
    command.args(["-u", &broker.url, "-q", queue]);
    command.args(arguments);
    command
}

fn worker(queue: &str, arguments: &[&str], columns: u16, rows: u16) -> Terminal {
    let command = on(env::shared(), "worker", queue, arguments);
    Terminal::run(&command, columns, rows)
}

#[test]
fn each_slot_has_a_row_and_ctrl_c_leaves_none() {
    let admin = Admin::with_queue(env::shared(), "rows", Kind::Plain);
    // More dots than anybody waits for.
    let long = "one ".to_owned() + &".".repeat(1000);
    admin.publish(&[
        &long,
        "two ....................",
        "three ...................",
    ]);
    let mut terminal = worker(&admin.queue, &["-j", "2", "-p", "3"], 80, 24);
    let screen = terminal.shows("running 2 · held 1 · in queue 0");
    let rows: Vec<_> = screen.lines().collect();
    let at = rows
        .iter()
        .position(|row| row.starts_with("   1 ["))
        .unwrap();
    assert!(rows[at].ends_with('…'), "{screen}");
    assert!(rows[at + 1].starts_with("   2 [>"), "{screen}");
    let status = "done 0 · failed 0 · running 2 · held 1 · in queue 0";
    assert_eq!(rows[at + 2], status, "{screen}");
    terminal.interrupt();
    terminal.shows("stopping after 2 running tasks; Ctrl+C again returns them to the queue");
    // Closer together they would count as one.
    terminal.shows("held 0");
    std::thread::sleep(std::time::Duration::from_millis(150));
    terminal.interrupt();
    let (code, screen) = terminal.ended();
    assert_eq!(code, 130, "{screen}");
    let last = screen.lines().last().unwrap();
    assert_eq!(last, "stopped: 0 done, 3 returned", "{screen}");
    for torn in ["   1 ", "   2 ", "held"] {
        assert!(!screen.contains(torn), "{screen}");
    }
}

#[test]
fn rows_fit_into_a_small_terminal_and_into_a_smaller_one() {
    let admin = Admin::with_queue(env::shared(), "small", Kind::Plain);
    let path = "/videos/".to_owned() + &"long/".repeat(30) + "end.mov" + &".".repeat(60);
    let family = "👨‍👩‍👧‍👦".repeat(60) + &".".repeat(60);
    let bodies: Vec<_> = (0..30)
        .map(|number| if number % 2 == 0 { &path } else { &family })
        .map(String::as_str)
        .collect();
    admin.publish(&bodies);
    let mut terminal = worker(&admin.queue, &["-j", "30"], 60, 20);
    for (columns, rows) in [(60, 20), (40, 20)] {
        terminal.resize(columns, rows);
        let room = usize::from(rows) - 4;
        let more = format!("   + {} more, {} running", 30 - (room - 1), 30 - (room - 1));
        let screen = terminal.shows(&more);
        let lines: Vec<_> = screen.lines().collect();
        let status = lines.last().unwrap();
        assert!(
            status.starts_with("done 0 · failed 0 · running 30"),
            "{screen}"
        );
        let slots = lines.iter().filter(|line| line.contains('[')).count();
        assert_eq!(slots, room - 1, "{screen}");
    }
    // Drawn anew for this size.
    terminal.shows("running 30 · held …");
    terminal.interrupt();
    terminal.shows("stopping after 30 running");
    std::thread::sleep(std::time::Duration::from_millis(150));
    terminal.interrupt();
    let (_, screen) = terminal.ended();
    assert!(screen.ends_with("stopped: 0 done, 30 returned"), "{screen}");
}

#[test]
fn output_without_a_newline_does_not_run_into_what_follows() {
    let admin = Admin::with_queue(env::shared(), "open-line", Kind::Plain);
    admin.publish(&["x"]);
    let arguments = ["--exit-when-empty", "--", "cat"];
    let (code, screen) = worker(&admin.queue, &arguments, 80, 24).ended();
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("Received x\nx\n [x] Done\n"), "{screen}");
    // Not on a terminal.
    admin.publish(&["x"]);
    let command = on(env::shared(), "worker", &admin.queue, &arguments);
    let ended = env::spawn(command).ended().expect(0);
    assert!(
        ended.stdout.contains("Received x\nx\n [x] Done\n"),
        "{ended}"
    );
}

#[test]
fn who_waits_without_a_worker_is_told_so_and_sees_that_it_waits() {
    let admin = Admin::new(env::shared(), "nobody");
    let waiting = on(env::shared(), "new_task", &admin.queue, &["--wait", "x"]);
    let terminal = Terminal::run(&waiting, 80, 24);
    terminal.shows("s: waiting for the result");
    terminal.shows(&format!(
        "note: no worker is on queue `{}`; waiting",
        admin.queue
    ));
    let done = env::worker(
        env::shared(),
        &admin.queue,
        &["--max-tasks", "1", "--dot", "0s"],
    );
    done.ended().expect(0);
    let (code, screen) = terminal.ended();
    assert_eq!(code, 0, "{screen}");
    assert!(!screen.contains("waiting for the result"), "{screen}");
}

#[test]
fn results_of_a_file_have_a_goal_and_their_interruption_a_count() {
    let admin = Admin::new(env::shared(), "goal");
    let list = env::Scratch::file("goal", env::numbered(20));
    let arguments = ["--wait", "-f", list.as_str()];
    let waiting = on(env::shared(), "new_task", &admin.queue, &arguments);
    let mut terminal = Terminal::run(&waiting, 80, 24);
    let screen = terminal.shows("0 of 20 results");
    assert!(screen.contains("   0 %: "), "{screen}");
    let some = [
        "--max-tasks",
        "5",
        "--retries",
        "0",
        "--",
        "sh",
        "-c",
        "test $(cat) -ne 3",
    ];
    env::worker(env::shared(), &admin.queue, &some)
        .ended()
        .expect(0);
    let screen = terminal.shows("5 of 20 results, 1 failed");
    assert!(screen.contains(" 25 %, "), "{screen}");
    assert!(screen.contains(" left: "), "{screen}");
    terminal.interrupt();
    let (_, screen) = terminal.ended();
    let told = "warning: 15 results are still to be collected: new_task -q ";
    assert!(screen.contains(told), "{screen}");
    assert!(!screen.contains(" of 20 results"), "{screen}");
}

#[test]
fn nothing_is_drawn_between_the_lines_that_somebody_types() {
    let admin = Admin::new(env::shared(), "typed");
    let sending = on(env::shared(), "new_task", &admin.queue, &["-f", "-"]);
    let mut terminal = Terminal::run(&sending, 80, 24);
    terminal.shows("note: reading tasks from the terminal, one per line; Ctrl+D ends them");
    terminal.press("one\rtwo\r");
    admin.wait_for_ready(2);
    terminal.press(CTRL_D);
    let (code, screen) = terminal.ended();
    assert_eq!(code, 0, "{screen}");
    let typed = "Ctrl+D ends them\none\ntwo\n";
    assert!(screen.contains(typed), "{screen}");
}

#[test]
fn failures_stand_out_and_are_told_once() {
    let admin = Admin::with_queue(env::shared(), "stands-out", Kind::Plain);
    admin.publish(&["x"]);
    let arguments = [
        "--exit-when-empty",
        "--retries",
        "0",
        "--color",
        "always",
        "--",
        "false",
    ];
    let command = on(env::shared(), "worker", &admin.queue, &arguments);
    let ended = env::spawn(command).ended().expect(0);
    let red = "\x1b[1m\x1b[31m [!] Failed\x1b[0m (attempt 1: exit code 1; dead letter) x\n";
    assert!(ended.stdout.contains(red), "{ended}");
    assert!(!ended.stdout.contains("Dead letter"), "{ended}");
    ended.says("stopped: 0 done, 1 failed, 1 dead-lettered");
}
