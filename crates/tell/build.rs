//! Takes the browser client along (`build/take.rs`). Without Node all else is complete: the client's addresses then answer
//! 404 with the reason, and the build says it.

#[path = "build/take.rs"]
mod take;

use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};
use take::{Part, Taken};

/// Unset: made where Node is there. `skip`: left out. `require`: a build without it fails, for whoever packs releases.
const WISH: &str = "STILLHERE_CLIENT";
/// Below `web`.
const CLIENT: Part = Part {
    home: "client",
    sources: &[
        "client/package.json",
        "client/package-lock.json",
        "client/tsconfig.json",
        "client/build.mjs",
        "client/src",
    ],
    looks: ("status", &["css", "svg"]),
    proof: "client.js",
};

fn main() {
    let var = |name: &str| PathBuf::from(env::var_os(name).expect("cargo sets it"));
    let web = var("CARGO_MANIFEST_DIR").join("../../web");
    let out = var("OUT_DIR");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build/take.rs");
    println!("cargo::rerun-if-env-changed={WISH}");
    for name in take::sources(&CLIENT, &web).unwrap_or_default() {
        // A path that is not there would rebuild this crate every time.
        if web.join(&name).exists() {
            println!("cargo::rerun-if-changed={}", web.join(&name).display());
        }
    }
    let wish = env::var(WISH).unwrap_or_default();
    let taken = match wish.as_str() {
        "skip" => {
            Taken::Missing { why: format!("{WISH}=skip was set"), lines: Vec::new(), node_missing: false }
        }
        "" | "require" => {
            let work = out.join("web");
            fs::create_dir_all(&work).expect("OUT_DIR can be written");
            take::take(&CLIENT, &web, &work, &env::var_os("PATH").unwrap_or_default()).unwrap_or_else(|e| {
                Taken::Missing {
                    why: format!("it could not be made: {e}"),
                    lines: Vec::new(),
                    node_missing: false,
                }
            })
        }
        other => panic!("{WISH}={other} is none of: skip, require, or nothing"),
    };
    match taken {
        Taken::Files(files) => write(&out, &files, None),
        Taken::Missing { why, lines, node_missing } => {
            if wish != "skip" {
                // What would help is looked at again: a client built by hand, or Node in the path.
                println!("cargo::rerun-if-changed={}", web.join("client/served").display());
                if node_missing {
                    println!("cargo::rerun-if-env-changed=PATH");
                }
                for line in &lines {
                    println!("cargo::warning={line}");
                }
                println!(
                    "cargo::warning=the browser client is left out, its addresses answer 404: {why}. All else is complete. \
                     To have it: Node 20 or later and npm with a network, then `npm ci && npm run build` in web/client, and build again"
                );
            }
            assert!(wish != "require", "{WISH}=require, and the browser client could not be made: {why}");
            write(&out, &[], Some(&why));
        }
    }
}

/// The files as Rust: name, tag of the content, content. And why there are none.
fn write(out: &Path, files: &[(String, PathBuf)], why: Option<&str>) {
    let mut code = String::from("&[\n");
    for (name, path) in files {
        let content = fs::read(path).expect("it was just listed");
        let _infallible = writeln!(
            code,
            "    ({name:?}, \"\\\"{:016x}\\\"\", include_bytes!({:?})),",
            fingerprint(&content),
            path.display().to_string()
        );
    }
    code.push_str("]\n");
    fs::write(out.join("client.rs"), code).expect("OUT_DIR can be written");
    fs::write(out.join("client-missing.rs"), format!("{why:?}\n")).expect("OUT_DIR can be written");
}

/// FNV-1a: tells one build's file from another's, which is all that an `ETag` is for.
fn fingerprint(content: &[u8]) -> u64 {
    content
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}
