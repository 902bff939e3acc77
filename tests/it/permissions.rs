//! Users who may do only what a command needs, as README's table tells. Each permission is needed:
//! without it the command ends with 77, and says so. A result that a worker may not deliver is an
//! exception: its task is done all the same.

use crate::env::{self, Admin, Broker, Ended, Version, command, spawn};
use std::collections::BTreeMap;

/// The broker's regular expressions for what a user may configure, write and read.
#[derive(Clone)]
struct Permissions {
    configure: String,
    write: String,
    read: String,
}

impl Permissions {
    /// What README's table says that this command needs on this queue.
    fn of(command: &str, queue: &str) -> Self {
        let readme = std::fs::read_to_string(env::root().join("README.md")).unwrap();
        let begin = format!("| `{command}`");
        let row = readme
            .lines()
            .find(|line| line.starts_with(&begin))
            .unwrap();
        // A bar in a table is escaped, and the test's queues have no dot in their names.
        let row = row.replace("\\|", "\0").replace('Q', queue);
        let cells =
            row.split('|')
                .skip(2)
                .take(3)
                .map(|cell| match cell.trim().trim_matches('`') {
                    "" => "^$".to_owned(),
                    pattern => pattern.replace('\0', "|"),
                });
        let [configure, write, read] = cells.collect::<Vec<_>>().try_into().unwrap();
        Self {
            configure,
            write,
            read,
        }
    }

    /// The same without each of them in turn.
    fn with_one_less(&self) -> Vec<Self> {
        let mut less = vec![self.clone(), self.clone(), self.clone()];
        let nothing = "^$";
        nothing.clone_into(&mut less[0].configure);
        nothing.clone_into(&mut less[1].write);
        nothing.clone_into(&mut less[2].read);
        less.retain(|less| less.key() != self.key());
        less
    }

    fn key(&self) -> (String, String, String) {
        let Self {
            configure,
            write,
            read,
        } = self.clone();
        (configure, write, read)
    }
}

/// Users of the broker's, by their permissions.
struct Users<'a> {
    broker: &'a Broker,
    names: BTreeMap<(String, String, String), String>,
}

impl<'a> Users<'a> {
    fn new(broker: &'a Broker, all: &[Permissions]) -> Self {
        let mut names: BTreeMap<(String, String, String), String> = BTreeMap::new();
        for permissions in all {
            for user in permissions.with_one_less().iter().chain([permissions]) {
                names.insert(user.key(), env::unique("user"));
            }
        }
        broker.add_users(names.iter().map(|((configure, write, read), name)| {
            (name.as_str(), "pw", [configure.as_str(), write, read])
        }));
        Self { broker, names }
    }

    /// Runs a command as the user with these permissions.
    fn run(&self, permissions: &Permissions, queue: &str, words: &[&str]) -> Ended {
        let name = &self.names[&permissions.key()];
        let url = self.broker.url_with(&format!("{name}:pw"), "");
        let mut command = command(words[0]);
        command.args(["-u", &url, "-q", queue]).args(&words[1..]);
        spawn(command).ended()
    }

    /// The command does its work with these permissions, and not with one less.
    fn expect_just_enough(&self, permissions: &Permissions, queue: &str, words: &[&str]) -> Ended {
        for less in permissions.with_one_less() {
            let refused = self.run(&less, queue, words);
            refused
                .expect(77)
                .says("refused access")
                .says("set_permissions");
        }
        self.run(permissions, queue, words).expect(0)
    }
}

impl Drop for Users<'_> {
    fn drop(&mut self) {
        self.broker
            .delete_users(self.names.values().map(String::as_str));
    }
}

#[test]
fn sending() {
    let broker = env::shared();
    let admin = Admin::new(broker, "rights");
    let queue = admin.queue.as_str();
    let declares = Permissions::of("new_task", queue);
    let sends = Permissions::of("new_task --no-declare", queue);
    let users = Users::new(broker, &[declares.clone(), sends.clone()]);
    users.expect_just_enough(&declares, queue, &["new_task", "x"]);
    users.expect_just_enough(&sends, queue, &["new_task", "--no-declare", "x"]);
    assert_eq!(admin.ready(), 2);
}

#[test]
fn sending_for_later() {
    let broker = env::shared();
    let admin = Admin::new(broker, "rights");
    let (queue, delay) = (
        admin.queue.as_str(),
        format!("{}.delay.600000", admin.queue),
    );
    let declares = Permissions::of("new_task --delay", queue);
    let sends = Permissions::of("new_task --no-declare --delay", queue);
    let users = Users::new(broker, &[declares.clone(), sends.clone()]);
    let later = ["new_task", "--delay", "10m", "x"];
    let in_any_case = ["new_task", "--no-declare", "--delay", "10m", "x"];
    let refused = users.run(&sends, queue, &in_any_case).expect(73);
    refused.says(&format!("no queue '{queue}'"));
    admin.declare();
    let refused = users.run(&sends, queue, &in_any_case).expect(73);
    refused.says(&format!("no queue '{delay}'"));
    users.expect_just_enough(&declares, queue, &later);
    users.expect_just_enough(&sends, queue, &in_any_case);
    assert_eq!(admin.ready_in(&delay), 2);
    let into_a_short_queue = ["new_task", "--no-declare", "--max-backlog", "1", "x"];
    users.expect_just_enough(&sends, queue, &into_a_short_queue);
    assert_eq!(admin.ready(), 1);
    admin.delete_queue(&delay);
}

#[test]
fn asking_and_answering() {
    let broker = env::shared();
    let admin = Admin::new(broker, "rights");
    let queue = admin.queue.as_str();
    admin.declare();
    let asks = Permissions::of("new_task --no-declare", queue);
    let answers = Permissions::of("worker --no-declare -- COMMAND", queue);
    let users = Users::new(broker, &[asks.clone(), answers.clone()]);
    let words = [
        "worker",
        "--no-declare",
        "--max-tasks",
        "1",
        "--on-failure",
        "drop",
    ];
    let words = [&words[..], &["--max-redeliveries", "0", "--", "cat"]].concat();
    let [no_write, no_read]: [Permissions; 2] = answers.with_one_less().try_into().ok().unwrap();
    // The task is done, whoever hears of it.
    let unheard = admin.ask("x");
    users
        .run(&no_write, queue, &words)
        .expect(0)
        .says("a result could not be delivered")
        .says("set_permissions");
    drop(unheard);
    assert_eq!(admin.ready(), 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            users
                .run(&no_read, queue, &words)
                .expect(77)
                .says("set_permissions");
            users.run(&answers, queue, &words).expect(0);
        });
        let words = ["new_task", "--no-declare", "--wait", "x"];
        let ended = users.expect_just_enough(&asks, queue, &words);
        assert_eq!(ended.stdout, "x\n");
    });
}

#[test]
fn working() {
    let broker = env::shared();
    let admin = Admin::new(broker, "rights");
    let queue = admin.queue.as_str();
    admin.declare();
    admin.publish(&["1", "2"]);
    let declares = Permissions::of("worker", queue);
    let works = Permissions::of("worker --no-declare", queue);
    let looks = Permissions::of("worker --status", queue);
    let users = Users::new(broker, &[declares.clone(), works.clone(), looks.clone()]);
    let one = ["worker", "--max-tasks", "1"];
    users.expect_just_enough(&declares, queue, &one);
    users.expect_just_enough(&works, queue, &[&one[..], &["--no-declare"]].concat());
    assert_eq!(admin.ready(), 0);

    let status = ["worker", "--status"];
    let version = broker.version();
    if version >= Version(4, 2, 6) {
        users.expect_just_enough(&looks, queue, &status);
    } else {
        let why = "everyone may ask whether a queue is there, so --status needs no permission";
        env::left_out(version, why);
        for enough in looks.with_one_less().iter().chain([&looks]) {
            users.run(enough, queue, &status).expect(0);
        }
    }
}

#[test]
fn failing_and_looking_after_it() {
    let broker = env::shared();
    let admin = Admin::new(broker, "rights");
    let queue = admin.queue.as_str();
    let (dead, delay) = (format!("{queue}.dead"), format!("{queue}.delay.20"));
    admin.declare();
    admin.publish(&["x"]);
    let declares = Permissions::of("worker -- COMMAND", queue);
    let works = Permissions::of("worker --no-declare -- COMMAND", queue);
    let lists = Permissions::of("worker --list-dead", queue);
    let replays = Permissions::of("worker --replay-dead", queue);
    let sends = Permissions::of("worker --replay-dead --no-declare", queue);
    let users = Users::new(
        broker,
        &[
            declares.clone(),
            works.clone(),
            lists.clone(),
            replays.clone(),
            sends.clone(),
        ],
    );
    let fails = |options: &[&'static str]| {
        let begin = [
            "worker",
            "--retries",
            "1",
            "--backoff",
            "20ms",
            "--max-tasks",
            "2",
        ];
        [&begin[..], options, &["--", "false"]].concat()
    };

    // Nothing is there yet, and nothing may be made.
    let refused = users
        .run(&works, queue, &fails(&["--no-declare"]))
        .expect(73);
    refused
        .says(&format!("warning: there is no queue `{delay}`"))
        .says(&format!(
            "cannot put a task aside, so it stays in the queue: there is no queue `{delay}`"
        ));
    admin.wait_for_ready(1);

    users.expect_just_enough(&declares, queue, &fails(&[]));
    assert_eq!(admin.ready_in(&dead), 1);
    users.expect_just_enough(&lists, queue, &["worker", "--list-dead"]);
    users.expect_just_enough(&replays, queue, &["worker", "--replay-dead"]);
    assert_eq!(admin.ready(), 1);

    // Now the queues are there.
    users.expect_just_enough(&works, queue, &fails(&["--no-declare"]));
    assert_eq!(admin.ready_in(&dead), 1);
    let replay = ["worker", "--replay-dead", "--no-declare"];
    users.expect_just_enough(&sends, queue, &replay);
    assert_eq!(admin.ready(), 1);
    admin.delete_queue(&delay);
}

#[test]
fn the_refusal_of_a_dead_letter_queue_gives_the_task_back() {
    let broker = env::shared();
    let admin = Admin::new(broker, "rights");
    let queue = admin.queue.as_str();
    admin.declare();
    admin.publish(&["x"]);
    let no_dead = Permissions {
        configure: format!("^{queue}$"),
        ..Permissions::of("worker -- COMMAND", queue)
    };
    let users = Users::new(broker, std::slice::from_ref(&no_dead));
    let words = ["worker", "--on-failure", "dead-letter", "--", "false"];
    let refused = users.run(&no_dead, queue, &words).expect(77);
    refused.says(&format!("access to queue '{queue}.dead'"));
    assert_eq!(admin.ready(), 1);
}
