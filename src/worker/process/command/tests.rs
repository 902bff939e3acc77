use super::*;

#[test]
fn every_placeholder_is_replaced_once() {
    let sub = |argument: &str| substitute(OsStr::new(argument), b"a{}b").into_owned();
    assert_eq!(sub("plain"), "plain");
    assert_eq!(sub("{}"), "a{}b");
    assert_eq!(sub("x={} y={}."), "x=a{}b y=a{}b.");
    assert_eq!(sub("{ }"), "{ }");
}

#[test]
fn header_names_become_variables() {
    assert_eq!(variable("content-kind.2"), "TASK_HEADER_CONTENT_KIND_2");
    assert_eq!(variable("ü="), "TASK_HEADER___");
}

#[test]
fn programs_are_found_or_refused() {
    assert!(find_program(OsStr::new("sh")).is_ok());
    for (name, why) in [
        ("no-such-program-here", "not found in PATH"),
        ("/etc", "directory"),
        ("/etc/passwd", "not executable"),
        ("/no/such", "No such file"),
    ] {
        let fault = find_program(OsStr::new(name)).unwrap_err();
        assert_eq!(fault.kind, Kind::SetUp);
        assert!(fault.to_string().contains(why), "{fault}");
    }
}
