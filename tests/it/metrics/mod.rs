//! Numbers and probes over HTTP (`worker --metrics`).

mod addresses;
mod clients;
mod numbers;
mod states;

/// Where the system chooses the port.
const ANY_PORT: [&str; 2] = ["--metrics", "127.0.0.1:0"];
