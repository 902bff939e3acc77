use super::*;
use proptest::prelude::*;

fn answer(number: u64, size: usize) -> TaskResult {
    let stdout = format!("{number}:").into_bytes();
    TaskResult {
        stdout: [stdout, vec![b'x'; size]].concat(),
        ..TaskResult::default()
    }
}

fn number(answer: &TaskResult) -> u64 {
    let text = String::from_utf8(answer.stdout.clone()).unwrap();
    text.split(':').next().unwrap().parse().unwrap()
}

#[test]
fn what_does_not_fit_into_memory_waits_in_a_file() {
    let mut ordered = Ordered::default();
    let mut printed = Vec::new();
    for round in 0..2 {
        for number in (1..=6).rev().map(|number| round * 6 + number) {
            let answer = answer(number, IN_MEMORY / 3);
            ordered
                .take(number, Some(answer), |_, printed_now| {
                    let number = super::tests::number(printed_now);
                    assert_eq!(*printed_now, self::answer(number, IN_MEMORY / 3));
                    printed.push(number);
                    Ok(())
                })
                .unwrap();
        }
        let spool = ordered.spool.as_ref().unwrap();
        assert_eq!((spool.used, spool.end, ordered.kept), (0, 0, 0));
        assert_eq!(spool.file.metadata().unwrap().len(), 0);
    }
    assert_eq!(printed, (1..=12).collect::<Vec<_>>());
}

proptest! {
    #[test]
    fn the_order_is_that_of_the_tasks(
        order in Just((1..=30_u64).collect::<Vec<_>>()).prop_shuffle(),
        missing in proptest::collection::btree_set(1..=30_u64, 0..10),
        never_told in proptest::collection::btree_set(1..=30_u64, 0..3),
        no_tasks in proptest::collection::btree_set(1..=30_u64, 0..20),
    ) {
        let mut ordered = Ordered::default();
        let mut printed = Vec::new();
        let mut print = |told, answer: &TaskResult| {
            assert_eq!(told, number(answer));
            printed.push(told);
            Ok(())
        };
        let mut next = 1;
        for number in (1..=30).filter(|number| !no_tasks.contains(number)) {
            ordered.leave_out(next..number);
            next = number + 1;
        }
        let is_told = |number: &u64| !never_told.contains(number) && !no_tasks.contains(number);
        for number in order.into_iter().filter(is_told) {
            let answer = (!missing.contains(&number)).then(|| answer(number, 10));
            ordered.take(number, answer, &mut print).unwrap();
        }
        // Without those that are never told, nothing waits for the end.
        let waits = ordered.waiting.len();
        ordered.finish(&mut print).unwrap();
        let expected: Vec<_> =
            (1..=30).filter(|n| is_told(n) && !missing.contains(n)).collect();
        prop_assert_eq!(printed, expected);
        prop_assert!(waits == 0 || never_told.iter().any(|n| !no_tasks.contains(n)));
    }
}
