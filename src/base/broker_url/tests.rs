use super::*;

fn parse(text: &str) -> Endpoint {
    Endpoint::parse(text).unwrap()
}

fn refusal(text: &str) -> String {
    let fault = Endpoint::parse(text).unwrap_err();
    assert_eq!(fault.kind, Kind::SetUp);
    fault.to_string()
}

#[test]
fn defaults_fill_what_is_not_said() {
    for text in [
        "amqp://",
        "amqp://localhost",
        "amqp://guest:guest@localhost:5672/",
    ] {
        let endpoint = parse(text);
        assert_eq!(endpoint.address(), "localhost:5672", "{text}");
        assert_eq!(endpoint.vhost, "/");
        assert_eq!(endpoint.user, "guest");
        assert_eq!(endpoint.password.reveal(), "guest");
    }
}

#[test]
fn parts_are_percent_decoded() {
    let endpoint = parse("amqp://m%40x:p%23%2Fs%3A@h%C3%BC:1234/a%2Fb");
    assert_eq!(endpoint.user, "m@x");
    assert_eq!(endpoint.password.reveal(), "p#/s:");
    assert_eq!(endpoint.vhost, "a/b");
    assert_eq!(endpoint.host, "hü");
    assert_eq!(parse("amqp://h/%2F").vhost, "/");
}

#[test]
fn ipv6_addresses_keep_their_brackets_only_in_print() {
    let endpoint = parse("amqp://[::1]:5673");
    assert_eq!(endpoint.host, "::1");
    assert_eq!(endpoint.address(), "[::1]:5673");
}

#[test]
fn tls_and_certificates_are_asked_for_in_the_url() {
    let endpoint = parse("amqps://me:secret@host/v?auth_mechanism=EXTERNAL");
    assert_eq!(endpoint.scheme, Scheme::Tls);
    assert_eq!(endpoint.log_in, LogIn::Certificate);
    assert_eq!(endpoint.to_string(), "amqps://host:5671/v");
    let endpoint = parse("amqps://[::1]:1234");
    assert_eq!(endpoint.log_in, LogIn::Password);
    assert_eq!(endpoint.to_string(), "amqps://guest@[::1]:1234");
    assert_eq!(
        parse("amqp://h?auth_mechanism=plain").log_in,
        LogIn::Password
    );
    for text in [
        "amqps://h?heartbeat=5",
        "amqps://h?",
        "amqps://h?auth_mechanism=x",
    ] {
        assert!(refusal(text).contains("auth_mechanism"), "{text}");
    }
}

#[test]
fn nothing_that_can_be_printed_holds_the_password() {
    let endpoint = parse("amqp://me:hunter2@host/prod");
    assert_eq!(endpoint.to_string(), "amqp://me@host:5672/prod");
    assert!(!format!("{endpoint:?}").contains("hunter2"));
    for text in [
        "amqp://me:hunter2#x@host",
        "amqp://me:hunter2/x@host",
        "amqp://me:hunter2?x@host",
        "amqp://me:12#hunter2@host",
        "amqp://me:12?hunter2=1@host",
        "amqps://me:12?auth_mechanism=hunter2@host",
        "hunter2",
        "http://me:hunter2@host",
        "amqp://me:hunter2@host/a/b",
        "amqp://me:hunter2%ff@host",
        "amqp://me:12/hunter2@host",
    ] {
        let refusal = refusal(text);
        assert!(!refusal.contains("me:"), "{text}: {refusal}");
        assert!(!refusal.contains("hunter2"), "{text}: {refusal}");
    }
}

#[test]
fn another_vhost_is_never_taken_instead() {
    for text in [
        "amqp://h/.",
        "amqp://h/..",
        "amqp://h/%2E%2e",
        "amqp://h/a/../b",
    ] {
        assert!(refusal(text).contains("vhost"), "{text}");
    }
    assert_eq!(parse("amqp://h/...").vhost, "...");
}

#[test]
fn a_host_cannot_hold_terminal_escapes() {
    for text in ["amqp://%1b%5b2J", "amqp://\u{7f}", "amqp://h%E2%80%AE"] {
        assert!(refusal(text).contains("control characters"), "{text}");
    }
}

#[test]
fn special_characters_in_a_password_get_a_hint() {
    assert!(refusal("amqp://me:p#w@host").contains("%23"));
    assert!(refusal("amqp://me:p/w@host").contains("--password-file"));
}
