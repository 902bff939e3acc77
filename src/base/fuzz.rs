//! Runs property tests of whatever reads what others wrote: each for a moment with the other tests,
//! and for minutes with `scripts/fuzz`.

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use std::time::{Duration, Instant};

/// Cases in an ordinary run of the tests: all properties together take a few seconds.
const CASES: u32 = 256;

/// Checks that `test` holds for whatever `strategy` comes up with: for [`CASES`] cases, and then
/// until `FUZZ_SECONDS` have passed, where that is set. A case that fails is shrunk and printed.
pub(crate) fn check<S: Strategy>(
    strategy: &S,
    test: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let seconds = std::env::var("FUZZ_SECONDS").ok();
    let limit = seconds.and_then(|seconds| seconds.parse().ok());
    let limit = Duration::from_secs(limit.unwrap_or(0));
    let config = Config {
        cases: CASES,
        // Nothing is written into the source tree: a case that fails becomes an ordinary test.
        failure_persistence: None,
        ..Config::default()
    };
    let started = Instant::now();
    let mut cases = 0_u64;
    loop {
        // A runner counts its cases, and runs no more once it has had enough; each has a seed of
        // its own.
        if let Err(error) = TestRunner::new(config.clone()).run(strategy, &test) {
            panic!("{error}");
        }
        cases += u64::from(CASES);
        if started.elapsed() >= limit {
            break;
        }
    }
    if !limit.is_zero() {
        let name = std::thread::current().name().unwrap_or("?").to_owned();
        let seconds = started.elapsed().as_secs();
        #[allow(clippy::print_stdout, reason = "it is what the run is for")]
        {
            println!("fuzz: {name}: {cases} cases in {seconds} s");
        }
    }
}
