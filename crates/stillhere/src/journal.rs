//! `stillhere journal`: what was decided and said, entry by entry.

use crate::{cli, control, exit::Exit, say};
use hyper::Method;

pub async fn run(args: cli::Journal) -> Result<(), Exit> {
    let path = format!("/api/v1/journal?after={}&limit={}", args.after, args.limit);
    let answer = control::call(&args.at, Method::GET, &path, None).await?;
    if args.at.json {
        say::out(&answer.to_string());
        return Ok(());
    }
    for row in answer["entries"].as_array().cloned().unwrap_or_default() {
        let mut entry = row["entry"].clone();
        let kind = entry["entry"].as_str().unwrap_or("?").to_owned();
        if let Some(fields) = entry.as_object_mut() {
            fields.remove("entry");
        }
        say::out(&format!("{:>6}  {}  {kind:<18} {entry}", row["seq"], row["at"].as_str().unwrap_or("?")));
    }
    Ok(())
}
