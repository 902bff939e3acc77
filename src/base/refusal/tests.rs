use super::*;

fn reply(code: u16, text: &str) -> Reply {
    let text = text.to_owned();
    Reply { code, text }
}

#[test]
fn mismatches_are_read_from_the_words_of_all_versions() {
    let durable = "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost \
                   '/': received 'true' but current is 'false'";
    let kind = "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'it's' in \
                vhost '/': received none but current is the value 'quorum' of type 'longstr'";
    let none = "PRECONDITION_FAILED - inequivalent arg 'x-max-priority' for queue 'q' in vhost \
                '/': received the value '5' of type 'signedint' but current is none";
    for (text, argument, queue, current) in [
        (durable, "durable", "q", "false"),
        (kind, "x-queue-type", "it's", "quorum"),
        (none, "x-max-priority", "q", "none"),
    ] {
        let expected = Mismatch {
            argument: argument.to_owned(),
            queue: queue.to_owned(),
            current: current.to_owned(),
        };
        assert_eq!(Mismatch::parse(text), Some(expected));
        assert_eq!(explain(reply(406, text)).kind, Kind::Queue);
    }
    assert_eq!(
        Mismatch::parse("PRECONDITION_FAILED - unknown delivery tag 7"),
        None
    );
}

#[test]
fn the_broker_cannot_write_to_the_terminal() {
    let fault = explain(reply(404, "NOT_FOUND - no queue '\x1b[2J'"));
    assert!(!fault.to_string().contains('\x1b'));
}

#[test]
fn what_passes_is_tried_again_and_what_stays_is_not() {
    let endpoint = Endpoint::parse("amqp://me:secret@h/v").unwrap();
    let explain = |code, text| explain_handshake(&endpoint, reply(code, text));
    assert!(!explain(403, "ACCESS_REFUSED - Login was refused").is_transient());
    assert!(!explain(530, "NOT_ALLOWED - vhost v not found").is_transient());
    assert!(!explain(530, "NOT_ALLOWED - access to vhost 'v' refused").is_transient());
    assert!(explain(530, "NOT_ALLOWED - connection limit (1) is reached").is_transient());
    assert!(explain(541, "INTERNAL_ERROR - vhost 'v' is down").is_transient());
    assert!(explain(320, "CONNECTION_FORCED - broker forced close").is_transient());
}
