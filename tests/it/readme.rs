//! What README and docs/ show.

use crate::env;

const README: &str = "README.md";
const USAGE: &str = "docs/usage.md";

fn page(name: &str) -> String {
    std::fs::read_to_string(env::root().join(name)).unwrap()
}

#[test]
fn the_help_texts_are_quoted() {
    let page = page("docs/cli.md");
    for name in ["new_task", "worker"] {
        let mut command = env::command(name);
        command.arg("-h");
        let help = env::spawn(command).ended().expect(0).stdout;
        let quoted = format!("```text\n$ {name} -h\n{help}```");
        assert!(
            page.contains(&quoted),
            "docs/cli.md lacks, word for word (scripts/update-help):\n{quoted}"
        );
    }
}

#[test]
fn links_lead_somewhere() {
    let pages = std::fs::read_dir(env::root().join("docs")).unwrap();
    let pages = pages.map(|entry| entry.unwrap().path());
    let pages = pages.filter(|path| path.extension().is_some_and(|kind| kind == "md"));
    for path in pages.chain([env::root().join(README)]) {
        let text = std::fs::read_to_string(&path).unwrap();
        for target in text.split("](").skip(1) {
            let target = target.split([')', '#']).next().unwrap();
            let is_file = !target.is_empty() && !target.contains("://");
            let found = path.parent().unwrap().join(target);
            assert!(!is_file || found.exists(), "{}: {target}", path.display());
        }
    }
}

/// What `scripts/record` wrote is small and short, tells nothing of the machine, and needs
/// nothing but a browser.
#[test]
fn the_recording_is_self_contained() {
    const RECORDING: &str = "docs/demo.svg";
    assert!(page(README).contains(&format!("]({RECORDING})")));
    let recording = page(RECORDING);
    assert!(recording.len() < 500_000, "{} bytes", recording.len());
    let (_, duration) = recording.split_once("animation-duration:").unwrap();
    let duration = duration.split_once("ms").unwrap().0.trim();
    assert!(duration.parse::<u32>().unwrap() < 40_000, "{duration} ms");
    assert!(recording.contains("prefers-color-scheme:dark"));
    let root = env::root().to_str().unwrap();
    for place in ["/home/", "/root", "/tmp/", "/Users/", "localhost", root] {
        assert!(!recording.contains(place), "{RECORDING} has {place}");
    }
    for foreign in ["<script", "@import", "url(", "@font-face", "<image"] {
        assert!(!recording.contains(foreign), "{RECORDING} has {foreign}");
    }
    let shown = ["worker --list-dead", "worker --replay-dead", "--wait -k"];
    for command in shown.into_iter().chain(["kill -9", "new_task"]) {
        assert!(recording.contains(command), "{RECORDING} lacks {command}");
    }
    assert!(
        recording.contains(" on demo:"),
        "{RECORDING} lacks the host"
    );
    for on in recording.split(" attempts on ").skip(1) {
        assert!(
            on.starts_with("demo:"),
            "{RECORDING} has a host name: {on:.40}"
        );
    }
}

/// Runs the shell blocks of a section, as one script, in a directory of their own.
fn run_section(name: &str, heading: &str) -> (std::path::PathBuf, env::Ended) {
    let page = page(name);
    let (_, section) = page.split_once(&format!("### {heading}\n")).unwrap();
    let section = section.split("\n##").next().unwrap();
    let blocks = section.split("```sh\n").skip(1);
    let script: Vec<&str> = blocks
        .map(|block| block.split("```").next().unwrap())
        .collect();
    let directory = std::env::temp_dir().join(env::unique("readme"));
    std::fs::create_dir(&directory).unwrap();
    let broker = env::shared();
    let admin = env::Admin::new(broker, "readme");
    let binaries = std::path::Path::new(env!("CARGO_BIN_EXE_worker"))
        .parent()
        .unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut shell = std::process::Command::new("bash");
    shell
        .args(["-euc", &script.join("\n")])
        .current_dir(&directory)
        .env("AMQP_URL", &broker.url)
        .env("TASK_QUEUE", &admin.queue)
        .env("PATH", format!("{}:{path}", binaries.display()));
    let ended = env::spawn(shell).ended().expect(0);
    assert_eq!(admin.ready(), 0);
    (directory, ended)
}

#[test]
fn images_are_converted_on_several_workers() {
    let (directory, ended) = run_section(USAGE, "Images, on as many machines as there are");
    for number in 1..=12 {
        let png = std::fs::read(directory.join(format!("png/{number}.png"))).unwrap();
        assert!(png.starts_with(b"\x89PNG"), "{ended}");
    }
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn files_that_fail_are_replayed() {
    let (directory, ended) = run_section(README, "A command per task, failures and replay");
    assert!(ended.stdout.contains("after 2 attempts"), "{ended}");
    assert!(
        ended.stdout.contains("stderr: sha256sum: pages/4"),
        "{ended}"
    );
    assert!(ended.stdout.contains(" [x] Replayed pages/4"), "{ended}");
    let sums = std::fs::read_to_string(directory.join("sums")).unwrap();
    assert_eq!(sums.lines().count(), 4, "{ended}");
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn scripts_can_be_tasks() {
    let (directory, ended) = run_section(USAGE, "Scripts as tasks");
    assert!(ended.stdout.contains(" has run"), "{ended}");
    assert!(directory.join("today").exists());
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn squares_come_back_in_order() {
    let (directory, ended) = run_section(README, "Results back, in order");
    let squares = std::fs::read_to_string(directory.join("squares")).unwrap();
    let expected: Vec<String> = (1..=100_u32).map(|n| (n * n).to_string()).collect();
    assert_eq!(squares.lines().collect::<Vec<_>>(), expected, "{ended}");
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_delayed_task_comes_later() {
    let (directory, ended) = run_section(README, "Later");
    let reminders = std::fs::read_to_string(directory.join("reminders")).unwrap();
    assert_eq!(reminders, "remind me", "{ended}");
    std::fs::remove_dir_all(directory).unwrap();
}
