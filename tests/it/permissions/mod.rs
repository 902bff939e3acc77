//! Users who may do only what a command needs, as the table in docs/operations.md tells. Each permission is needed:
//! without it the command ends with 77, and says so. A result that a worker may not deliver is an
//! exception: its task is done all the same.

mod sending;
mod working;

use crate::env::{self, Broker, Ended, command, spawn};
use std::collections::BTreeMap;

/// The broker's regular expressions for what a user may configure, write and read.
#[derive(Clone)]
struct Permissions {
    configure: String,
    write: String,
    read: String,
}

impl Permissions {
    /// What the table in docs/operations.md says that this command needs on this queue.
    fn of(command: &str, queue: &str) -> Self {
        let page = std::fs::read_to_string(env::root().join("docs/operations.md")).unwrap();
        let begin = format!("| `{command}`");
        let row = page.lines().find(|line| line.starts_with(&begin)).unwrap();
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
