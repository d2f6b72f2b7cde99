//! Takes the browser client along, if it was built: `web/client/served`, made by `npm ci && npm run build` in `web/client`.
//! Without Node all else is complete; these files then answer 404, and the build says so.

use std::{env, fmt::Write as _, fs, path::Path};

fn main() {
    let home = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    // Is always there, unlike what is in it: a path that is not there would rebuild this crate every time.
    let served = Path::new(&home).join("../../web/client/served");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", served.display());
    let mut files = Vec::new();
    for (folder, before, ending) in [(served.clone(), "", "js"), (served.join("words"), "words/", "json")] {
        for file in fs::read_dir(folder).into_iter().flatten().flatten() {
            if let Some(name) =
                file.file_name().to_str().filter(|n| n.trim_end_matches(".gz").ends_with(ending))
            {
                files.push((
                    format!("{before}{name}"),
                    fs::canonicalize(file.path()).expect("it was just listed"),
                ));
            }
        }
    }
    files.sort();
    if !files.iter().any(|(name, _)| name == "client.js") {
        println!(
            "cargo::warning=the browser client is left out, its address answers 404: \
             run `npm ci && npm run build` in web/client first"
        );
    }
    let mut code = String::from("&[\n");
    for (name, path) in &files {
        let _infallible = writeln!(code, "    ({name:?}, include_bytes!({:?})),", path.display().to_string());
    }
    code.push_str("]\n");
    let out = env::var("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&out).join("client.rs"), code).expect("OUT_DIR can be written");
}
