//! How the binary is linked. Relocations are packed (`DT_RELR`: 24 bytes of each become a bit or eight), and functions
//! whose machine code is the same are there once: 1.4 MB less to load. Both are left out where they would not work.

use std::{env, process::Command};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |key: &str, value: &str| env::var(key).is_ok_and(|v| v == value);
    let native = env::var("HOST").ok() == env::var("TARGET").ok();
    if !(native
        && is("CARGO_CFG_TARGET_OS", "linux")
        && is("CARGO_CFG_TARGET_ENV", "gnu")
        && is("PROFILE", "release"))
    {
        return;
    }
    // The loader of glibc reads packed relocations since 2.36. What is built against a glibc needs one as new, so asking
    // the machine that builds is asking enough.
    if glibc().is_some_and(|version| version >= (2, 36)) {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
    // Rust links with lld here since 1.90, unless it is told otherwise; GNU's linker does not know the option.
    let told = env::var("CARGO_ENCODED_RUSTFLAGS")
        .is_ok_and(|flags| flags.contains("fuse-ld") || flags.contains("link-self"))
        || env::var_os("RUSTC_LINKER").is_some();
    if is("CARGO_CFG_TARGET_ARCH", "x86_64") && !told && rustc().is_some_and(|minor| minor >= 90) {
        println!("cargo::rustc-link-arg-bins=-Wl,--icf=all");
    }
}

fn glibc() -> Option<(u32, u32)> {
    let text = said("getconf", "GNU_LIBC_VERSION")?;
    let (major, minor) = text.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The 95 of 1.95.
fn rustc() -> Option<u32> {
    let text = said(&env::var("RUSTC").ok()?, "--version")?;
    text.strip_prefix("rustc 1.")?.split('.').next()?.parse().ok()
}

fn said(program: &str, argument: &str) -> Option<String> {
    let out = Command::new(program).arg(argument).output().ok()?;
    String::from_utf8(out.stdout).ok()
}
