//! `stillhere publish`: a static copy of the public pages, which says how old it is.

use crate::{cli, control, exit::Exit, say};
use hyper::Method;
use serde_json::json;

pub async fn run(args: cli::Publish) -> Result<(), Exit> {
    // A relative folder is meant from here, not from where the running process was started.
    let to = if args.to.contains("://") {
        args.to.clone()
    } else {
        std::path::absolute(&args.to)
            .map_err(|e| Exit::Usage(format!("{}: {e}", args.to)))?
            .display()
            .to_string()
    };
    let answer =
        control::call(&args.at, Method::POST, "/control/publish", Some(&json!({ "to": to }))).await?;
    say::out(&format!("{} files written to {to}", answer["files"]));
    Ok(())
}
