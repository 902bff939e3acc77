use super::*;

#[test]
fn every_placeholder_is_replaced_once() {
    for (argument, whole) in [
        (c"plain", c"plain"),
        (c"{}", c"a{}b"),
        (c"x={} y={}.", c"x=a{}b y=a{}b."),
        (c"{ }", c"{ }"),
    ] {
        assert_eq!(*substitute(argument, b"a{}b").unwrap(), *whole);
    }
    assert!(substitute(c"x", b"\0").is_ok());
    assert!(substitute(c"{}", b"\0").is_err());
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
