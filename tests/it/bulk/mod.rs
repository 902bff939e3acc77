//! Files of tasks: records, windows, faults in the middle.

mod faults;
mod metrics_file;
mod records;
