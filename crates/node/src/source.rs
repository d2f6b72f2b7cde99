//! Where the configuration comes from, as something that can be read again.

use std::{net::SocketAddr, path::PathBuf, time::Duration};
use stillhere_config::Config;

/// What the command line says about it.
#[derive(Debug, Clone)]
pub enum Source {
    /// No file: these URLs.
    Watch {
        urls: Vec<String>,
        interval: Option<Duration>,
        over: Over,
    },
    File {
        path: PathBuf,
        over: Over,
    },
}

/// What the command line says goes before what the file says.
#[derive(Debug, Clone, Default)]
pub struct Over {
    pub listen: Option<SocketAddr>,
    pub data: Option<PathBuf>,
}

// === impl Source ===

impl Source {
    /// # Errors
    /// The whole report, ready to be shown.
    pub fn load(&self) -> Result<Config, String> {
        let (config, over) = match self {
            Source::Watch { urls, interval, over } => (Config::watch(urls, *interval), over),
            Source::File { path, over } => (Config::load(path), over),
        };
        let mut config = config.map_err(|report| report.to_string())?;
        if let Some(listen) = over.listen {
            config.server.listen = listen;
        }
        if let Some(data) = &over.data {
            config.server.data.clone_from(data);
        }
        Ok(config)
    }
}
