//! Declarations whose answers take long.

use super::*;

#[test]
fn a_body_of_several_frames_waits_for_the_declaration() {
    let mut bench = Bench::new(sender());
    bench.core.prepare(&Destination::Work, bench.now);
    let did = bench.run();
    bench.go_on(did);
    let did = bench.send_sized(1, Destination::Work, 200_000, 100);
    assert_eq!(
        did,
        [declared("q", Form::Blind), declared("q", Form::Check)]
    );
    assert_eq!(published(&bench.go_on(did)), [1]);
    let did = bench.send_sized(2, Destination::Work, 200_000, 100);
    assert_eq!(published(&did), [2]);
}

#[test]
fn a_declaration_that_is_never_answered_ends_the_connection() {
    let mut bench = Bench::new(config());
    bench.send(1, dead());
    bench.handle(Input::Connected(FirstChannel::Opens));
    assert_eq!(bench.until, Some(bench.now + PATIENCE));
    bench.now += PATIENCE;
    assert_eq!(bench.run(), [], "the second look");
    let did = bench.pass();
    assert_eq!(did[..2], [Disconnect, Tell("lost")]);
    assert_eq!(published(&did), [1]);
}

#[test]
fn a_declaration_behind_much_that_still_leaves_is_waited_for() {
    let mut bench = Bench::new(sender());
    bench.publish(1, Destination::Work);
    for number in 2..=80 {
        bench.send_sized(number, Destination::Work, 100_000, 100);
    }
    let text = "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': \
                received none but current is the value 'quorum' of type 'longstr'";
    let did = bench.handle(Input::ChannelClosed(closed(406, text)));
    assert_eq!(did, [declared("q", Form::Make)]);
    // 100 kB/s; the last megabytes lie in the system's buffers when all has left us.
    for second in 1..=120 {
        bench.now += Duration::from_secs(1);
        let leaves = (3_000_000 + second * 100_000).min(8_000_000);
        assert_eq!(bench.handle(Input::Written(leaves)), [], "{second}");
    }
    // But not for ever.
    let did = bench.pass_at_most(Duration::from_secs(60));
    assert!(did.contains(&Disconnect), "{did:?}");
}
