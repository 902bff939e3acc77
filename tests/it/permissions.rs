//! Users who may do only what a command needs, as README's table tells. Each permission is needed:
//! without it the command ends with 77, and says so.

use crate::env::{self, Admin, Broker, Ended, command, spawn};
use std::collections::BTreeMap;

/// The broker's regular expressions for what a user may configure, write and read.
#[derive(Clone)]
struct Permissions {
    configure: String,
    write: String,
    read: String,
}

impl Permissions {
    /// Of names without a character that means something in regular expressions, except for `.`.
    fn new(configure: &[&str], write: &[&str], read: &[&str]) -> Self {
        let either = |names: &[&str]| format!("^({})$", names.join("|").replace('.', "[.]"));
        Self {
            configure: either(configure),
            write: either(write),
            read: either(read),
        }
    }

    /// The same without each of them in turn.
    fn with_one_less(&self) -> Vec<Self> {
        let mut less = vec![self.clone(), self.clone(), self.clone()];
        let nothing = "^()$";
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

const DEFAULT_EXCHANGE: &str = "amq.default";

#[test]
fn sending() {
    let broker = env::shared();
    let admin = Admin::new(broker, "rights");
    let queue = admin.queue.as_str();
    let declares = Permissions::new(&[queue], &[DEFAULT_EXCHANGE], &[]);
    let sends = Permissions::new(&[], &[DEFAULT_EXCHANGE], &[]);
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
    let both = [queue, &delay];
    let declares = Permissions::new(&both, &[DEFAULT_EXCHANGE], &[&delay]);
    let sends = Permissions::new(&[], &[DEFAULT_EXCHANGE], &[]);
    let users = Users::new(broker, &[declares.clone(), sends.clone()]);
    let later = ["new_task", "--delay", "10m", "x"];
    let in_any_case = ["new_task", "--no-declare", "--delay", "10m", "x"];
    let refused = users.run(&sends, queue, &in_any_case).expect(73);
    refused.says(&format!("no queue '{delay}'"));
    users.expect_just_enough(&declares, queue, &later);
    users.expect_just_enough(&sends, queue, &in_any_case);
    assert_eq!(admin.ready_in(&delay), 2);
    admin.delete_queue(&delay);
}

#[test]
fn asking_and_answering() {
    let broker = env::shared();
    let admin = Admin::new(broker, "rights");
    let queue = admin.queue.as_str();
    admin.declare();
    let asks = Permissions::new(&[], &[DEFAULT_EXCHANGE], &[]);
    let answers = Permissions::new(&[], &[DEFAULT_EXCHANGE], &[queue]);
    let users = Users::new(broker, &[asks.clone(), answers.clone()]);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let words = [
                "worker",
                "--no-declare",
                "--max-tasks",
                "1",
                "--on-failure",
                "drop",
            ];
            let words = [&words[..], &["--max-redeliveries", "0", "--", "cat"]].concat();
            users.expect_just_enough(&answers, queue, &words);
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
    let declares = Permissions::new(&[queue], &[], &[queue]);
    let works = Permissions::new(&[], &[], &[queue]);
    let nothing = Permissions::new(&[], &[], &[]);
    let users = Users::new(broker, &[declares.clone(), works.clone(), nothing.clone()]);
    let one = ["worker", "--max-tasks", "1"];
    users.expect_just_enough(&declares, queue, &one);
    users.expect_just_enough(&works, queue, &[&one[..], &["--no-declare"]].concat());
    users.expect_just_enough(&nothing, queue, &["worker", "--status"]);
    assert_eq!(admin.ready(), 0);
}

#[test]
fn failing_and_looking_after_it() {
    let broker = env::shared();
    let admin = Admin::new(broker, "rights");
    let queue = admin.queue.as_str();
    let (dead, delay) = (format!("{queue}.dead"), format!("{queue}.delay.20"));
    admin.declare();
    admin.publish(&["x"]);
    let all = [queue, &delay, &dead];
    let declares = Permissions::new(&all, &[DEFAULT_EXCHANGE], &[queue, &delay]);
    let works = Permissions::new(&[], &[DEFAULT_EXCHANGE], &[queue]);
    let lists = Permissions::new(&[], &[], &[&dead]);
    let replays = Permissions::new(&[queue], &[DEFAULT_EXCHANGE], &[&dead]);
    let sends = Permissions::new(&[], &[DEFAULT_EXCHANGE], &[&dead]);
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
    refused.says(&format!("there is no queue `{delay}`"));

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
    let no_dead = Permissions::new(&[queue], &[DEFAULT_EXCHANGE], &[queue]);
    let users = Users::new(broker, std::slice::from_ref(&no_dead));
    let words = ["worker", "--on-failure", "dead-letter", "--", "false"];
    let refused = users.run(&no_dead, queue, &words).expect(77);
    refused.says(&format!("access to queue '{queue}.dead'"));
    assert_eq!(admin.ready(), 1);
}
