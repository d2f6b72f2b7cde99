//! Writes sample pages to look at: `cargo run -p stillhere-tell --example gallery -- DIR`.

use std::{fs, io, path::Path};
use stillhere_model::Lang;
use stillhere_tell::{View, logo, notice, page, snapshot, timeline};

#[path = "../src/sample.rs"]
mod sample;

fn main() -> io::Result<()> {
    let dir = std::env::args().nth(1).unwrap_or_else(|| "gallery".to_owned());
    let dir = Path::new(&dir);
    fs::create_dir_all(dir)?;
    let key = notice::Key::from_seed(&[42; 32]);
    fs::write(dir.join("notice.json"), notice::sign(&sample::busy(), &key))?;
    let mut marked = sample::busy();
    let mark = sample::logo();
    fs::create_dir_all(dir.join("logo"))?;
    for picture in mark.pictures() {
        fs::write(dir.join("logo").join(&picture.name), &picture.bytes)?;
    }
    marked.site.logo = Some(mark);
    let copy = View { published_at: Some(marked.made_at), ..View::default() };
    fs::write(dir.join("logo.html"), page::status(&marked, Lang::En, &copy))?;
    for lang in Lang::ALL {
        for (name, snapshot) in sample::all() {
            let write = |kind: &str, html: String| {
                fs::write(dir.join(format!("{name}{kind}.{}.html", lang.tag())), html)
            };
            let live = View { live: true, ..View::default() };
            write("", page::status(&snapshot, lang, &live))?;
            write("-stale", page::status(&snapshot, lang, &View { stale: true, ..live }))?;
            let copy = View { published_at: Some(snapshot.made_at), ..View::default() };
            write("-copy", page::status(&snapshot, lang, &copy))?;
            write("-history", page::history(&snapshot, lang, &live))?;
            write("-404", page::not_found(&snapshot, lang, &live))?;
            for i in snapshot.incidents.iter().chain(&snapshot.history).take(1) {
                write("-incident", page::incident_page(&snapshot, lang, &live, i))?;
            }
        }
    }
    Ok(())
}
