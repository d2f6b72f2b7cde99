//! The conformance suite of others, against both doors. No package registry has it, so it is run by hand; what it tries
//! is in `conformance.rs` as well. From its sources (github.com/summerwind/h2spec, v2.6.0), without any other download:
//!
//! ```sh
//! apt-get install golang-go golang-github-fatih-color-dev golang-github-spf13-cobra-dev golang-golang-x-net-dev
//! mkdir -p go/src/github.com/summerwind && git clone -b v2.6.0 https://github.com/summerwind/h2spec go/src/github.com/summerwind/h2spec
//! cd go/src/github.com/summerwind/h2spec && GO111MODULE=off GOPATH=$OLDPWD/go:/usr/share/gocode go build ./cmd/h2spec
//! H2SPEC=$PWD/h2spec cargo nextest run -p stillhere-edge --run-ignored only h2spec
//! ```

use crate::{
    rig::{Node, Reply, Running, text},
    tls::from_files,
};
use std::{net::SocketAddr, process::Command};

/// Its cases, with the strict ones; fewer would mean that it stopped in between.
const CASES: usize = 147;

/// The cases that failed.
fn failures(at: SocketAddr, more: &[&str]) -> Vec<String> {
    let tool = std::env::var("H2SPEC").unwrap_or_else(|_| "h2spec".to_owned());
    let mut spec = Command::new(tool);
    spec.args(["--strict", "--host", "127.0.0.1", "--port", &at.port().to_string()]).args(more);
    let out = spec.output().expect("h2spec is there, or H2SPEC says where");
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    let summed = said.lines().rfind(|l| l.contains(" tests, ")).unwrap_or_else(|| panic!("{said}"));
    let count: usize = summed.split(' ').next().unwrap().parse().unwrap();
    assert!(count >= CASES && summed.contains(" 0 skipped"), "{summed}");
    let Some((_, failed)) = said.split_once("Failures:") else { return Vec::new() };
    failed.lines().filter_map(|l| Some(l.trim().strip_prefix("× ")?.to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs h2spec, which no package registry has: see above"]
async fn h2spec_finds_nothing_but_that_a_port_for_all_versions_answers_a_wrong_preface_in_http_1() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::with(|_| Reply::Answer(text("x".repeat(100)))).await;
    let edge = Running::start(&from_files(&node, dir.path()).0);
    let secure = edge.edge().secure_addr().unwrap();
    assert_eq!(failures(edge.addr, &[]), ["2: Sends invalid connection preface"]);
    assert_eq!(failures(secure, &["--tls", "--insecure"]), Vec::<String>::new());
}
