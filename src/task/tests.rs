use super::*;
use crate::base::fuzz;
use proptest::prelude::*;

#[test]
fn every_new_task_has_its_own_id() {
    let template = Template::new(&TaskOptions::default());
    let new = || template.task(b"x".to_vec());
    assert_ne!(new().id(), new().id());
    assert!(
        new()
            .properties
            .timestamp()
            .is_some_and(|at| at > 1_700_000_000)
    );
}

#[test]
fn only_ids_of_ours_are_trusted() {
    let ours = Template::new(&TaskOptions::default()).task(Vec::new());
    assert!(ours.has_own_id());
    let with = |id: &str, properties: Properties| Task {
        body: Vec::new(),
        properties: properties.with_id(id.to_owned()),
    };
    let random = "f47ac10b-58cc-4372-a567-0e02b2c3d479";
    for id in ["job-7", random, ""] {
        assert!(!with(id, ours.properties.clone()).has_own_id(), "{id}");
    }
    assert!(!with(ours.id(), Properties::persistent()).has_own_id());
}

#[test]
fn headers_are_split_at_the_first_equals_sign() {
    let header: Header = "a=b=c".parse().unwrap();
    assert_eq!((header.name.as_str(), header.value.as_str()), ("a", "b=c"));
    let empty: Header = "a=".parse().unwrap();
    assert_eq!(empty.value, "");
}

#[test]
fn headers_with_a_meaning_of_their_own_are_refused() {
    for text in ["a", "=v", "CC=x", "x-death=1", "task-attempts=9"] {
        assert!(text.parse::<Header>().is_err(), "{text}");
    }
    assert!(format!("{}=v", "n".repeat(256)).parse::<Header>().is_err());
    assert!(format!("{}=v", "n".repeat(255)).parse::<Header>().is_ok());
}

#[test]
fn a_task_tells_when_it_was_sent_as_exactly_as_it_can() {
    let second = Duration::from_secs(1);
    let sent = |task: &Task| task.sent_at().unwrap();
    let before = SystemTime::now();
    let mut task = Template::new(&TaskOptions::default()).task(Vec::new());
    let told = sent(&task);
    // To a millisecond, of which the rest is cut off.
    assert!(told + Duration::from_millis(1) > before && told <= SystemTime::now());
    let seconds = task.properties.timestamp().unwrap();
    let whole = UNIX_EPOCH + second * u32::try_from(seconds).unwrap();
    for id in [
        "job-7",
        "",
        // Made in 2022, the example of RFC 9562.
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
    ] {
        task.properties = task.properties.clone().with_id(id.to_owned());
        assert_eq!(sent(&task), whole, "{id}");
    }
    task.properties = Properties::persistent();
    assert_eq!(task.sent_at(), None);
}

#[test]
fn fuzz_headers() {
    let text = prop_oneof![".{0,40}", "[cCbBxXtask-]{0,6}=.{0,20}", "[a-z]{250,260}=v"];
    fuzz::check(&text, |text| {
        if let Ok(header) = text.parse::<Header>() {
            let (name, value) = text.split_once('=').unwrap();
            prop_assert!((1..=255).contains(&name.len()));
            let options = TaskOptions {
                headers: vec![header],
                ..TaskOptions::default()
            };
            let task = Template::new(&options).task(Vec::new());
            prop_assert_eq!(task.properties.header(name), Some(value.to_owned()));
        }
        Ok(())
    });
}
