//! `stillhere token …`

use crate::{cli, cli::TokenDo, control, exit::Exit, say};
use hyper::Method;
use serde_json::json;
use stillhere_net::clock;

pub async fn run(args: cli::Token) -> Result<(), Exit> {
    match args.what {
        TokenDo::New { name, scope, role, teams, expires } => {
            let expires_at = expires.map(|d| clock::wall().plus(d));
            let body = json!({ "name": name, "scope": scope, "role": role, "teams": teams, "expires_at": expires_at });
            let answer = control::call(&args.at, Method::POST, "/api/v1/tokens", Some(&body)).await?;
            let token = answer["token"].as_str().ok_or_else(|| Exit::Own("no token came back".to_owned()))?;
            say::err("This is shown once. Send it as `Authorization: Bearer …`.");
            say::out(token);
        }
        TokenDo::List => {
            let answer = control::call(&args.at, Method::GET, "/api/v1/tokens", None).await?;
            if args.at.json {
                say::out(&answer.to_string());
                return Ok(());
            }
            for t in answer["tokens"].as_array().cloned().unwrap_or_default() {
                let word = |key: &str| t[key].as_str().unwrap_or("never").to_owned();
                say::out(&format!(
                    "{:<24} {:<6} {:<10} made {}  expires {}  last used {}",
                    word("name"),
                    word("scope"),
                    if t["scope"] == "edge" { String::new() } else { word("role") },
                    word("created_at"),
                    word("expires_at"),
                    word("last_used_at")
                ));
            }
        }
        TokenDo::Revoke { name } => {
            let path = format!("/api/v1/tokens/{}", control::quoted(&name));
            control::call(&args.at, Method::DELETE, &path, None).await?;
            say::out("revoked");
        }
    }
    Ok(())
}
