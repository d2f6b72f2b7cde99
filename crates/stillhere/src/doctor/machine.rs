//! What the kernel and the disk of this machine allow.

use super::Finding;
use rustix::process::{Resource, getrlimit};
use std::{path::Path, time::Duration};
use stillhere_config::Config;
use stillhere_observe::probe::icmp::{self, Access, Permission};

/// Less free disk than this, and the next burst of news may not be written.
const DISK_MIN: u64 = 100 << 20;
/// Room for the database's log and for backups, beside what the retention needs.
const DISK_COMFORT: u64 = 1 << 30;
/// Bytes on disk of one observation: packed about 12; indexes, sums and pages that are not full make it more.
const LOOK_BYTES: u64 = 20;
/// Descriptors for the database, the log, the sockets we listen on.
const FILES_OF_OUR_OWN: u64 = 128;
/// A program that hangs must not hang us.
const PROGRAM_WITHIN: Duration = Duration::from_secs(3);

pub fn pings(config: Option<&Config>) -> Finding {
    const ABOUT: &str = "pings";
    let permission = icmp::permission();
    let way = |access| match access {
        Access::Datagram => "allowed",
        Access::Raw => "allowed through CAP_NET_RAW",
        Access::Denied => "not allowed",
        Access::NoFamily => "not spoken here",
    };
    let said = format!("IPv4 {}, IPv6 {}", way(permission.v4), way(permission.v6));
    let needed = config.map(|c| c.checks.iter().filter(|k| k.def.kind == "icmp").count());
    match needed {
        _ if permission.is_granted() => Finding::ok(ABOUT, said),
        Some(0) => Finding::ok(ABOUT, format!("{said}; no check needs them")),
        Some(n) => Finding::bad(ABOUT, format!("{said}, and {n} checks need them"), Permission::hint()),
        None => Finding::warning(ABOUT, format!("{said}: icmp checks cannot look"), Permission::hint()),
    }
}

/// Whether something keeps the clock right. Only the operating system knows.
pub async fn clock() -> Finding {
    const ABOUT: &str = "clock";
    const HINT: &str = "run a time service such as systemd-timesyncd or chrony; times on the page and log-ins to mail servers depend on it";
    let timedatectl = program("timedatectl", &["show", "--property=NTPSynchronized", "--value"]).await;
    match timedatectl.as_deref().map(str::trim) {
        Some("yes") => return Finding::ok(ABOUT, "the kernel says it is synchronised"),
        Some("no") => return Finding::warning(ABOUT, "the kernel says it is not synchronised", HINT),
        _ => {}
    }
    if Path::new("/run/systemd/timesync/synchronized").exists() {
        return Finding::ok(ABOUT, "systemd-timesyncd has synchronised it");
    }
    match program("chronyc", &["-n", "tracking"]).await {
        Some(said) if said.lines().any(|l| l.starts_with("Leap status") && l.ends_with("Normal")) => {
            Finding::ok(ABOUT, "chrony keeps it synchronised")
        }
        Some(said) if said.contains("Not synchronised") => {
            Finding::warning(ABOUT, "chrony has not synchronised it", HINT)
        }
        _ => Finding::warning(ABOUT, "nothing on this machine can tell whether it is synchronised", HINT),
    }
}

/// Standard output of a program that ended well.
async fn program(name: &str, args: &[&str]) -> Option<String> {
    let mut command = tokio::process::Command::new(name);
    command.args(args).stdin(std::process::Stdio::null()).kill_on_drop(true);
    let out = tokio::time::timeout(PROGRAM_WITHIN, command.output()).await.ok()?.ok()?;
    out.status.success().then(|| String::from_utf8_lossy(&out.stdout).into_owned())
}

pub fn time_zones(config: Option<&Config>) -> Finding {
    const ABOUT: &str = "time zones";
    // Always read a real one: UTC is known without any file.
    let site = config.map_or("UTC", |c| c.site.time_zone.as_str());
    for zone in [site, "Europe/Berlin"] {
        if let Err(e) = jiff::tz::TimeZone::get(zone) {
            return Finding::bad(ABOUT, format!("{zone}: {e}"), "install the package tzdata");
        }
    }
    Finding::ok(ABOUT, format!("readable; the site's is {site}"))
}

pub fn disk(data: &Path, config: Option<&Config>) -> Finding {
    const ABOUT: &str = "disk";
    const HINT: &str =
        "free some, or put the data folder elsewhere with --data; [retention] says how much is kept";
    let absolute = std::path::absolute(data).unwrap_or_else(|_| data.to_owned());
    // The folder may still have to be made.
    let Some((there, stat)) = absolute.ancestors().find_map(|d| Some((d, rustix::fs::statvfs(d).ok()?)))
    else {
        return Finding::bad(
            ABOUT,
            format!("{} cannot be asked for its free space", absolute.display()),
            HINT,
        );
    };
    if stat.f_files > 0 && stat.f_favail == 0 {
        return Finding::bad(ABOUT, format!("no free inodes at {}", there.display()), HINT);
    }
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let needed = config.map(needed_bytes);
    let at = format!("{} free at {}", bytes(free), there.display());
    match needed {
        _ if free < DISK_MIN => Finding::bad(ABOUT, at, HINT),
        Some(needed) if free < needed => Finding::bad(
            ABOUT,
            format!("{at}; the observations that are kept need about {}", bytes(needed)),
            HINT,
        ),
        _ if free < DISK_COMFORT => Finding::warning(ABOUT, at, HINT),
        Some(needed) => {
            Finding::ok(ABOUT, format!("{at}; the observations that are kept need about {}", bytes(needed)))
        }
        None => Finding::ok(ABOUT, at),
    }
}

/// An estimate: all the looks of the retention time.
fn needed_bytes(config: &Config) -> u64 {
    let kept = config.retention.observations.as_millis();
    let looks: u128 = config.checks.iter().map(|c| kept / c.def.interval.as_millis().max(1)).sum();
    u64::try_from(looks).unwrap_or(u64::MAX).saturating_mul(LOOK_BYTES)
}

fn bytes(n: u64) -> String {
    match n {
        0..1_000_000 => format!("{} kB", n.div_ceil(1_000)),
        1_000_000..1_000_000_000 => format!("{} MB", n / 1_000_000),
        _ => format!("{:.1} GB", n as f64 / 1e9),
    }
}

/// Our own soft limit was raised to the hard one already, as `up` does.
pub fn open_files(config: Option<&Config>) -> Finding {
    const ABOUT: &str = "open files";
    const HINT: &str = "raise the limit: `ulimit -Hn 65536`, or LimitNOFILE=65536 in the systemd unit";
    let Some(limit) = getrlimit(Resource::Nofile).current else {
        return Finding::ok(ABOUT, "no limit");
    };
    let visitors = stillhere_web::live::LiveLimits::default().listeners
        + stillhere_web::front::Limits::default().connections;
    let looks = config.map_or(0, |c| u64::from(c.limits.looks).min(c.checks.len() as u64));
    let must = FILES_OF_OUR_OWN + looks;
    let all = must + visitors as u64;
    if limit < must {
        let said = format!("{limit} allowed; {must} are needed for {looks} looks at a time");
        Finding::bad(ABOUT, said, HINT)
    } else if limit < all {
        let room = limit - must;
        Finding::warning(
            ABOUT,
            format!("{limit} allowed: room for {room} open pages, where {visitors} could be served"),
            HINT,
        )
    } else {
        Finding::ok(ABOUT, format!("{limit} allowed, {all} needed at the most"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_reckoned_from_the_file() {
        let text = "[retention]\nobservations = \"1d\"\n[[service]]\nid = \"a\"\nurl = \"https://e.example/\"\ninterval = \"10s\"\n";
        let config = Config::parse("a.toml", text).unwrap_or_else(|r| panic!("{r}"));
        assert_eq!(needed_bytes(&config), 8_640 * LOOK_BYTES);
    }

    #[test]
    fn sizes_are_said_in_one_unit() {
        assert_eq!(
            (bytes(1).as_str(), bytes(5_000_000).as_str(), bytes(2_500_000_000).as_str()),
            ("1 kB", "5 MB", "2.5 GB")
        );
    }
}
