//! Users who send.

use super::{Permissions, Users};
use crate::env::{self, Admin};

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
    // The task is done, whether or not anybody hears of it.
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
