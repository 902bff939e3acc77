use super::*;
use crate::base::cancellation::cancellation;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::thread;

fn connected() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (near, listener.accept().unwrap().0)
}

fn watchdog(switch: &KillSwitch, when_cancelled: WhenCancelled) -> Watchdog {
    let (watchdog, watch) = Watchdog::new(
        switch.clone(),
        Arc::default(),
        when_cancelled,
        WhenSlow::default(),
    );
    thread::spawn(move || watch.run());
    watchdog
}

#[test]
fn a_call_that_takes_too_long_is_ended() {
    let (mut near, _far) = connected();
    let switch = KillSwitch::new(near.try_clone().unwrap());
    let (_cancellation, when_cancelled) = cancellation();
    let watchdog = watchdog(&switch, when_cancelled);
    let _guard = watchdog.guard(Duration::from_millis(20));
    assert_eq!(near.read(&mut [0]).unwrap(), 0);
    assert!(switch.is_thrown());
}

#[test]
fn a_short_limit_counts_also_while_a_long_one_is_slept_out() {
    let (mut near, _far) = connected();
    let switch = KillSwitch::new(near.try_clone().unwrap());
    let (_cancellation, when_cancelled) = cancellation();
    let watchdog = watchdog(&switch, when_cancelled);
    drop(watchdog.guard(Duration::from_secs(60)));
    while watchdog.line.watched().wakes_at.is_none() {
        // It may have been quicker to end than the thread to begin.
        drop(watchdog.guard(Duration::from_secs(60)));
        thread::yield_now();
    }
    assert!(!switch.is_thrown());
    let _guard = watchdog.guard(Duration::from_millis(20));
    assert_eq!(near.read(&mut [0]).unwrap(), 0);
    assert!(switch.is_thrown());
}

#[test]
fn a_connection_that_lasts_is_told_to_be_slow_once() {
    let (near, _far) = connected();
    let (_cancellation, when_cancelled) = cancellation();
    let (told, is_slow) = bounded(2);
    let when_slow = WhenSlow::new(move || {
        let _ = told.try_send(());
    });
    let switch = KillSwitch::new(near);
    let (watchdog, watch) = Watchdog::new(switch, Arc::default(), when_cancelled, when_slow);
    let watches = thread::spawn(move || watch.run());
    is_slow.recv_timeout(Duration::from_secs(60)).unwrap();
    drop(watchdog);
    watches.join().unwrap();
    assert_eq!(is_slow.try_iter().count(), 0);
}

#[test]
fn it_sleeps_on_when_calls_begin_and_end() {
    let (near, _far) = connected();
    let (_cancellation, when_cancelled) = cancellation();
    let (watchdog, watch) = Watchdog::new(
        KillSwitch::new(near),
        Arc::default(),
        when_cancelled,
        WhenSlow::default(),
    );
    let now = Instant::now();
    let limit = Duration::from_secs(30);
    let guard = watchdog.guard(limit);
    assert!(watchdog.waker.is_full(), "it must hear of the first");
    watch.calls.recv().unwrap();
    assert_eq!(watch.next(now), CLOSE_LIMIT);
    drop(guard);
    drop(watchdog.guard(CLOSE_LIMIT));
    drop(watchdog.guard(limit));
    let _guard = watchdog.guard(limit);
    assert!(watchdog.waker.is_empty());
    // It wakes at the end of the first, and sleeps on to that of the last.
    assert!(watch.next(now + limit) > Duration::ZERO);
    assert!(!watch.line.switch.is_thrown());
}

#[test]
fn a_cut_ends_guarded_calls_alone() {
    let (mut near, mut far) = connected();
    let switch = KillSwitch::new(near.try_clone().unwrap());
    let (cancellation, when_cancelled) = cancellation();
    let watchdog = watchdog(&switch, when_cancelled);
    drop(watchdog.guard(Duration::from_secs(60)));
    drop(cancellation);
    while !watchdog.line.watched().is_cancelled {
        thread::yield_now();
    }
    std::io::Write::write_all(&mut far, b"x").unwrap();
    assert_eq!(near.read(&mut [0]).unwrap(), 1);
    let sending = watchdog.guard_sending(Duration::from_secs(60));
    std::io::Write::write_all(&mut far, b"x").unwrap();
    assert_eq!(near.read(&mut [0]).unwrap(), 1, "it is given a moment");
    drop(sending);
    let _guard = watchdog.guard(Duration::from_secs(60));
    assert_eq!(near.read(&mut [0]).unwrap(), 0);
    assert!(switch.is_thrown());
}

#[test]
fn what_is_sent_after_a_cut_has_a_moment_and_no_more() {
    let (near, _far) = connected();
    let (cancellation, when_cancelled) = cancellation();
    let (watchdog, watch) = Watchdog::new(
        KillSwitch::new(near),
        Arc::default(),
        when_cancelled,
        WhenSlow::default(),
    );
    watchdog.line.watched().is_cancelled = true;
    drop(cancellation);
    let now = Instant::now();
    let _guard = watchdog.guard_sending(Duration::from_secs(60));
    assert!(watch.next(now) <= AFTER_CANCELLATION + now.elapsed());
    assert!(!watch.line.switch.is_thrown());
    watch.next(now + 2 * AFTER_CANCELLATION);
    assert!(watch.line.switch.is_thrown());
}

#[test]
fn what_still_leaves_is_given_time() {
    let (near, _far) = connected();
    let (_cancellation, when_cancelled) = cancellation();
    let written = Arc::new(AtomicU64::new(0));
    let switch = KillSwitch::new(near);
    let (watchdog, watch) = Watchdog::new(
        switch,
        Arc::clone(&written),
        when_cancelled,
        WhenSlow::default(),
    );
    let limit = Duration::from_secs(30);
    let _guard = watchdog.guard_leaving(limit);
    let mut now = Instant::now() + limit;
    for _ in 0..5 {
        written.fetch_add(1, Ordering::Relaxed);
        assert_eq!(watch.next(now), CLOSE_LIMIT);
        assert_eq!(watchdog.line.watched().deadline, Some(now + limit));
        now += limit;
    }
    assert!(!watch.line.switch.is_thrown());
    watch.next(now);
    assert!(watch.line.switch.is_thrown());
}

#[test]
fn an_answer_is_waited_for_while_what_was_sent_before_it_leaves_and_heartbeats_do_not_count() {
    let (near, _far) = connected();
    let (_cancellation, when_cancelled) = cancellation();
    let written = Arc::new(AtomicU64::new(0));
    let switch = KillSwitch::new(near);
    let (watchdog, watch) = Watchdog::new(
        switch,
        Arc::clone(&written),
        when_cancelled,
        WhenSlow::default(),
    );
    let limit = Duration::from_secs(30);
    let _guard = watchdog.guard(limit);
    let mut now = Instant::now() + limit;
    for _ in 0..5 {
        written.fetch_add(30_000, Ordering::Relaxed);
        assert_eq!(watch.next(now), CLOSE_LIMIT);
        assert_eq!(watchdog.line.watched().deadline, Some(now + limit));
        now += limit;
    }
    assert!(!watch.line.switch.is_thrown());
    written.fetch_add(30 * 8, Ordering::Relaxed);
    watch.next(now);
    assert!(watch.line.switch.is_thrown());
}
