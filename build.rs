//! Links the unwinder into the programs, where GCC brings it as an archive.
//!
//! Rust's standard library uses `libgcc_s.so` otherwise. Loading it takes a quarter of a millisecond of
//! the seven that `new_task` needs for a task: its start asks the processor what it can do, which is slow
//! in virtual machines.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=RUSTC_LINKER");
    let is = |name: &str, value: &str| env::var(name).as_deref() == Ok(value);
    if !is("CARGO_CFG_TARGET_OS", "linux") || !is("CARGO_CFG_TARGET_ENV", "gnu") {
        return;
    }
    let linker = env::var_os("RUSTC_LINKER");
    if linker.is_none() && env::var_os("TARGET") != env::var_os("HOST") {
        return;
    }
    let mut linker = Command::new(linker.unwrap_or_else(|| "cc".into()));
    let Ok(found) = linker.arg("-print-file-name=libgcc_eh.a").output() else {
        return;
    };
    let found = String::from_utf8_lossy(&found.stdout);
    // An archive that is not there is told by its name alone.
    let Some(directory) = Path::new(found.trim()).parent() else {
        return;
    };
    if directory.is_absolute() {
        println!("cargo::rustc-link-search=native={}", directory.display());
        println!("cargo::rustc-link-lib=static:-bundle=gcc_eh");
    }
}
