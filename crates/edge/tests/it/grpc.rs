//! gRPC as it is in the world: gRPC's own server and client (PyPI `grpcio`) on either side of the edge.

use crate::rig::{Running, until};
use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

const FATAL: &str = "order-0002-8e03978e-40d5";

/// The shop's server, until it is dropped.
struct Shop(Child);

fn script(name: &str) -> Command {
    let mut command = Command::new("python3");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/grpc").join(name)).stderr(Stdio::null());
    command
}

impl Shop {
    fn open(port: u16, ledger: &Path) -> Shop {
        let shop = script("shop.py").arg(port.to_string()).arg(ledger).spawn();
        Shop(shop.expect("the tests need python3 with grpcio"))
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the client says of one call.
async fn call(at: SocketAddr, args: &[&str]) -> String {
    let mut buyer = script("buyer.py");
    buyer.arg(at.to_string()).args(args);
    let said = tokio::task::spawn_blocking(move || buyer.output()).await.unwrap().unwrap();
    assert!(said.status.success(), "the tests need python3 with grpcio");
    String::from_utf8(said.stdout).unwrap().trim().to_owned()
}

fn before(port: u16, hold: &str, data: &Path) -> Running {
    let pool = format!("[pools.p]\nnodes = [\"h2c://127.0.0.1:{port}\"]\nhold = \"{hold}\"\n");
    let route = "[[routes]]\npool = \"p\"\n[routes.keyed]\norigin_honours = true\n";
    Running::with_data(&format!("{pool}{route}"), Some(data))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_by_grpc_is_done_once_though_its_server_dies_before_it_has_answered() {
    let (data, ledger) = (tempfile::tempdir().unwrap(), tempfile::NamedTempFile::new().unwrap());
    let ledger: PathBuf = ledger.path().to_owned();
    let executed = || std::fs::read_to_string(&ledger).unwrap_or_default().lines().count();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let edge = before(port, "60s", data.path());
    let first = ["place", "order-0001-8e03978e-40d5", "tea"];
    let mut shop = Shop::open(port, &ledger);
    assert_eq!(call(edge.addr, &first).await, "OK order 1");
    assert_eq!(call(edge.addr, &first).await, "OK order 1 idempotent-replayed=true");
    assert_eq!(call(edge.addr, &["watch", "3"]).await, "OK 0 1 2");
    // It writes the order down, and dies.
    let at = edge.addr;
    let buying = tokio::spawn(async move { call(at, &["place", FATAL, "fatal"]).await });
    until("the server has died", || shop.0.try_wait().unwrap().is_some()).await;
    assert_eq!(executed(), 2);
    shop = Shop::open(port, &ledger);
    assert_eq!(buying.await.unwrap(), "OK order 2", "under the same key the shop says what it did");
    assert_eq!(executed(), 2);
    drop(shop);
    edge.stop(std::time::Duration::ZERO).await;

    // Nobody is there, and nobody waits long: the order is kept, and done when there is somebody.
    let edge = before(port, "200ms", data.path());
    let third = ["place", "order-0003-8e03978e-40d5", "milk"];
    let said = call(edge.addr, &third).await;
    assert!(
        said.contains("您提交的内容已经保存。已保存在这里，服务恢复后会转交一次。")
            && said.contains("stillhere-why=kept"),
        "{said}"
    );
    let watched = call(edge.addr, &["watch", "1"]).await;
    assert!(watched.starts_with("UNAVAILABLE") && watched.contains("not-forwarded"), "{watched}");
    let _shop = Shop::open(port, &ledger);
    until("it is sent late", || executed() == 3).await;
    assert_eq!(call(edge.addr, &third).await, "OK order 3 idempotent-replayed=true");
}
