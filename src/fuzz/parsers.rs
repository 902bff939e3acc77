//! Property tests of what reads the command line: URLs and headers.

use super::check;
use crate::endpoint::Endpoint;
use crate::escape::escape;
use crate::fault::Kind;
use crate::task::{Header, TaskOptions, Template};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;

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
    check(&prop_oneof![with_secret, without], |(text, secret)| {
        let shown = match Endpoint::parse(&text) {
            Ok(endpoint) => {
                prop_assert!(endpoint.vhost.len() <= 255);
                // A password that ends early is the user's mistake; what follows is the host.
                if endpoint.host == "host" {
                    format!("{endpoint} {endpoint:?}")
                } else {
                    String::new()
                }
            }
            Err(fault) => {
                prop_assert_eq!(fault.kind, Kind::SetUp);
                fault.to_string()
            }
        };
        prop_assert!(is_harmless(&shown), "{:?}", shown);
        prop_assert!(secret.is_empty() || !shown.contains(&secret), "{:?}", shown);
        Ok(())
    });
}

#[test]
fn fuzz_urls_keep_every_part() {
    let part = || ".{1,40}";
    check(
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

#[test]
fn fuzz_headers() {
    let text = prop_oneof![".{0,40}", "[cCbBxXtask-]{0,6}=.{0,20}", "[a-z]{250,260}=v"];
    check(&text, |text| {
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

#[test]
fn fuzz_escapes() {
    check(&proptest::collection::vec(any::<u8>(), 0..60), |bytes| {
        let shown = escape(&bytes);
        prop_assert!(is_harmless(&shown));
        prop_assert!(!shown.chars().any(char::is_control));
        Ok(())
    });
}
