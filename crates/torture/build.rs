//! Builds the shim that is preloaded into the servers, with the C compiler of this machine.

use std::env;
use std::path::PathBuf;
use std::process::Command;

const SOURCE: &str = "shim/powercut.c";

fn main() {
    println!("cargo::rerun-if-changed={SOURCE}");
    println!("cargo::rerun-if-env-changed=CC");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo says where to build")).join("powercut.so");
    let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());
    let built = Command::new(&compiler)
        .args(["-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-o"])
        .arg(&out)
        .arg(SOURCE)
        .status()
        .unwrap_or_else(|error| panic!("could not run the C compiler {}: {error}", compiler.display()));
    assert!(built.success(), "the C compiler refused {SOURCE}");
    println!("cargo::rustc-env=POWERCUT_SHIM={}", out.display());
}
