//! Makes what a browser loads (`web/client`, `web/console`) with npm, where Node is there, and says why not where it is left out.
//!
//! Its folder `served` is taken as it is when it is newer than what it is made of, as after `npm run build`. Otherwise a copy of
//! the sources is built in a folder of this build alone: two builds at the same time never write into the source tree, and a
//! target folder elsewhere, or sources that cannot be written, make no difference.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, SystemTime},
};

/// One of them. Paths are below a root that holds everything it is made of.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// Where its `package.json` is.
    pub home: &'static str,
    /// What it is made of. Other names there (tests, what was built) change nothing.
    pub sources: &'static [&'static str],
    /// And those files of a folder that end like this.
    pub looks: (&'static str, &'static [&'static str]),
    /// The file without which nothing was built.
    pub proof: &'static str,
}

/// What `npm run build` writes last, dated by when it began to read.
const STAMP: &str = ".made";
/// A registry that hangs must not hang the build; each of the two commands has this long.
const NPM_WITHIN: Duration = Duration::from_secs(600);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Lines of npm's own words that are passed on when it fails, and how long each may be.
const LINES: usize = 5;
const LINE_MAX: usize = 300;

/// Its files, or the reason why there are none, in words for whoever asks for them.
#[derive(Debug)]
pub enum Taken {
    Files(Vec<(String, PathBuf)>),
    Missing { why: String, lines: Vec<String>, node_missing: bool },
}

/// All of them that there are, below `root`.
pub fn sources(part: &Part, root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut all: Vec<PathBuf> = part.sources.iter().map(PathBuf::from).collect();
    let (folder, endings) = part.looks;
    for entry in fs::read_dir(root.join(folder))? {
        let name = Path::new(folder).join(entry?.file_name());
        if name.extension().is_some_and(|e| endings.iter().any(|known| e == *known)) {
            all.push(name);
        }
    }
    all.sort();
    Ok(all)
}

/// `work`: a folder that nobody else writes. `path`: where programs are looked for.
pub fn take(part: &Part, root: &Path, work: &Path, path: &OsStr) -> io::Result<Taken> {
    let home = root.join(part.home);
    let served = home.join("served");
    if !is_current(part, root, &served) {
        let (Some(node), Some(npm)) = (find("node", path), find("npm", path)) else {
            return Ok(missing("Node and npm were not found", true));
        };
        if !home.join("package-lock.json").exists() {
            return Ok(missing("its sources are not there", false));
        }
        return make(part, root, work, path, [&node, &npm]);
    }
    // A copy: `npm run build` may write there again while this crate is compiled.
    let copy = work.join("served");
    replace(&served, &copy)?;
    Ok(Taken::Files(files(&copy)?))
}

/// Names as they are asked for, with `/` between folders, and where each stands.
fn files(served: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    let mut folders = vec![(String::new(), served.to_owned())];
    while let Some((before, folder)) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name.starts_with('.') {
                continue;
            }
            if entry.file_type()?.is_dir() {
                folders.push((format!("{before}{name}/"), entry.path()));
            } else {
                found.push((format!("{before}{name}"), entry.path()));
            }
        }
    }
    found.sort();
    Ok(found)
}

fn make(part: &Part, root: &Path, work: &Path, path: &OsStr, [node, npm]: [&Path; 2]) -> io::Result<Taken> {
    for name in sources(part, root)? {
        replace(&root.join(&name), &work.join(&name))?;
    }
    let work = &work.join(part.home);
    let _absent = fs::remove_dir_all(work.join("served"));
    let lock = fs::read(work.join("package-lock.json"))?;
    let installed = work.join(".installed");
    if !work.join("node_modules").is_dir() || fs::read(&installed).ok().as_ref() != Some(&lock) {
        let _absent = fs::remove_file(&installed);
        // Nothing that a package brings runs here but the two tools that are asked for by name.
        let options =
            ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=1"];
        if let Err(lines) = run(work, path, npm, &options)? {
            return Ok(failed("npm ci", lines));
        }
        fs::write(&installed, &lock)?;
    }
    if let Err(lines) = run(work, path, npm, &["run", "build", "--silent"])? {
        return Ok(failed("npm run build", lines));
    }
    let served = work.join("served");
    if !served.join(part.proof).exists() {
        return Ok(failed("npm run build", vec![format!("{} wrote no {}", node.display(), part.proof)]));
    }
    Ok(Taken::Files(files(&served)?))
}

fn missing(why: &str, node_missing: bool) -> Taken {
    Taken::Missing { why: why.to_owned(), lines: Vec::new(), node_missing }
}

fn failed(what: &str, lines: Vec<String>) -> Taken {
    Taken::Missing { why: format!("`{what}` failed"), lines, node_missing: false }
}

/// Whether what is served was made of what is there now.
fn is_current(part: &Part, root: &Path, served: &Path) -> bool {
    let Ok(made) = fs::metadata(served.join(STAMP)).and_then(|m| m.modified()) else { return false };
    let newest = sources(part, root)
        .and_then(|all| all.iter().map(|name| newest(&root.join(name))).collect::<io::Result<Vec<_>>>());
    served.join(part.proof).exists() && newest.is_ok_and(|times| times.into_iter().all(|t| t <= made))
}

/// The last change of a file, or of anything in a folder, or of the folder's list.
fn newest(path: &Path) -> io::Result<SystemTime> {
    let about = fs::metadata(path)?;
    let mut time = about.modified()?;
    if about.is_dir() {
        for entry in fs::read_dir(path)? {
            time = time.max(newest(&entry?.path())?);
        }
    }
    Ok(time)
}

/// Puts a copy in the place of whatever was there.
fn replace(from: &Path, to: &Path) -> io::Result<()> {
    if to.is_dir() {
        fs::remove_dir_all(to)?;
    }
    copy(from, to)
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        return fs::copy(from, to).map(|_| ());
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

fn find(program: &str, path: &OsStr) -> Option<PathBuf> {
    std::env::split_paths(path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Runs npm; its last lines when it failed. They go to a file: cargo would read commands out of ours.
fn run(work: &Path, path: &OsStr, npm: &Path, args: &[&str]) -> io::Result<Result<(), Vec<String>>> {
    let log = work.join("npm.log");
    let out = fs::File::create(&log)?;
    let begun = Command::new(npm)
        .args(args)
        .current_dir(work)
        .env("PATH", path)
        .env_remove("STILLHERE_DIST")
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out)
        .spawn();
    let mut child = match begun {
        Ok(child) => child,
        Err(e) => return Ok(Err(vec![format!("{}: {e}", npm.display())])),
    };
    let mut waited = Duration::ZERO;
    let ended = loop {
        match child.try_wait()? {
            Some(status) => break Some(status),
            None if waited >= NPM_WITHIN => {
                child.kill()?;
                child.wait()?;
                break None;
            }
            None => thread::sleep(LOOK_EVERY),
        }
        waited += LOOK_EVERY;
    };
    if ended.is_some_and(|status| status.success()) {
        return Ok(Ok(()));
    }
    let said = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    let mut lines: Vec<String> = said
        .lines()
        .filter(|l| !l.trim().is_empty())
        .map(|l| l.chars().filter(|c| !c.is_control()).take(LINE_MAX).collect())
        .collect();
    lines.drain(..lines.len().saturating_sub(LINES));
    if ended.is_none() {
        lines.push(format!("it was given up after {} s", NPM_WITHIN.as_secs()));
    }
    Ok(Err(lines))
}
