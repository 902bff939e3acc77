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
    // The same compiler may also build for other machines, and would answer for its own.
    let target = env::var("TARGET").unwrap_or_default();
    let Some(machine) = ask_compiler("-dumpmachine") else {
        return;
    };
    if architecture(&machine) != architecture(&target) {
        return;
    }
    let Some(archive) = ask_compiler("-print-file-name=libgcc_eh.a") else {
        return;
    };
    // Where there is no such archive the answer is its name, without a directory.
    let Some(directory) = Path::new(&archive).parent() else {
        return;
    };
    if directory.is_absolute() {
        println!("cargo::rustc-link-search=native={}", directory.display());
        println!("cargo::rustc-link-lib=static:-bundle=gcc_eh");
    }
}

/// What the compiler that links answers to an option.
fn ask_compiler(option: &str) -> Option<String> {
    let compiler = env::var_os("RUSTC_LINKER").unwrap_or_else(|| "cc".into());
    let output = Command::new(compiler).arg(option).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The first part of a name such as `x86_64-unknown-linux-gnu`.
fn architecture(machine: &str) -> Option<&str> {
    machine.split('-').next()
}
