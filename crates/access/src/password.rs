//! Passwords: argon2id, off the runtime, a bounded number at a time, and the same work whether there is somebody to compare with
//! or not.
//!
//! Threats: a stolen database (each guess costs memory and time), a flood of log-ins that would take all memory or all threads
//! ([`PLACES`], [`WAITING`]), and telling from the time an answer takes whether a name exists ([`Hasher::check`]).

use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
};
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;

/// Fewest characters of a password.
pub const CHARS_MIN: usize = 12;
/// Most characters; a longer one would only cost.
pub const CHARS_MAX: usize = 256;
/// Hashes at a time for those whose device is known, and as many for everybody else: strangers cannot hold up the people who
/// work here. With [`Cost::DEFAULT`] both together take 38 MiB.
pub const PLACES: usize = 1;
/// Those who may wait for a place, of each of the two kinds; the next is told to come back.
pub const WAITING: usize = 16;
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;
/// What is read from the database is held to these, so that a changed row cannot make a log-in take the machine.
const MEMORY_KIB_MAX: u32 = 256 * 1024;
const PASSES_MAX: u32 = 16;

/// What one hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    pub memory_kib: u32,
    pub passes: u32,
}

/// Too many wait already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many log-ins at the moment")]
pub struct Busy;

pub struct Hasher {
    cost: Cost,
    /// Of a password that nobody has.
    nobody: Arc<str>,
    known: Queue,
    others: Queue,
    done: AtomicU64,
}

struct Queue {
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
}

// === impl Cost ===

impl Cost {
    /// OWASP's first choice for argon2id (Password Storage Cheat Sheet): 19 MiB, two passes.
    pub const DEFAULT: Cost = Cost { memory_kib: 19 * 1024, passes: 2 };
}

// === impl Hasher ===

impl Hasher {
    #[must_use]
    pub fn new(cost: Cost, random: [u8; SALT_BYTES]) -> Hasher {
        // Only its form and its cost count: no password has these bytes for a hash.
        let nobody = written(cost, &random, &[0; HASH_BYTES]);
        let queue = || Queue { places: Arc::new(Semaphore::new(PLACES)), waiting: AtomicUsize::new(0) };
        Hasher { cost, nobody: nobody.into(), known: queue(), others: queue(), done: AtomicU64::new(0) }
    }

    /// The text to keep: `$argon2id$v=19$m=…,t=…,p=1$salt$hash`.
    ///
    /// # Errors
    /// [`Busy`].
    pub async fn hash(&self, password: String, salt: [u8; SALT_BYTES]) -> Result<String, Busy> {
        let cost = self.cost;
        self.work(true, move || written(cost, &salt, &hashed(cost, &password, &salt))).await
    }

    /// Whether it is the password that was kept. With nothing to compare with it does the same work, and says no.
    ///
    /// # Errors
    /// [`Busy`].
    pub async fn check(&self, password: String, kept: Option<&str>, known: bool) -> Result<bool, Busy> {
        let there = kept.is_some();
        let kept = kept.map_or_else(|| self.nobody.clone(), Arc::from);
        let nobody = self.nobody.clone();
        self.work(known, move || {
            let (cost, salt, hash, readable) = match read(&kept) {
                Some((cost, salt, hash)) => (cost, salt, hash, true),
                None => {
                    let (cost, salt, hash) = read(&nobody).expect("we wrote it");
                    (cost, salt, hash, false)
                }
            };
            let same: bool = hashed(cost, &password, &salt).ct_eq(&hash).into();
            same && there && readable
        })
        .await
    }

    /// Hashes made so far.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done.load(SeqCst)
    }

    async fn work<T: Send + 'static>(
        &self,
        known: bool,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let queue = if known { &self.known } else { &self.others };
        let _waits = queue.wait()?;
        let place = queue.places.clone().acquire_owned().await.map_err(|_| Busy)?;
        self.done.fetch_add(1, SeqCst);
        // The place goes along: who gives up waiting does not free the memory that is still in use.
        let done = tokio::task::spawn_blocking(move || {
            let _place = place;
            work()
        });
        done.await.map_err(|_| Busy)
    }
}

// === impl Queue ===

/// Somebody who waits; counted until dropped.
struct Waits<'a>(&'a AtomicUsize);

impl Queue {
    fn wait(&self) -> Result<Waits<'_>, Busy> {
        if self.waiting.fetch_add(1, SeqCst) >= PLACES + WAITING {
            self.waiting.fetch_sub(1, SeqCst);
            return Err(Busy);
        }
        Ok(Waits(&self.waiting))
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

fn hashed(cost: Cost, password: &str, salt: &[u8]) -> [u8; HASH_BYTES] {
    let params = Params::new(cost.memory_kib, cost.passes, 1, Some(HASH_BYTES))
        .expect("checked when read or built in");
    let mut out = [0; HASH_BYTES];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.as_bytes(), salt, &mut out)
        .expect("the salt is long enough, and so is the output");
    out
}

fn written(cost: Cost, salt: &[u8], hash: &[u8]) -> String {
    let Cost { memory_kib, passes } = cost;
    let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
    format!("$argon2id$v=19$m={memory_kib},t={passes},p=1${salt}${hash}")
}

fn read(kept: &str) -> Option<(Cost, [u8; SALT_BYTES], [u8; HASH_BYTES])> {
    let mut parts = kept.strip_prefix("$argon2id$v=19$")?.split('$');
    let (params, salt, hash) = (parts.next()?, parts.next()?, parts.next()?);
    let (memory, rest) = params.strip_prefix("m=")?.split_once(",t=")?;
    let passes = rest.strip_suffix(",p=1")?;
    let cost = Cost { memory_kib: memory.parse().ok()?, passes: passes.parse().ok()? };
    let sane = (8..=MEMORY_KIB_MAX).contains(&cost.memory_kib) && (1..=PASSES_MAX).contains(&cost.passes);
    let salt = STANDARD_NO_PAD.decode(salt).ok()?.try_into().ok()?;
    let hash = STANDARD_NO_PAD.decode(hash).ok()?.try_into().ok()?;
    (sane && parts.next().is_none()).then_some((cost, salt, hash))
}

/// Whether somebody called `name` may choose this password: long enough, and not one that is guessed first.
///
/// # Errors
/// What is wrong with it.
pub fn fit(password: &str, name: &str) -> Result<(), String> {
    let chars = password.chars().count();
    if chars < CHARS_MIN {
        return Err(format!("{CHARS_MIN} characters or more; several words are easy to remember"));
    }
    if chars > CHARS_MAX {
        return Err(format!("at most {CHARS_MAX} characters"));
    }
    let plain = password.to_lowercase();
    let mut different: Vec<char> = plain.chars().collect();
    different.sort_unstable();
    different.dedup();
    if different.len() < 6 {
        return Err("has too few different characters".to_owned());
    }
    let rest = plain.replace(&name.to_lowercase(), "");
    if name.len() >= 3 && rest.chars().count() < CHARS_MIN - 4 {
        return Err("is little more than the name".to_owned());
    }
    if RUNS.iter().any(|run| covers(&plain, run)) {
        return Err("is a row of keys or of the alphabet".to_owned());
    }
    if COMMON.iter().any(|word| plain.replace(word, "").chars().filter(|c| c.is_alphabetic()).count() < 4) {
        return Err("is little more than a word that is tried first".to_owned());
    }
    Ok(())
}

/// Whether pieces of `run`, forwards or backwards and four or longer, make up most of it.
fn covers(plain: &str, run: &str) -> bool {
    let back: String = run.chars().rev().collect();
    let chars: Vec<char> = plain.chars().collect();
    let (mut at, mut covered) = (0, 0);
    while at < chars.len() {
        let longest = (4..=chars.len() - at).rev().find(|n| {
            let piece: String = chars[at..at + n].iter().collect();
            run.contains(&piece) || back.contains(&piece)
        });
        covered += longest.unwrap_or(0);
        at += longest.unwrap_or(1);
    }
    covered * 4 >= chars.len() * 3
}

const RUNS: [&str; 5] = [
    "01234567890123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "qwertzuiopasdfghjklyxcvbnm",
];
/// What guessers begin with, in a place like this.
const COMMON: [&str; 16] = [
    "password",
    "passw0rd",
    "stillhere",
    "status",
    "letmein",
    "welcome",
    "administrator",
    "admin",
    "changeme",
    "iloveyou",
    "monkey",
    "dragon",
    "football",
    "baseball",
    "sunshine",
    "secret",
];

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost { memory_kib: 64, passes: 1 };

    fn hasher() -> Hasher {
        Hasher::new(CHEAP, [1; 16])
    }

    #[tokio::test]
    async fn a_password_is_known_again_and_another_is_not() {
        let hasher = hasher();
        let kept = hasher.hash("correct horse battery".into(), [2; 16]).await.unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{kept}");
        assert_eq!(hasher.check("correct horse battery".into(), Some(&kept), false).await, Ok(true));
        assert_eq!(hasher.check("correct horse batterz".into(), Some(&kept), false).await, Ok(false));
        let other = hasher.hash("correct horse battery".into(), [3; 16]).await.unwrap();
        assert_ne!(kept, other, "salted");
    }

    /// The work is counted rather than timed: a machine that is busy makes no difference.
    #[tokio::test]
    async fn nobody_and_a_row_that_cannot_be_read_cost_what_somebody_costs() {
        let hasher = hasher();
        let kept = hasher.hash("correct horse battery".into(), [2; 16]).await.unwrap();
        for (row, what) in [
            (Some(kept.as_str()), "somebody"),
            (None, "nobody"),
            (Some("$argon2id$v=19$m=4294967295,t=1,p=1$AAAA$AAAA"), "a row that asks for the whole memory"),
            (Some("!"), "nonsense"),
        ] {
            let before = hasher.done();
            assert_eq!(hasher.check("wrong".into(), row, false).await, Ok(false), "{what}");
            assert_eq!(hasher.done() - before, 1, "{what}");
        }
        assert_eq!(read(&hasher.nobody).unwrap().0, CHEAP, "the same cost");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_flood_is_turned_away_and_does_not_hold_up_those_whose_device_is_known() {
        let hasher = Arc::new(hasher());
        let held = hasher.others.places.clone().acquire_owned().await.unwrap();
        let flood: Vec<_> = (0..PLACES + WAITING)
            .map(|_| {
                let hasher = hasher.clone();
                tokio::spawn(async move { hasher.check("x".into(), None, false).await })
            })
            .collect();
        while hasher.others.waiting.load(SeqCst) < PLACES + WAITING {
            tokio::task::yield_now().await;
        }
        assert_eq!(hasher.check("x".into(), None, false).await, Err(Busy), "no place to wait");
        assert_eq!(hasher.check("x".into(), None, true).await, Ok(false), "a known device has its own");
        drop(held);
        for one in flood {
            assert_eq!(one.await.unwrap(), Ok(false), "those who waited are served");
        }
        assert_eq!(hasher.check("x".into(), None, false).await, Ok(false), "there is room again");
    }

    #[test]
    fn what_is_guessed_first_cannot_be_chosen() {
        let long = "x".repeat(CHARS_MAX + 1);
        for bad in [
            "",
            "short",
            "aaaaaaaaaaaaaaa",
            "abababababab",
            "123456789012",
            "qwertyuiop12",
            "abcdefghijklm",
            "password1234",
            "Passw0rd!!!!",
            "kimlee-kimlee",
            "Stillhere2026!",
            "zyxwvutsrqpo",
            &long,
        ] {
            assert!(fit(bad, "kimlee").is_err(), "{bad}");
        }
        for good in
            ["correct horse battery", "一二三四五六七八九十百千", "Tr0ub4dor&3xyz", "mein hund frisst blau"]
        {
            assert_eq!(fit(good, "kimlee"), Ok(()), "{good}");
        }
    }
}
