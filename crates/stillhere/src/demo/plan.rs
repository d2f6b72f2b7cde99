//! The demo's configuration, written where the user can read it, edit it and have it read again.

use super::{job::Key, part::Parts};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// Where the demo's pages are.
#[derive(Debug, Clone, Copy)]
pub struct Places {
    pub status: SocketAddr,
    pub control: SocketAddr,
    /// Where the edge takes requests for the shop.
    pub shop: SocketAddr,
}

/// Writes `demo.toml` into the folder.
pub fn write(dir: &Path, places: Places, parts: &Parts, key: &Key) -> std::io::Result<PathBuf> {
    let file = dir.join("demo.toml");
    std::fs::write(&file, text(dir, places, parts, key))?;
    Ok(file)
}

/// The address, or for port 0 one that is free at this moment: the edge is a process of its own, and is told by the file.
pub fn free(wanted: SocketAddr) -> std::io::Result<SocketAddr> {
    std::net::TcpListener::bind(wanted)?.local_addr()
}

fn text(dir: &Path, places: Places, parts: &Parts, key: &Key) -> String {
    let Places { status, control, shop } = places;
    let (dir, key) = (quoted(dir), quoted(&key.file));
    let (a, b, search) = (parts.addr("node-a"), parts.addr("node-b"), parts.addr("search"));
    let database = parts.addr("database");
    let (database_host, database_port) = (database.ip(), database.port());
    format!(
        r##"# What Stillhere watches in the demo. Written anew each time the demo starts.
# Edit it while the demo runs, and have it read again: stillhere reload --data DIR

[site]
name = {{ en = "Lantern Shop", zh-CN = "灯笼商店" }}
languages = ["en", "zh-CN"]
accent = "#b4530a"

[site.contact]
chat_url = "http://{control}/#help"
hours = {{ en = "as long as the demo runs", zh-CN = "演示运行期间" }}

[server]
listen = "{status}"
data = {dir}

[defaults]
interval = "1s"
timeout = "1s"
slow_over = "400ms"

[respond]
# Short, because somebody is watching. Half a minute is the default.
verify = "5s"

[edge]
# What stands in front of the shop, and keeps its visitors connected.
listen = "{shop}"

  [edge.pools.shop]
  nodes = ["http://{a}", "http://{b}"]
  health = "/healthz"
  # Longer than a restart takes, and short enough to watch. Ten seconds are the default.
  hold = "5s"

  [[edge.routes]]
  pool = "shop"
  service = "checkout"
  keyed = {{ origin_honours = true, principal = ["cookie:visitor"] }}

[[service]]
id = "checkout"
name = {{ en = "Checkout", zh-CN = "结账" }}
description = {{ en = "Two nodes: one can do the work of both.", zh-CN = "两个节点：任一节点都能独立承担全部工作。" }}
group = {{ en = "Shop", zh-CN = "商店" }}
depends_on = ["database"]

  [[service.check]]
  id = "node-a"
  kind = "http"
  name = {{ en = "Node A", zh-CN = "节点 A" }}
  url = "http://{a}/healthz"

  [[service.check]]
  id = "node-b"
  kind = "http"
  name = {{ en = "Node B", zh-CN = "节点 B" }}
  url = "http://{b}/healthz"

[[service]]
id = "search"
name = {{ en = "Search", zh-CN = "搜索" }}
group = {{ en = "Shop", zh-CN = "商店" }}
url = "http://{search}/"

[[service]]
id = "database"
name = {{ en = "Database", zh-CN = "数据库" }}
group = {{ en = "Behind the shop", zh-CN = "后台" }}

  [[service.check]]
  kind = "tcp"
  host = "{database_host}"
  port = {database_port}
  send = "PING\n"
  expect = "PONG"

[[service]]
id = "report"
name = {{ en = "Nightly report", zh-CN = "夜间报表" }}
description = {{ en = "A job that says by itself that it ran. Nights are short here.", zh-CN = "一个主动报告运行情况的任务。这里的夜晚很短。" }}
group = {{ en = "Behind the shop", zh-CN = "后台" }}

  [[service.check]]
  kind = "push"
  severity = "minor"
  key = {{ file = {key} }}
  period = "3s"
  grace = "3s"
"##
    )
}

/// A path as a TOML string. JSON's escapes are a part of TOML's.
fn quoted(path: &Path) -> String {
    serde_json::Value::String(path.display().to_string()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use stillhere_config::Config;

    #[tokio::test]
    async fn what_is_written_is_a_good_configuration_whatever_the_folder_is_called() {
        let dir = tempfile::tempdir().unwrap();
        let odd = dir.path().join("a \"quoted\" \\ 文件夹");
        std::fs::create_dir(&odd).unwrap();
        let key = super::super::job::key(&odd).unwrap();
        let [status, control, shop] = [8080, 8081, 8082].map(|p| SocketAddr::from(([127, 0, 0, 1], p)));
        let parts = Parts::start(status, control).await.unwrap();
        let file = write(&odd, Places { status, control, shop }, &parts, &key).unwrap();
        let config = Config::load(&file).unwrap_or_else(|report| panic!("{report}"));
        assert_eq!(config.server.data, odd);
        assert_eq!(config.services.len(), 4);
        assert_eq!(config.checks.len(), 5);
        let edge = config.edge.expect("the edge");
        assert_eq!(edge.listen, shop);
        assert!(edge.routes[0].keyed.as_ref().is_some_and(|k| k.origin_honours));
        // The key stays with the folder, so that jobs that know it go on working.
        assert_eq!(super::super::job::key(&odd).unwrap().value, key.value);
    }
}
