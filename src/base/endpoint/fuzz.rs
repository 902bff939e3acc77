//! Property tests: nothing that a URL says gets lost, and no password is shown.

use super::Endpoint;
use crate::base::escape::escape;
use crate::base::fault::Kind;
use crate::base::fuzz;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use std::cell::Cell;

/// Whether a terminal shows it as it is.
fn is_harmless(text: &str) -> bool {
    text == escape(text.as_bytes())
}

#[test]
fn fuzz_urls() {
    let soup = proptest::collection::vec(
        prop_oneof![
            2 => proptest::sample::select(vec![
                "amqp://", "amqps://", "://", ":", "@", "/", "//", "#", "?", "%", "%2F", "%ff", "[",
                "]", "[::1]", "localhost", "\\", ",", " ", "\u{1b}[2J", "\0", "5672", "99999", "ü",
            ]).prop_map(str::to_owned),
            1 => ".{0,8}",
        ],
        0..10,
    );
    let secret = "hunter2[a-z0-9]{6}";
    let with_secret = (soup.clone(), secret).prop_map(|(pieces, secret)| {
        // Somewhere between the pieces, as where a password holds characters of its own.
        let (begin, end) = pieces.split_at(pieces.len() / 2);
        (
            format!("amqp://me:{}{secret}{}@host", begin.concat(), end.concat()),
            secret,
        )
    });
    let without = soup.prop_map(|pieces| (pieces.concat(), String::new()));
    // How many URLs were taken with the secret in the password, and how many with it were refused.
    let (hidden, refused) = (Cell::new(0), Cell::new(0));
    let count = |cases: &Cell<u32>| cases.set(cases.get() + 1);
    fuzz::check(&prop_oneof![with_secret, without], |(text, secret)| {
        let (shown, is_secret) = match Endpoint::parse(&text) {
            Ok(endpoint) => {
                prop_assert!(endpoint.vhost.len() <= 255);
                // Where the password ends early, which is the user's mistake, what follows is host
                // or vhost and is shown.
                let is_secret = endpoint.password.reveal().contains(&secret);
                (format!("{endpoint} {endpoint:?}"), is_secret)
            }
            Err(fault) => {
                prop_assert_eq!(fault.kind, Kind::SetUp);
                (fault.to_string(), true)
            }
        };
        prop_assert!(is_harmless(&shown), "{:?}", shown);
        if is_secret && !secret.is_empty() {
            prop_assert!(!shown.contains(&secret), "{:?}", shown);
            count(if Endpoint::parse(&text).is_ok() {
                &hidden
            } else {
                &refused
            });
        }
        Ok(())
    });
    for cases in [hidden, refused] {
        assert!(cases.get() > 10, "{cases:?} cases show nothing");
    }
}

#[test]
fn fuzz_urls_keep_every_part() {
    let part = || ".{1,40}";
    fuzz::check(
        &(part(), part(), part(), 1..=u16::MAX),
        |(user, password, vhost, port)| {
            let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
            let url = format!(
                "amqp://{}:{}@[::1]:{port}/{}",
                encode(&user),
                encode(&password),
                encode(&vhost)
            );
            // URLs give these two a meaning of their own.
            prop_assume!(vhost != "." && vhost != "..");
            let endpoint = Endpoint::parse(&url).unwrap();
            prop_assert_eq!(&endpoint.user, &user);
            prop_assert_eq!(endpoint.password.reveal(), password);
            prop_assert_eq!(&endpoint.vhost, &vhost);
            prop_assert_eq!(endpoint.port, port);
            let again = Endpoint::parse(&endpoint.to_string()).unwrap();
            prop_assert_eq!((again.user, again.vhost), (user, vhost));
            Ok(())
        },
    );
}
