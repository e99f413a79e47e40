//! Builds this crate again when a migration comes: they are embedded, and cargo does not look outside of a package by itself.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations");
}
