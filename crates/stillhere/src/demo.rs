//! `stillhere demo`: a small shop with two nodes, watched by a real Stillhere, that one can break from its own page.
//!
//! Everything in it is real: the parts are servers on this machine, breaking one changes how it behaves on the
//! wire, and the status page learns of it only by looking. Nobody tells it anything.

mod ask;
mod job;
mod page;
mod part;
mod plan;
mod shop;
mod words;

use crate::{
    cli,
    exit::Exit,
    say,
    up::{self, App},
};
use anyhow::Context as _;
use part::Parts;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};
use stillhere_node::{Over, Source};
use tokio::net::TcpListener;

/// Where the demo keeps its things: a folder of the user's own, or one that goes away with the demo.
enum Folder {
    Own(PathBuf),
    Temporary(tempfile::TempDir),
}

pub async fn run(args: cli::Demo) -> Result<(), Exit> {
    // What people should see of the demo is its two pages; the log stays for what goes wrong.
    up::logging(false, "warn");
    up::open_more_files();
    let shop_addr = next_port(args.listen)?;
    let folder = Folder::new(args.data)?;
    let listener = TcpListener::bind(shop_addr).await.map_err(|e| {
        Exit::Usage(format!(
            "cannot listen on {shop_addr} for the shop's page: {e}. The shop takes the port after the status page's; try --listen 127.0.0.1:9080"
        ))
    })?;
    let shop_addr = listener.local_addr().context("the shop's listener has no address")?;
    let parts = Parts::start().await.context("cannot start the shop's servers")?;
    let key = job::key(folder.path()).context("cannot write the key of the nightly report")?;
    let file =
        plan::write(folder.path(), args.listen, shop_addr, &parts, &key).context("cannot write demo.toml")?;
    let source = Source::File { path: file.clone(), over: Over::default() };
    let config = source.load().map_err(Exit::Own)?;
    let app = App::start(source, config).await?;
    let job = job::Job::start(app.addr(), key.value);
    let shop = Arc::new(shop::Shop::new(parts, job, app.addr(), shop_addr));
    let serving = tokio::spawn(shop::serve(shop, listener));
    say::out(
        "A small shop is open, and Stillhere watches it. Break the shop, and see what its customers are told.\n",
    );
    say::out(&format!("  The shop      http://{shop_addr}/"));
    say::out(&format!("  Status page   http://{}/", app.addr()));
    say::out(&format!("  Watched by    {}", file.display()));
    say::out(&format!("  Kept in       {}\n", folder.said()));
    say::out("Stop with Ctrl-C.");
    let ended = app.until_stopped().await;
    serving.abort();
    ended
}

/// Whoever can reach the shop's page can break the shop, so it is for this machine only.
fn next_port(listen: SocketAddr) -> Result<SocketAddr, Exit> {
    if !listen.ip().is_loopback() {
        return Err(Exit::Usage(format!(
            "the demo listens on this machine only, not on {}: anyone who can open the shop can break it. Write --listen 127.0.0.1:{}",
            listen.ip(),
            listen.port()
        )));
    }
    let port = match listen.port() {
        0 => 0,
        port => port
            .checked_add(1)
            .ok_or_else(|| Exit::Usage("the shop needs the port after that one; there is none".to_owned()))?,
    };
    Ok(SocketAddr::new(listen.ip(), port))
}

// === impl Folder ===

impl Folder {
    fn new(given: Option<PathBuf>) -> Result<Folder, Exit> {
        match given {
            Some(dir) => {
                up::make_private(&dir)
                    .with_context(|| format!("cannot use the data folder {}", dir.display()))?;
                let dir = std::path::absolute(&dir).context("the data folder's path")?;
                Ok(Folder::Own(dir))
            }
            None => {
                let dir = tempfile::Builder::new().prefix("stillhere-demo-").tempdir();
                Ok(Folder::Temporary(dir.context("cannot make a temporary folder")?))
            }
        }
    }

    fn path(&self) -> &Path {
        match self {
            Folder::Own(dir) => dir,
            Folder::Temporary(dir) => dir.path(),
        }
    }

    fn said(&self) -> String {
        match self {
            Folder::Own(dir) => dir.display().to_string(),
            Folder::Temporary(dir) => format!("{} (removed at the end)", dir.path().display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shop_takes_the_next_port_of_this_machine_only() {
        let port = |s: &str| next_port(s.parse().unwrap());
        assert_eq!(port("127.0.0.1:8080").unwrap(), "127.0.0.1:8081".parse().unwrap());
        assert_eq!(port("[::1]:0").unwrap(), "[::1]:0".parse().unwrap());
        assert!(port("127.0.0.1:65535").is_err());
        assert!(port("0.0.0.0:8080").is_err());
        assert!(port("192.0.2.1:8080").is_err());
    }
}
