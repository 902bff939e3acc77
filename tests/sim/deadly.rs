//! Bodies over which the broker closes the connection.

use crate::fault::{Fault, SMALL};
use crate::random::Random;
use crate::scenario::Course;
use std::time::Duration;

/// There may be such bodies from some time on. By a copy of chance, so that it changes nothing else.
pub fn with_fault(
    random: &Random,
    mut faults: Vec<(Duration, Fault)>,
    course: Course,
) -> Vec<(Duration, Fault)> {
    let mut random = random.clone();
    if !faults.is_empty() && course == Course::Any && random.chance(10) {
        let at = random.between(Duration::from_millis(1), Duration::from_secs(30));
        let code = *random.pick(&[501, 541]);
        faults.push((at, Fault::DeadlyBodies(SMALL, code)));
    }
    faults
}
