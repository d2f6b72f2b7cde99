//! An edge with some nodes and nothing else: `front LISTEN FOLDER NODE… [--with JSON]`. For benchmarks and trying things
//! out. POSTs with a key are kept, in FOLDER, and the nodes honour it; JSON is more of `[edge]`, such as limits.
#![expect(clippy::print_stdout, reason = "a program of its own")]

use std::time::Duration;
use stillhere_edge::{Edge, Settings, Spec, spec::RouteSpec};

fn main() {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let with = args.iter().position(|a| a == "--with").map(|at| args.split_off(at));
    let with = with.and_then(|w| w.get(1).cloned()).unwrap_or_else(|| "{}".to_owned());
    let mut args = args.into_iter();
    let listen = args.next().expect("LISTEN").parse().expect("an address");
    let data = args.next().expect("FOLDER").into();
    let route = format!(
        r#"{{"keyed": {{"origin_honours": true}}, "nodes": {}}}"#,
        serde_json::to_string(&args.collect::<Vec<_>>()).expect("texts")
    );
    let route: RouteSpec = serde_json::from_str(&route).expect("a route");
    let mut spec: Spec = serde_json::from_str(&with).expect("a table as [edge] is");
    spec.listen = listen;
    if spec.routes.is_empty() {
        spec.routes.push(route);
    }
    let edge = Edge::start(Settings { spec, data: Some(data) }).expect("starts");
    println!("{}", edge.addr());
    let mut line = String::new();
    let _ = std::io::stdin().read_line(&mut line);
    edge.stop(Duration::from_secs(5));
}
