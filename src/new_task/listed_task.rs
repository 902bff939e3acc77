//! A task, as results are tagged and logged with it.

use crate::task::TaskBody;

/// A task, as results are tagged and logged with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListedTask {
    /// Its place in its list, from 1.
    pub number: u64,
    /// Its body.
    pub body: TaskBody,
}
