//! `stillhere demo`: a small shop with two nodes behind a real edge, watched by a real Stillhere, that one can break
//! from a page of its own while visitors are in it.
//!
//! Everything in it is real: the parts are servers on this machine, breaking one changes how it behaves on the
//! wire, the visitors come through the edge, and the status page learns of it only by looking. Nobody tells it
//! anything.

mod ask;
mod board;
mod control;
mod crowd;
mod html;
mod job;
mod ledger;
mod page;
mod part;
mod plan;
mod storefront;
mod words;

use crate::{
    cli,
    edge::child::Without,
    exit::Exit,
    say,
    up::{self, App},
};
use anyhow::Context as _;
use hyper::Method;
use part::Parts;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use stillhere_net::clock;
use stillhere_node::{Over, Source};
use tokio::net::TcpListener;

/// The edge takes much less time to begin.
const EDGE_WITHIN: Duration = Duration::from_secs(15);

/// Where the demo keeps its things: a folder of the user's own, or one that goes away with the demo.
enum Folder {
    Own(PathBuf),
    Temporary(tempfile::TempDir),
}

pub async fn run(args: cli::Demo) -> Result<(), Exit> {
    // What people should see of the demo is its two pages; the log stays for what goes wrong.
    up::logging(false, "warn");
    up::open_more_files();
    let ports = ports(args.listen)?;
    let folder = Folder::new(args.data)?;
    let listener = TcpListener::bind(ports.control).await.map_err(|e| {
        Exit::Usage(format!(
            "cannot listen on {} for the control page: {e}. The demo takes three ports in a row; try --listen 127.0.0.1:9080",
            ports.control
        ))
    })?;
    let control = listener.local_addr().context("the control page's listener has no address")?;
    let free = |addr, what: &str| {
        plan::free(addr).map_err(|e| {
            Exit::Usage(format!(
                "cannot listen on {addr} for {what}: {e}. The demo takes three ports in a row; try --listen 127.0.0.1:9080"
            ))
        })
    };
    let (status, shop) = (free(ports.status, "the status page")?, free(ports.shop, "the shop")?);
    let parts = Parts::start(status, control).await.context("cannot start the shop's servers")?;
    let key = job::key(folder.path()).context("cannot write the key of the nightly report")?;
    let places = plan::Places { status, control, shop };
    let file = plan::write(folder.path(), places, &parts, &key).context("cannot write demo.toml")?;
    let source = Source::File { path: file.clone(), over: Over::default() };
    let config = source.load().map_err(Exit::Own)?;
    let mut app = App::start(source, config).await?;
    app.stand_in_front(false, Without::Ends).await?;
    edge_answers(shop).await?;
    let job = job::Job::start(app.addr(), key.value);
    let crowd = crowd::Crowd::start(shop, parts.ledger.clone());
    let page = Arc::new(control::Control::new(parts, job, crowd, places, folder.path()));
    let serving = tokio::spawn(control::serve(page, listener));
    say::out(
        "A small shop is open, visitors are in it, and Stillhere stands in front. Break it, and see what they get.\n",
    );
    say::out(&format!("  Break it      http://{control}/"));
    say::out(&format!("  The shop      http://{shop}/"));
    say::out(&format!("  Status page   http://{}/", app.addr()));
    say::out(&format!("  Watched by    {}", file.display()));
    say::out(&format!("  Kept in       {}\n", folder.said()));
    say::out("Stop with Ctrl-C.");
    let ended = app.until_stopped().await;
    serving.abort();
    ended
}

/// The edge is a process of its own, and begins when it has asked for its configuration. Visitors come after that.
async fn edge_answers(shop: SocketAddr) -> Result<(), Exit> {
    let until = clock::mono() + EDGE_WITHIN;
    loop {
        let answer = ask::http(shop, Method::GET, "/.well-known/stillhere/ping", EDGE_WITHIN).await;
        match answer {
            Ok(_) => return Ok(()),
            Err(e) if clock::mono() > until => {
                return Err(Exit::Own(format!("the edge did not begin to answer at {shop}: {e}")));
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// Three in a row.
struct Ports {
    status: SocketAddr,
    control: SocketAddr,
    shop: SocketAddr,
}

/// Whoever can reach the control page can break the shop, so it is for this machine only.
fn ports(status: SocketAddr) -> Result<Ports, Exit> {
    if !status.ip().is_loopback() {
        return Err(Exit::Usage(format!(
            "the demo listens on this machine only, not on {}: anyone who can open its pages can break the shop. Write --listen 127.0.0.1:{}",
            status.ip(),
            status.port()
        )));
    }
    let further = |n| match status.port() {
        0 => Ok(SocketAddr::new(status.ip(), 0)),
        port => match port.checked_add(n) {
            Some(port) => Ok(SocketAddr::new(status.ip(), port)),
            None => Err(Exit::Usage("the demo takes three ports in a row; there are not as many".to_owned())),
        },
    };
    Ok(Ports { status, control: further(1)?, shop: further(2)? })
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
    fn it_takes_three_ports_in_a_row_of_this_machine_only() {
        let ports = |s: &str| ports(s.parse().unwrap()).map(|p| (p.control.to_string(), p.shop.to_string()));
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(ports("127.0.0.1:8080").unwrap(), pair("127.0.0.1:8081", "127.0.0.1:8082"));
        assert_eq!(ports("[::1]:0").unwrap(), pair("[::1]:0", "[::1]:0"));
        assert!(ports("127.0.0.1:65534").is_err());
        assert!(ports("0.0.0.0:8080").is_err());
        assert!(ports("192.0.2.1:8080").is_err());
    }
}
