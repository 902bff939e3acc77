//! A broker that speaks TLS, with as many further listeners as a test has certificates to try.

use super::{Broker, root, unique};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// What `scripts/certificates` makes.
pub struct Certificates(PathBuf);

impl Certificates {
    /// A set of its own, in a directory that goes with it.
    pub fn new() -> Self {
        let directory = std::env::temp_dir().join(unique("certificates"));
        let mut command = Command::new(root().join("scripts/certificates"));
        assert!(command.arg(&directory).status().unwrap().success());
        Self(directory)
    }

    /// The path of one of them.
    pub fn path(&self, name: &str) -> String {
        path(&self.0, name)
    }
}

impl Drop for Certificates {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn path(directory: &Path, name: &str) -> String {
    directory.join(name).to_str().unwrap().to_owned()
}

/// A broker that speaks TLS.
pub struct Tls(pub Broker);

impl Tls {
    /// The one that tests share, as long as one of them uses it.
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Tls>> = Mutex::new(Weak::new());
        // A test that failed while it held the lock has started no broker.
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let tls = Arc::new(Self(Broker::with_tls()));
            *shared = Arc::downgrade(&tls);
            tls
        })
    }

    /// The path of one of its certificates and keys.
    pub fn path(&self, name: &str) -> String {
        path(&self.0.certificates(), name)
    }

    /// Opens a further port for each entry: the address, the certificate to show there, and more
    /// of Erlang's options for TLS. Returns the ports.
    pub fn listen<const N: usize>(&self, listeners: [(&str, &str, &str); N]) -> [u16; N] {
        let listeners: Vec<String> = listeners
            .into_iter()
            .map(|(address, certificate, options)| {
                format!(
                    r#"{{"{address}", [{{certfile, "{}"}}, {{keyfile, "{}"}}, {{cacertfile, "{}"}} {options}]}}"#,
                    self.path(certificate),
                    self.path("server.key"),
                    self.path("ca.pem"),
                )
            })
            .collect();
        // A port that was free may be taken a moment later: then the next one.
        let eval = format!(
            r"Open = fun Open({{Address, Options}}, Tries) ->
                {{ok, Ip}} = inet:parse_address(Address),
                {{ok, Socket}} = gen_tcp:listen(0, [{{ip, Ip}}, {{reuseaddr, true}} |
                    case size(Ip) of 8 -> [inet6]; 4 -> [] end]),
                {{ok, Port}} = inet:port(Socket),
                ok = gen_tcp:close(Socket),
                try rabbit_networking:start_ssl_listener({{Address, Port}}, Options, 2), Port
                catch _:_ when Tries > 0 -> Open({{Address, Options}}, Tries - 1) end
            end,
            [Open(Listener, 9) || Listener <- [{}]].",
            listeners.join(", ")
        );
        let printed = self.0.ctl(&["-q", "eval", &eval]);
        let ports: Vec<u16> = printed
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|number| number.parse().ok())
            .filter(|port| *port > 1024)
            .collect();
        ports.try_into().unwrap_or_else(|_| panic!("{printed}"))
    }
}
