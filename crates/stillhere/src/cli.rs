//! The command line as types. The texts here are the help.

use clap::{Args, Parser, Subcommand};
use std::{net::SocketAddr, path::PathBuf, time::Duration};

#[derive(Debug, Parser)]
#[command(
    name = "stillhere",
    version,
    about = "Tells your users the truth while a service is down.",
    max_term_width = 100
)]
pub struct Cli {
    #[command(subcommand)]
    pub what: Do,
}

#[derive(Debug, Subcommand)]
pub enum Do {
    /// Watch, judge, and serve the status page, until stopped
    Up(Up),
    /// Stand in front of your servers and keep people connected while they die
    Edge(Edge),
    /// A small shop with two nodes, watched; break it from its own page
    Demo(Demo),
    /// Rehearse an outage on this machine, scored; nobody outside hears of it
    Drill(Drill),
    /// Look once at a URL and say what happened, phase by phase
    Probe(Probe),
    /// Check or explain a configuration file
    Config(Config),
    /// What the running Stillhere sees now
    Status(At),
    /// Open, update, resolve or correct incidents
    Incident(Incident),
    /// Plan maintenance, and end or cancel it
    Maintenance(Maintenance),
    /// Who may log in, and what they may do
    Person(Person),
    /// Who outside is told: how many, how far news has come, and what is known of one of them
    Subscribers(Subscribers),
    /// Take a mail from standard input that came to the return path of a letter; for mail servers
    Bounce(Bounce),
    /// Tokens for programs
    Token(Token),
    /// What was decided and said, entry by entry
    Journal(Journal),
    /// Read the configuration file again; a bad file changes nothing
    Reload(At),
    /// Stop the running Stillhere gracefully
    Stop(At),
    /// Copy the database while everything goes on
    Backup(Backup),
    /// Put a backup in place of the database; Stillhere must not be running
    Restore(Restore),
    /// Write a static copy of the status page to a folder or a bucket
    Publish(Publish),
    /// Look at this machine: rights, clock, disk, limits, mail
    Doctor(Doctor),
    /// Take out what somebody wrote, for good; the public record shows that it was. Stillhere must not be running
    Redact(Redact),
    /// Check from outside that a status page's public record only grew, and that the page says what it says
    Verify(Verify),
    /// Compute a status page's trust report again from its public record, and compare
    Trust(Trust),
    /// Print a completion script for your shell
    Completions { shell: clap_complete::Shell },
}

/// Which running Stillhere is meant.
#[derive(Debug, Clone, Args)]
pub struct At {
    /// The data folder of the running Stillhere; its control socket is in there
    #[arg(long, env = "STILLHERE_DATA", default_value = "stillhere-data", value_name = "DIR", global = true)]
    pub data: PathBuf,
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Up {
    /// Watch these and need no file: https://… http://… tcp://host:port tls://host:port icmp://host dns://name
    #[arg(long, num_args = 1.., value_name = "URL", conflicts_with = "config")]
    pub watch: Vec<String>,
    /// How often to look, with --watch
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "watch")]
    pub interval: Option<Duration>,
    /// Where to serve the page [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// Where to keep everything [default: ./stillhere-data]
    #[arg(long, env = "STILLHERE_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The configuration file [default: ./stillhere.toml]
    #[arg(long, short, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Log lines as JSON
    #[arg(long)]
    pub log_json: bool,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Edge {
    #[command(subcommand)]
    pub what: Option<EdgeDo>,
    #[command(flatten)]
    pub run: EdgeRun,
}

/// What is run; with `[edge]` in its file `up` does it by itself.
#[derive(Debug, Args)]
pub struct EdgeRun {
    /// The core that says what to do: https://status.example.com, or unix:DIR/control.sock on this machine
    #[arg(long, value_name = "URL", conflicts_with = "to")]
    pub join: Option<String>,
    /// The file with the token for it, made by `stillhere token new NAME --scope edge`
    #[arg(long, value_name = "FILE", requires = "join")]
    pub token_file: Option<PathBuf>,
    /// The authority (PEM) whose certificates the core shows, instead of those that the system trusts
    #[arg(long, value_name = "FILE", requires = "join")]
    pub ca_file: Option<PathBuf>,
    /// What the core calls it [default: the name of this machine]
    #[arg(long, value_name = "NAME", requires = "join")]
    pub name: Option<String>,
    /// A server that answers, without any core; may be given several times
    #[arg(long, value_name = "URL")]
    pub to: Vec<String>,
    /// Keep requests with an Idempotency-Key and send them once; needs --data
    #[arg(long, requires_all = ["to", "data"])]
    pub keyed: bool,
    /// Where to take requests [default: what the core says, else 127.0.0.1:8000]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// Where to keep what must outlive it [default with --join: ./stillhere-edge]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// End when nobody holds the lock of this file: the demo does, as long as it lives
    #[arg(long, value_name = "FILE", requires = "join")]
    pub while_locked: Option<PathBuf>,
    /// Log lines as JSON
    #[arg(long)]
    pub log_json: bool,
}

#[derive(Debug, Subcommand)]
pub enum EdgeDo {
    /// The edges that have joined, and how their servers look from there
    List {
        #[command(flatten)]
        at: At,
    },
    /// Let requests for a service wait, while you deploy it
    Pause {
        service: String,
        /// Go on by itself then: a duration from now, or a time [default: 10 minutes from now]
        #[arg(long, value_name = "WHEN")]
        until: Option<String>,
        #[command(flatten)]
        at: At,
    },
    /// Let them go on
    Resume {
        service: String,
        #[command(flatten)]
        at: At,
    },
    /// Shut a network out, such as 203.0.113.0/24; without one, list those that are
    Ban {
        network: Option<String>,
        /// A duration from now, or a time
        #[arg(long, value_name = "WHEN", default_value = "1h")]
        until: String,
        /// For those who read the list later
        #[arg(long, value_name = "TEXT", default_value = "by hand")]
        why: String,
        #[command(flatten)]
        at: At,
    },
    /// Let it in again
    Unban {
        network: String,
        #[command(flatten)]
        at: At,
    },
    /// Let the edge of a folder on this machine hand over to a new process of the binary that is there now
    Upgrade {
        /// Its folder [default: ./stillhere-edge]
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub struct Demo {
    /// Where to serve the status page; the shop listens on the next port
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,
    /// Where to keep everything [default: a temporary folder, removed at the end]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Drill {
    /// Take the site's name, languages and channel names from this file; none of its addresses is used
    #[arg(long, short, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where to serve the exercise's page; only on this machine
    #[arg(long, default_value = "127.0.0.1:8090", value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,
    /// How long the outage lasts
    #[arg(long, default_value = "4m", value_name = "DURATION", value_parser = duration)]
    pub lasts: Duration,
    /// How long there is for the post-mortem
    #[arg(long, default_value = "10m", value_name = "DURATION", value_parser = duration)]
    pub afterwards: Duration,
    /// Print the score as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Probe {
    /// https://… http://… tcp://host:port tls://host:port icmp://host dns://name
    pub url: String,
    #[arg(long, default_value = "10s", value_name = "DURATION", value_parser = duration)]
    pub timeout: Duration,
    /// What must be true of the answer, in CEL; may be given several times
    #[arg(long = "condition", value_name = "CEL")]
    pub conditions: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Config {
    #[command(subcommand)]
    pub what: ConfigDo,
}

#[derive(Debug, Subcommand)]
pub enum ConfigDo {
    /// Read the file and say everything that is wrong with it; with what was made in the console
    Check {
        #[arg(default_value = "stillhere.toml")]
        file: PathBuf,
    },
    /// Print what is in force, defaults included and where it is from; secrets as ***
    Explain {
        #[arg(default_value = "stillhere.toml")]
        file: PathBuf,
    },
    /// Print the JSON Schema of the file, for editors
    Schema,
}

#[derive(Debug, Args)]
pub struct Incident {
    #[command(subcommand)]
    pub what: IncidentDo,
    #[command(flatten)]
    pub at: At,
}

#[derive(Debug, Subcommand)]
pub enum IncidentDo {
    /// Open incidents, and those of the last days
    List,
    /// Open one by hand
    Open {
        /// One text for all languages, or one each: --title "Down" --title zh-CN="无法访问"
        #[arg(long, required = true, value_name = "[LANG=]TEXT")]
        title: Vec<String>,
        #[arg(long, required = true, value_name = "[LANG=]TEXT")]
        text: Vec<String>,
        /// What is affected and how: checkout=partial_outage; may be given several times
        #[arg(long = "service", value_name = "ID=STATUS")]
        services: Vec<String>,
        /// investigating, identified or monitoring
        #[arg(long, default_value = "investigating")]
        status: String,
        /// none, minor, major or critical [default: from the services]
        #[arg(long)]
        impact: Option<String>,
        /// When it began, RFC 3339, if before now
        #[arg(long, value_name = "TIME")]
        started_at: Option<String>,
        /// Promise the next update: a duration from now, or a time
        #[arg(long, value_name = "WHEN")]
        next_update: Option<String>,
    },
    /// Say the next true thing
    Update {
        id: String,
        #[arg(long, required = true, value_name = "[LANG=]TEXT")]
        text: Vec<String>,
        #[arg(long)]
        status: Option<String>,
        #[arg(long, value_name = "[LANG=]TEXT")]
        title: Vec<String>,
        #[arg(long = "service", value_name = "ID=STATUS")]
        services: Vec<String>,
        #[arg(long, value_name = "WHEN")]
        next_update: Option<String>,
    },
    /// Call it over
    Resolve {
        id: String,
        #[arg(long, value_name = "[LANG=]TEXT")]
        text: Vec<String>,
    },
    /// Take it on, so that the others are left in peace
    Acknowledge { id: String },
    /// The draft of the post-mortem, filled from the record; publish it with `update ID --status postmortem`
    Postmortem {
        id: String,
        /// The language of the text [default: the site's first]
        #[arg(long, value_name = "LANG")]
        lang: Option<String>,
    },
    /// What is done so that it does not happen again: note an item, or change one with --item
    Prevent {
        id: String,
        /// The item to change; without it a new one is noted
        #[arg(long, value_name = "ITEM")]
        item: Option<String>,
        #[arg(long, value_name = "[LANG=]TEXT", required_unless_present = "item", conflicts_with = "item")]
        what: Vec<String>,
        /// Who does it
        #[arg(long, value_name = "NAME", required_unless_present = "item")]
        owner: Option<String>,
        /// By when: a time, or a duration from now
        #[arg(long, value_name = "WHEN", required_unless_present = "item")]
        due: Option<String>,
        /// Visitors read it, and whether it was done by its day
        #[arg(long)]
        public: bool,
        /// It is done
        #[arg(long, requires = "item")]
        done: bool,
        /// It will not be done: it stays on the record, and counts as not done
        #[arg(long, requires = "item", conflicts_with = "done")]
        drop: bool,
    },
    /// Revoke the links in mails to staff; of all incidents without an id
    Unlink { id: Option<String> },
    /// Say when you expect it to be over; goes before the computed estimate until it has passed, and is scored apart
    Eta {
        id: String,
        /// A duration from now, or a time
        #[arg(long, value_name = "WHEN", required_unless_present = "none", conflicts_with = "none")]
        by: Option<String>,
        /// Give no time, and compute none
        #[arg(long)]
        none: bool,
    },
    /// Correct the record; the old words and times stay visible
    Correct {
        id: String,
        #[arg(long, value_name = "TIME")]
        started_at: Option<String>,
        #[arg(long, value_name = "TIME")]
        resolved_at: Option<String>,
        /// The update whose words are wrong; needs --text
        #[arg(long, value_name = "UPDATE", requires = "text")]
        update: Option<String>,
        #[arg(long, value_name = "[LANG=]TEXT")]
        text: Vec<String>,
        /// Why
        #[arg(long, value_name = "[LANG=]TEXT")]
        note: Vec<String>,
    },
}

#[derive(Debug, Args)]
pub struct Maintenance {
    #[command(subcommand)]
    pub what: MaintenanceDo,
    #[command(flatten)]
    pub at: At,
}

#[derive(Debug, Subcommand)]
pub enum MaintenanceDo {
    /// What is planned, in progress, and lately done
    List,
    /// Plan a window
    Schedule {
        #[arg(long, required = true, value_name = "[LANG=]TEXT")]
        title: Vec<String>,
        #[arg(long, value_name = "[LANG=]TEXT")]
        text: Vec<String>,
        #[arg(long = "service", required = true, value_name = "ID")]
        services: Vec<String>,
        /// A time (RFC 3339), or a duration from now
        #[arg(long, value_name = "WHEN")]
        starts: String,
        #[arg(long, value_name = "WHEN")]
        ends: String,
        /// The worst that is part of the plan; anything worse is shown as what it is
        #[arg(long, default_value = "major_outage", value_name = "STATUS")]
        expect: String,
    },
    /// Say something about it, or move its end
    Update {
        id: String,
        #[arg(long, required = true, value_name = "[LANG=]TEXT")]
        text: Vec<String>,
        #[arg(long, value_name = "WHEN")]
        ends: Option<String>,
    },
    /// End it now
    Complete {
        id: String,
        #[arg(long, value_name = "[LANG=]TEXT")]
        text: Vec<String>,
    },
    /// Call it off
    Cancel {
        id: String,
        #[arg(long, value_name = "[LANG=]TEXT")]
        text: Vec<String>,
    },
}

#[derive(Debug, Args)]
pub struct Person {
    #[command(subcommand)]
    pub what: PersonDo,
    #[command(flatten)]
    pub at: At,
}

#[derive(Debug, Subcommand)]
pub enum PersonDo {
    /// Add somebody; prints the link with which they choose a password
    Add {
        name: String,
        /// viewer: reads. responder: also speaks to the public. admin: also decides who comes in and what runs
        #[arg(long, default_value = "responder", value_parser = ["viewer", "responder", "admin"])]
        role: String,
        /// Whose services they may speak about [default: everybody's]
        #[arg(long = "team", value_name = "TEAM")]
        teams: Vec<String>,
    },
    List,
    /// Give them another role; they log in again
    Role {
        name: String,
        #[arg(value_parser = ["viewer", "responder", "admin"])]
        role: String,
        /// Also other teams
        #[arg(long = "team", value_name = "TEAM")]
        teams: Option<Vec<String>>,
        /// Everybody's services
        #[arg(long, conflicts_with = "teams")]
        all_teams: bool,
    },
    /// Take away password, codes and sessions; prints a link to choose anew
    Reset {
        name: String,
    },
    /// They cannot come in any more, from now on
    Remove {
        name: String,
    },
}

#[derive(Debug, Args)]
pub struct Subscribers {
    #[command(flatten)]
    pub at: At,
    #[command(subcommand)]
    pub what: Option<SubscribersDo>,
}

#[derive(Debug, Subcommand)]
pub enum SubscribersDo {
    /// Print everything that is known of one subscriber, for them
    Export {
        /// Their mail address or webhook URL
        address: String,
    },
    /// Forget one subscriber with everything that is known
    Erase {
        /// Their mail address or webhook URL
        address: String,
    },
    /// Take over subscribers who confirmed elsewhere: a file with one address a line
    Import {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Their language: en or zh-CN [default: the page's first]
        #[arg(long, value_name = "TAG")]
        language: Option<String>,
    },
}

#[derive(Debug, Args)]
pub struct Bounce {
    #[command(flatten)]
    pub at: At,
    /// The address that it came to [default: as its headers say]
    pub recipient: Option<String>,
}

#[derive(Debug, Args)]
pub struct Token {
    #[command(subcommand)]
    pub what: TokenDo,
    #[command(flatten)]
    pub at: At,
}

#[derive(Debug, Subcommand)]
pub enum TokenDo {
    /// Make one; it is printed once and kept only as a hash
    New {
        name: String,
        /// write: the API. edge: only joining as an edge
        #[arg(long, default_value = "write", value_parser = ["write", "edge"])]
        scope: String,
        /// What it may do in the API
        #[arg(long, default_value = "responder", value_parser = ["viewer", "responder", "admin"])]
        role: String,
        /// Whose services it may speak about [default: everybody's]
        #[arg(long = "team", value_name = "TEAM")]
        teams: Vec<String>,
        /// How long it is good [default: until it is revoked]
        #[arg(long, value_name = "DURATION", value_parser = duration)]
        expires: Option<Duration>,
    },
    List,
    Revoke {
        name: String,
    },
}

#[derive(Debug, Args)]
pub struct Journal {
    /// Only what came after this entry
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    pub after: u64,
    /// How many at the most
    #[arg(long, default_value_t = 200, value_name = "NUMBER")]
    pub limit: u32,
    #[command(flatten)]
    pub at: At,
}

#[derive(Debug, Args)]
pub struct Backup {
    /// The file to write; must not exist
    pub file: PathBuf,
    #[command(flatten)]
    pub at: At,
}

#[derive(Debug, Args)]
pub struct Restore {
    /// A file that `backup` wrote
    pub file: PathBuf,
    #[arg(long, env = "STILLHERE_DATA", default_value = "stillhere-data", value_name = "DIR")]
    pub data: PathBuf,
}

#[derive(Debug, Args)]
pub struct Publish {
    /// A folder, or s3://bucket/prefix with the usual AWS_… variables
    pub to: String,
    #[command(flatten)]
    pub at: At,
}

#[derive(Debug, Args)]
pub struct Doctor {
    /// A warning is bad news, too: exit code 1
    #[arg(long)]
    pub strict: bool,
    /// Also look at what this file needs: channels, disk for its retention
    #[arg(long, short, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub at: At,
}

#[derive(Debug, Args)]
pub struct Redact {
    /// The entry of the public record whose texts are to go
    #[arg(required_unless_present = "find", conflicts_with = "find")]
    pub entry: Option<u64>,
    /// List the entries in whose texts this stands, and change nothing
    #[arg(long, value_name = "TEXT")]
    pub find: Option<String>,
    /// Why, for everybody to read
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
    #[arg(long, env = "STILLHERE_DATA", default_value = "stillhere-data", value_name = "DIR")]
    pub data: PathBuf,
}

#[derive(Debug, Args)]
pub struct Verify {
    /// The status page: https://status.example.com
    pub url: String,
    /// The log's key, if you have it from somewhere else: name+hash+key
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// A checkpoint that somebody else was shown: must be of the same log
    #[arg(long, value_name = "FILE")]
    pub against: Vec<PathBuf>,
    /// A witness's key: whether it has signed what is shown is checked, and counted
    #[arg(long, value_name = "KEY")]
    pub witness: Vec<String>,
    /// Where to keep what was seen [default: stillhere/seen.json in your state folder]
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// The authority (PEM) whose certificates the page shows, instead of those that the system trusts
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Trust {
    /// The status page: https://status.example.com
    #[arg(long, value_name = "URL")]
    pub from_log: String,
    /// YYYY-MM, in UTC [default: the whole record]
    #[arg(long, value_name = "MONTH")]
    pub month: Option<String>,
    /// The authority (PEM) whose certificates the page shows, instead of those that the system trusts
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
}

/// A duration such as `500ms`, `20s`, `5m`, `1h30m`.
fn duration(s: &str) -> Result<Duration, String> {
    stillhere_config::duration::parse(s).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_data_folder_may_be_named_after_the_last_word() {
        let cli = Cli::try_parse_from(["stillhere", "incident", "list", "--data", "x", "--json"]).unwrap();
        let Do::Incident(incident) = cli.what else { panic!("{cli:?}") };
        assert_eq!((incident.at.data, incident.at.json), (PathBuf::from("x"), true));
    }

    /// Each command and subcommand has a heading or an example, and each long option of ours is named.
    #[test]
    fn every_command_and_option_is_in_the_docs() {
        let docs = include_str!("../../../docs/cli.md");
        let mut missing = Vec::new();
        let mut look = |path: &str, command: &clap::Command| {
            if !docs.contains(&format!("stillhere {path}")) {
                missing.push(format!("stillhere {path}"));
            }
            for option in command.get_arguments().filter_map(|a| a.get_long()) {
                if !["help", "version"].contains(&option) && !docs.contains(&format!("--{option}")) {
                    missing.push(format!("stillhere {path} --{option}"));
                }
            }
        };
        for command in Cli::command().get_subcommands() {
            look(command.get_name(), command);
            for sub in command.get_subcommands() {
                look(&format!("{} {}", command.get_name(), sub.get_name()), sub);
            }
        }
        assert_eq!(missing, Vec::<String>::new());
    }

    /// The conditions of the examples are ones that the probe takes.
    #[test]
    fn the_conditions_in_the_docs_are_taken() {
        let docs = include_str!("../../../docs/cli.md");
        let mut conditions =
            docs.split("--condition '").skip(1).filter_map(|rest| rest.split('\'').next()).peekable();
        assert!(conditions.peek().is_some());
        for condition in conditions {
            let text = format!(
                "[[service]]\nid = \"a\"\nurl = \"https://example.com\"\nconditions = [\"{condition}\"]\n"
            );
            stillhere_config::Config::parse("docs/cli.md", &text).unwrap_or_else(|report| panic!("{report}"));
        }
    }
}
