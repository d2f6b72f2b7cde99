//! Takes the console along, as `crates/tell` takes the browser client. Without Node all else is complete: its addresses then
//! answer 404 with the reason, and the build says it. And packs the description of the API.

#[path = "../tell/build/take.rs"]
mod take;

use flate2::{Compression, write::GzEncoder};
use std::{
    env,
    fmt::Write as _,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};
use take::{Part, Taken};

/// Unset: made where Node is there. `skip`: left out. `require`: a build without it fails, for whoever packs releases.
const WISH: &str = "STILLHERE_CONSOLE";
/// Below the root of the project: its words are those of everything else.
const CONSOLE: Part = Part {
    home: "web/console",
    sources: &[
        "web/console/package.json",
        "web/console/package-lock.json",
        "web/console/tsconfig.json",
        "web/console/vite.config.mjs",
        "web/console/words.mjs",
        "web/console/index.html",
        "web/console/src",
        "web/console/public",
        "locales/en/console.ftl",
        "locales/en/afterwards.ftl",
        "locales/en/begin.ftl",
        "locales/en/incident.ftl",
        "locales/en/journal.ftl",
        "locales/en/settings.ftl",
        "locales/en/status.ftl",
        "locales/zh-CN/console.ftl",
        "locales/zh-CN/afterwards.ftl",
        "locales/zh-CN/begin.ftl",
        "locales/zh-CN/incident.ftl",
        "locales/zh-CN/journal.ftl",
        "locales/zh-CN/settings.ftl",
        "locales/zh-CN/status.ftl",
    ],
    looks: ("web/status", &["css", "svg"]),
    proof: "index.html.br",
};

fn main() {
    let var = |name: &str| PathBuf::from(env::var_os(name).expect("cargo sets it"));
    let root = var("CARGO_MANIFEST_DIR").join("../..");
    let out = var("OUT_DIR");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../tell/build/take.rs");
    println!("cargo::rerun-if-env-changed={WISH}");
    pack(&root.join("docs/openapi.json"), &out.join("openapi.json.gz"));
    for name in take::sources(&CONSOLE, &root).unwrap_or_default() {
        // A path that is not there would rebuild this crate every time.
        if root.join(&name).exists() {
            println!("cargo::rerun-if-changed={}", root.join(&name).display());
        }
    }
    let wish = env::var(WISH).unwrap_or_default();
    let missing = |why: String| Taken::Missing { why, lines: Vec::new(), node_missing: false };
    let taken = match wish.as_str() {
        "skip" => missing(format!("{WISH}=skip was set")),
        "" | "require" => {
            let work = out.join("console-work");
            fs::create_dir_all(&work).expect("OUT_DIR can be written");
            take::take(&CONSOLE, &root, &work, &env::var_os("PATH").unwrap_or_default())
                .unwrap_or_else(|e| missing(format!("it could not be made: {e}")))
        }
        other => panic!("{WISH}={other} is none of: skip, require, or nothing"),
    };
    match taken {
        Taken::Files(files) => write(&out, &files, None),
        Taken::Missing { why, lines, node_missing } => {
            if wish != "skip" {
                // What would help is looked at again: a console built by hand, or Node in the path.
                println!("cargo::rerun-if-changed={}", root.join("web/console/served").display());
                if node_missing {
                    println!("cargo::rerun-if-env-changed=PATH");
                }
                for line in &lines {
                    println!("cargo::warning={line}");
                }
                println!(
                    "cargo::warning=the console is left out, /console/ answers 404: {why}. All else is complete. \
                     To have it: Node 20.19 or later and npm with a network, then `npm ci && npm run build` in web/console, and build again"
                );
            }
            assert!(wish != "require", "{WISH}=require, and the console could not be made: {why}");
            write(&out, &[], Some(&why));
        }
    }
}

fn pack(from: &Path, to: &Path) {
    println!("cargo::rerun-if-changed={}", from.display());
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&fs::read(from).expect("docs/openapi.json is kept with the code"))
        .expect("memory is written");
    fs::write(to, gzip.finish().expect("memory is written")).expect("OUT_DIR can be written");
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
    fs::write(out.join("console.rs"), code).expect("OUT_DIR can be written");
    fs::write(out.join("console-missing.rs"), format!("{why:?}\n")).expect("OUT_DIR can be written");
}

/// FNV-1a: tells one build's file from another's, which is all that an `ETag` is for.
fn fingerprint(content: &[u8]) -> u64 {
    content
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}
