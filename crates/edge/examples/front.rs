//! An edge with two nodes and nothing else: `front LISTEN FOLDER NODE…`. For benchmarks and trying things out.
#![expect(clippy::print_stdout, reason = "a program of its own")]

use std::time::Duration;
use stillhere_edge::{Edge, Settings, Spec, spec::RouteSpec};

fn main() {
    let mut args = std::env::args().skip(1);
    let listen = args.next().expect("LISTEN").parse().expect("an address");
    let data = args.next().expect("FOLDER").into();
    let route =
        format!(r#"{{"keyed": {{"origin_honours": true}}, "nodes": {}}}"#, serde_json::to_string(&args.collect::<Vec<_>>()).expect("texts"));
    let route: RouteSpec = serde_json::from_str(&route).expect("a route");
    let mut spec: Spec = serde_json::from_str("{}").expect("an empty table");
    spec.listen = listen;
    spec.routes.push(route);
    let edge = Edge::start(Settings { spec, data: Some(data) }).expect("starts");
    println!("{}", edge.addr());
    let mut line = String::new();
    let _ = std::io::stdin().read_line(&mut line);
    edge.stop(Duration::from_secs(5));
}
