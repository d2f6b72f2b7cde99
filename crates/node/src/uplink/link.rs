//! What the kernel knows of our way out: whether any link that could carry it is there.
//!
//! The default when nobody named targets: it asks no third party and blames nobody by mistake. It sees a pulled cable, a
//! lost Wi-Fi, a switched-off switch next to us. What is cut further away it cannot see; only targets can.

use std::{collections::BTreeSet, fs::File, io::Read as _, path::Path};

/// As much of a table of routes is read: the default route is among the first lines.
const TABLE_MAX: u64 = 256 * 1024;
/// A route that is in force.
const RTF_UP: u32 = 0x1;
/// One that refuses.
const RTF_REJECT: u32 = 0x200;

/// True when a way out is configured, and nothing that it could take has a link. `root`: `/`, or a picture of it.
///
/// No opinion (false) where there is no default route: what is reached then is near, and for the rest the kernel itself
/// says that there is no route. Also where another piece of hardware has a link: its network may still be reached.
pub(super) fn is_cut(root: &Path) -> bool {
    let out = ways_out(root);
    !out.is_empty() && !out.iter().any(|i| has_link(root, i)) && !other_hardware_has_link(root, &out)
}

/// Interfaces of default routes.
fn ways_out(root: &Path) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    for line in read(&root.join("proc/net/route")).lines().skip(1) {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        if let [interface, "00000000", _, flags, _, _, _, "00000000", ..] = fields[..]
            && in_force(flags)
        {
            out.insert(interface.to_owned());
        }
    }
    for line in read(&root.join("proc/net/ipv6_route")).lines() {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        if let [to, "00", _, _, _, _, _, _, flags, interface] = fields[..]
            && to.bytes().all(|b| b == b'0')
            && in_force(flags)
            && interface != "lo"
        {
            out.insert(interface.to_owned());
        }
    }
    out
}

fn in_force(flags: &str) -> bool {
    u32::from_str_radix(flags, 16).is_ok_and(|f| f & RTF_UP != 0 && f & RTF_REJECT == 0)
}

/// Tunnels and others that do not say count as linked.
fn has_link(root: &Path, interface: &str) -> bool {
    let state = read(&root.join("sys/class/net").join(interface).join("operstate"));
    !matches!(state.trim(), "down" | "lowerlayerdown" | "notpresent")
}

/// Bridges and the like of this very machine do not count: they lead nowhere else by themselves.
fn other_hardware_has_link(root: &Path, but: &BTreeSet<String>) -> bool {
    let Ok(all) = std::fs::read_dir(root.join("sys/class/net")) else { return true };
    all.filter_map(Result::ok).any(|entry| {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { return true };
        !but.contains(name) && entry.path().join("device").exists() && has_link(root, name)
    })
}

fn read(path: &Path) -> String {
    let mut text = Vec::new();
    if let Ok(file) = File::open(path) {
        // A table that breaks off in the middle is as good as what was read of it.
        let _ = file.take(TABLE_MAX).read_to_end(&mut text);
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::fs;

    const HEAD: &str =
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";

    /// A picture of `/` with these interfaces (name, state, whether it is hardware) and IPv4 routes.
    pub(crate) fn picture(interfaces: &[(&str, &str, bool)], routes: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(dir.path().join("proc/net")).expect("a folder");
        let table = routes.iter().fold(HEAD.to_owned(), |t, r| format!("{t}{r}\n"));
        fs::write(dir.path().join("proc/net/route"), table).expect("a file");
        for (name, state, hardware) in interfaces {
            let at = dir.path().join("sys/class/net").join(name);
            fs::create_dir_all(&at).expect("a folder");
            set(&dir, name, state);
            if *hardware {
                fs::create_dir(at.join("device")).expect("a folder");
            }
        }
        dir
    }

    pub(crate) fn set(dir: &tempfile::TempDir, interface: &str, state: &str) {
        let file = dir.path().join("sys/class/net").join(interface).join("operstate");
        fs::write(file, format!("{state}\n")).expect("a file");
    }

    pub(crate) const DEFAULT: &str = "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0";
    const NEAR: &str = "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0";

    #[test]
    fn case_i_a_pulled_cable_is_our_own_cut_and_nothing_less_is() {
        let eth = |state| ("eth0", state, true);
        let lo = ("lo", "unknown", false);
        for (interfaces, routes, cut) in [
            (&[lo, eth("up")][..], &[DEFAULT, NEAR][..], false),
            (&[lo, eth("down")], &[DEFAULT, NEAR], true),
            (&[lo, eth("lowerlayerdown")], &[DEFAULT], true),
            // A tunnel does not say; a route to the neighbours is no way out; a bridge leads nowhere by itself.
            (&[lo, eth("unknown")], &[DEFAULT], false),
            (&[lo, eth("down")], &[NEAR], false),
            (&[lo, eth("down"), ("docker0", "up", false)], &[DEFAULT], true),
            // Another network may still be reached, and with it what is failing.
            (&[lo, eth("down"), ("eth1", "up", true)], &[DEFAULT], false),
            (&[lo, eth("down"), ("eth1", "down", true)], &[DEFAULT], true),
            (&[lo], &[], false),
        ] {
            assert_eq!(is_cut(picture(interfaces, routes).path()), cut, "{interfaces:?} {routes:?}");
        }
        assert!(!is_cut(Path::new("/nowhere/at/all")), "where nothing can be read there is no opinion");
    }

    #[test]
    fn a_way_out_over_ipv6_counts_too() {
        let dir = picture(&[("wlan0", "down", true)], &[]);
        let zero = "0".repeat(32);
        let route = |flags: &str, interface: &str| {
            format!(
                "{zero} 00 {zero} 00 fd000000000000000000000000000001 00000400 00000003 00000000 {flags} {interface}\n"
            )
        };
        let set = |lines: String| fs::write(dir.path().join("proc/net/ipv6_route"), lines).expect("a file");
        set(route("00000003", "wlan0"));
        assert!(is_cut(dir.path()));
        set(route("00200200", "lo") + &route("00000203", "wlan0"));
        assert!(!is_cut(dir.path()), "a route that refuses is none");
    }
}
