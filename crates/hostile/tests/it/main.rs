//! Every seed, its beginnings, and seeds that were changed: what a fuzzer does, without one, a little on each run.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests; clippy knows only the tests themselves"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};
use stillhere_hostile::{CORPUS, TARGETS, Target};
use stillhere_model::Mint;
use stillhere_net::clock;

/// How long one target is tried with changed seeds.
const TRIED_FOR: Duration = Duration::from_secs(2);
/// Beginnings of one seed.
const MAX_CUTS: usize = 32;

fn seeds(target: &Target) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = PathBuf::from(CORPUS).join(target.name);
    let mut found = files(&folder);
    found.retain(|path| path.file_name().unwrap().to_string_lossy().starts_with("seed-"));
    if target.name == "config" {
        found.extend(files(&folder.join("../../../examples")));
    }
    assert!(found.len() >= 3, "{} has too few seeds", target.name);
    found.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut found: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

/// Says which input it was before the panic goes on.
fn tried(target: &Target, from: &str, data: &[u8]) {
    struct Says<'a>(&'a Target, &'a str, &'a [u8]);
    impl Drop for Says<'_> {
        fn drop(&mut self) {
            if std::thread::panicking() {
                println!("{} broke over {}: {}", self.0.name, self.1, self.2.escape_ascii());
            }
        }
    }
    let _says = Says(target, from, data);
    (target.run)(data);
}

#[test]
fn every_seed_and_its_beginnings_are_survived() {
    for target in &TARGETS {
        for (path, seed) in seeds(target) {
            let from = path.display().to_string();
            tried(target, &from, &seed);
            let step = seed.len().div_ceil(MAX_CUTS).max(1);
            for n in (0..seed.len()).step_by(step) {
                tried(target, &from, &seed[..n]);
            }
        }
    }
}

#[test]
fn changed_seeds_are_survived() {
    // The same on every run up to the speed of the machine: a failure can be repeated.
    let mut dice = Mint::new(1);
    for target in &TARGETS {
        let seeds = seeds(target);
        let until = clock::mono() + TRIED_FOR;
        let mut tries = 0;
        while clock::mono() < until || tries < seeds.len() {
            let (path, seed) = &seeds[tries % seeds.len()];
            let other = &seeds[below(&mut dice, seeds.len())].1;
            tried(target, &path.display().to_string(), &changed(seed, other, &mut dice));
            tries += 1;
        }
    }
}

fn below(dice: &mut Mint, n: usize) -> usize {
    usize::try_from(dice.next_u64() % (n.max(1) as u64)).unwrap()
}

/// A few of the things that break parsers: flipped, extreme, missing, doubled and foreign bytes.
fn changed(seed: &[u8], other: &[u8], dice: &mut Mint) -> Vec<u8> {
    let mut data = seed.to_vec();
    for _ in 0..=below(dice, 4) {
        let at = below(dice, data.len());
        let to = (at + 1 + below(dice, 16)).min(data.len());
        match below(dice, 6) {
            0 => data.iter_mut().skip(at).take(1).for_each(|b| *b ^= 1 << below(dice, 8)),
            1 => data
                .iter_mut()
                .skip(at)
                .take(1)
                .for_each(|b| *b = [0, 1, 0x7f, 0x80, 0xff, b'\n'][below(dice, 6)]),
            2 => drop(data.drain(at.min(to)..to)),
            3 => data.extend_from_within(at.min(to)..to),
            4 => {
                let from = below(dice, other.len());
                let piece = &other[from..(from + 1 + below(dice, 32)).min(other.len())];
                data.splice(at..at, piece.iter().copied());
            }
            _ => data.truncate(at),
        }
    }
    data
}

/// The script runs what is here, and each has its binary.
#[test]
fn every_target_can_be_fuzzed() {
    let fuzz = PathBuf::from(CORPUS).join("..");
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    let script = fs::read_to_string(fuzz.join("run")).unwrap();
    let names = TARGETS.map(|t| t.name);
    assert!(script.contains(&format!("targets=({})", names.join(" "))));
    for name in names {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
        assert!(fuzz.join(format!("fuzz_targets/{name}.rs")).is_file(), "{name}");
    }
}
