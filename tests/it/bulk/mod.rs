//! Files of tasks: records, windows, faults in the middle.

mod faults;
mod records;
