//! `stillhere token …`

use crate::{cli, cli::TokenDo, control, exit::Exit, say};
use hyper::Method;
use serde_json::json;

pub async fn run(args: cli::Token) -> Result<(), Exit> {
    match args.what {
        TokenDo::New { name, scope } => {
            let answer = control::call(
                &args.at,
                Method::POST,
                "/control/tokens",
                Some(&json!({ "name": name, "scope": scope })),
            )
            .await?;
            let token = answer["token"].as_str().ok_or_else(|| Exit::Own("no token came back".to_owned()))?;
            say::err("This is shown once. Send it as `Authorization: Bearer …`.");
            say::out(token);
        }
        TokenDo::List => {
            let answer = control::call(&args.at, Method::GET, "/control/tokens", None).await?;
            if args.at.json {
                say::out(&answer.to_string());
                return Ok(());
            }
            for t in answer["tokens"].as_array().cloned().unwrap_or_default() {
                let word = |key: &str| t[key].as_str().unwrap_or("never").to_owned();
                say::out(&format!(
                    "{:<24} {:<6} made {}  last used {}",
                    word("name"),
                    word("scope"),
                    word("created_at"),
                    word("last_used_at")
                ));
            }
        }
        TokenDo::Revoke { name } => {
            control::call(&args.at, Method::POST, "/control/tokens/revoke", Some(&json!({ "name": name })))
                .await?;
            say::out("revoked");
        }
    }
    Ok(())
}
