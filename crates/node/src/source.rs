//! Where the configuration comes from, as something that can be read again.

use std::{net::SocketAddr, path::PathBuf, time::Duration};
use stillhere_config::{
    Config, Report,
    console::{Base, Composed, Item, Kind, compose_around},
};

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
    /// What it says with what was made in the console. `may_wait`: see [`compose_around`].
    ///
    /// # Errors
    /// Everything that is wrong.
    pub(crate) fn compose(
        &self,
        items: &[Item],
        may_wait: impl Fn(Kind, &str) -> bool,
    ) -> Result<Composed, Report> {
        let (base, over) = match self {
            Source::Watch { urls, interval, over } => (Base::watch(urls, *interval)?, over),
            Source::File { path, over } => (Base::read(path)?, over),
        };
        let mut composed = compose_around(&base, items, may_wait)?;
        over.apply(&mut composed.config);
        Ok(composed)
    }

    /// # Errors
    /// The whole report, ready to be shown.
    pub fn load(&self) -> Result<Config, String> {
        let (config, over) = match self {
            Source::Watch { urls, interval, over } => (Config::watch(urls, *interval), over),
            Source::File { path, over } => (Config::load(path), over),
        };
        let mut config = config.map_err(|report| report.to_string())?;
        over.apply(&mut config);
        Ok(config)
    }
}

// === impl Over ===

impl Over {
    fn apply(&self, config: &mut Config) {
        if let Some(listen) = self.listen {
            config.server.listen = listen;
        }
        if let Some(data) = &self.data {
            config.server.data.clone_from(data);
        }
    }
}
