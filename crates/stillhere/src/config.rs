//! `stillhere config check|explain|schema`

use crate::{cli, cli::ConfigDo, exit::Exit, say};
use std::path::Path;
use stillhere_config::Config;

pub fn run(args: cli::Config) -> Result<(), Exit> {
    match args.what {
        ConfigDo::Check { file } => {
            let config = load(&file)?;
            // What only building shows: a secret that is not there, a certificate that cannot be read.
            stillhere_node::rehearse(&config).map_err(Exit::Usage)?;
            say::out(&format!(
                "{} is good: {}, {}, {}",
                file.display(),
                counted(config.services.len(), "service"),
                counted(config.checks.len(), "check"),
                counted(config.channels.len(), "channel")
            ));
        }
        ConfigDo::Explain { file } => say::out(&stillhere_config::explain(&load(&file)?)),
        ConfigDo::Schema => {
            let schema = serde_json::to_string_pretty(&stillhere_config::schema()).expect("a schema is JSON");
            say::out(&schema);
        }
    }
    Ok(())
}

fn counted(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

pub fn load(file: &Path) -> Result<Config, Exit> {
    Config::load(file).map_err(|report| Exit::Usage(report.to_string()))
}
