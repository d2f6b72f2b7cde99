//! Every limit of the configuration, in one place. The schema, the check and the reference take them from here.

use std::time::Duration;

/// Bytes of a configuration file. 20,000 checks written out are about 3 MiB.
pub const FILE_BYTES: u64 = 4 * 1024 * 1024;
/// Errors that a report holds; the rest is counted.
pub const REPORTED_ERRORS: usize = 100;
/// Services in a file. More than a page can show, and few enough to number.
pub const SERVICES: u64 = 20_000;
/// Checks in a file, all services together.
pub const CHECKS: u64 = 100_000;
/// Checks of one service.
pub const CHECKS_OF_A_SERVICE: u64 = 1_000;
/// Services that one service depends on directly.
pub const DEPENDENCIES: u64 = 100;
/// Conditions of one check.
pub const CONDITIONS: usize = stillhere_observe::probe::MAX_CONDITIONS;
/// Bytes of one condition.
pub const CONDITION_BYTES: usize = stillhere_observe::condition::MAX_CONDITION_BYTES;
/// Channels in a file.
pub const CHANNELS: u64 = 1_000;
/// Maintenance windows in a file.
pub const WINDOWS: u64 = 1_000;
/// Templates of updates in a file, those of the console counted too: as many as one can choose from.
pub const TEMPLATES: u64 = 100;
/// Services that one channel or window names.
pub const SERVICES_NAMED: u64 = 1_000;
/// Characters of an id: it stands in URLs, in element ids and in SQL keys.
pub const ID_CHARS: u64 = 63;
/// Characters of a name, a title, a group.
pub const NAME_CHARS: u64 = 200;
/// Characters of a description.
pub const TEXT_CHARS: u64 = 2_000;
/// Characters of a URL.
pub const URL_CHARS: u64 = 2_000;
/// Characters of the chat's address: it is part of the notice, whose size is bounded.
pub const CHAT_URL_CHARS: u64 = 300;
/// Addresses that are asked whether our own uplink works.
pub const UPLINK_TARGETS: u64 = 16;
/// Push services of the operator's own.
pub const PUSH_SERVICES: u64 = 16;
/// Characters of a host name with a port.
pub const PUSH_SERVICE_CHARS: u64 = 259;
/// Characters of the address that letters come back to.
pub const RETURN_PATH_CHARS: u64 = 200;
/// Witnesses that are asked.
pub const WITNESSES: u64 = 16;
/// Groups of a provider whose members are added.
pub const GROUPS: u64 = 100;
/// Host names under which the page may be asked for.
pub const ALLOWED_HOSTS: u64 = 100;
/// The shortest interval: a look a second and a re-check after 500 ms are what a target should have to bear.
pub const INTERVAL_MIN: Duration = Duration::from_secs(1);
pub const INTERVAL_MAX: Duration = Duration::from_secs(86_400);
pub const TIMEOUT_MIN: Duration = Duration::from_millis(50);
pub const TIMEOUT_MAX: Duration = Duration::from_secs(300);
/// Looks in a row that can be asked for before a verdict changes.
pub const IN_A_ROW: u32 = 100;
