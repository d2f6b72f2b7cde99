//! `stillhere config check|explain|schema`

use crate::{cli, cli::ConfigDo, exit::Exit, say};
use std::path::Path;
use stillhere_config::{
    Config,
    console::{Composed, Kind},
};

pub async fn run(args: cli::Config) -> Result<(), Exit> {
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
            if let Some(composed) = with_console(&file, &config).await? {
                let all = &composed.config.of_console;
                let of = |kind| all.iter().filter(|(k, _)| *k == kind).count();
                say::out(&format!(
                    "made in the console ({}): {}, {}, {}",
                    config.server.data.display(),
                    counted(of(Kind::Service), "service"),
                    counted(of(Kind::Channel), "channel"),
                    counted(of(Kind::Template), "template")
                ));
                composed.aside.iter().for_each(|a| say::out(&a.to_string()));
            }
        }
        ConfigDo::Explain { file } => {
            let config = load(&file)?;
            let composed = with_console(&file, &config).await?;
            say::out(&stillhere_config::explain(composed.as_ref().map_or(&config, |c| &c.config)));
            for a in composed.into_iter().flat_map(|c| c.aside) {
                say::out(&format!("# {a}"));
            }
        }
        ConfigDo::Schema => {
            let schema = serde_json::to_string_pretty(&stillhere_config::schema()).expect("a schema is JSON");
            say::out(&schema);
        }
    }
    Ok(())
}

/// With what was made in the console, where the file says that its data are.
async fn with_console(file: &Path, config: &Config) -> Result<Option<Composed>, Exit> {
    stillhere_node::looked_at(file, &config.server.data).await.map_err(Exit::Own)
}

fn counted(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

pub fn load(file: &Path) -> Result<Config, Exit> {
    Config::load(file).map_err(|report| Exit::Usage(report.to_string()))
}
