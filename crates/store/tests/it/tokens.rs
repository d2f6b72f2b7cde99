use crate::kit::{at, store};
use stillhere_model::{By, Entry, Role, Time};
use stillhere_store::{NewToken, Store, StoreError, TokenScope};

async fn granted(store: &Store, token: &str, scope: TokenScope, now: Time) -> Option<String> {
    store.token_grant(token, scope, now).await.unwrap().map(|g| g.name)
}

#[tokio::test]
async fn a_token_is_known_by_its_hash_alone_until_it_is_revoked() {
    let (dir, store) = store().await;
    let token = store.token_new("ci", [7; 32], at(0)).await.unwrap();
    assert!(token.starts_with("sth_") && token.len() == 4 + 64);
    assert_eq!(granted(&store, &token, TokenScope::Write, at(1)).await.as_deref(), Some("ci"));
    assert_eq!(granted(&store, "sth_nonsense", TokenScope::Write, at(1)).await, None);
    let again = store.token_new("ci", [8; 32], at(2)).await;
    assert!(matches!(again, Err(StoreError::TokenExists(_))), "{again:?}");
    let tokens = store.tokens().await.unwrap();
    assert_eq!((tokens.len(), tokens[0].name.as_str(), tokens[0].last_used), (1, "ci", Some(at(1))));
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(token.len()).any(|w| w == token.as_bytes()), "the token itself is on disk");
    }
    assert!(store.token_revoke("ci", &By::local(), at(3)).await.unwrap());
    assert!(!store.token_revoke("ci", &By::local(), at(3)).await.unwrap());
    assert_eq!(granted(&store, &token, TokenScope::Write, at(4)).await, None);
}

#[tokio::test]
async fn a_token_is_good_for_its_own_purpose_alone() {
    let (_dir, store) = store().await;
    let new = |name, scope| NewToken { name, scope, role: Role::Viewer, teams: &[], expires_at: None };
    let by = By::local();
    let edge = store.token_make(&new("berlin", TokenScope::Edge), [1; 32], &by, at(0)).await.unwrap();
    let write = store.token_make(&new("ci", TokenScope::Write), [2; 32], &by, at(0)).await.unwrap();
    assert_eq!(granted(&store, &edge, TokenScope::Write, at(1)).await, None);
    assert_eq!(granted(&store, &write, TokenScope::Edge, at(1)).await, None);
    assert_eq!(granted(&store, &edge, TokenScope::Edge, at(1)).await.as_deref(), Some("berlin"));
    let scopes: Vec<TokenScope> = store.tokens().await.unwrap().into_iter().map(|t| t.scope).collect();
    assert_eq!(scopes, [TokenScope::Edge, TokenScope::Write]);
}

#[tokio::test]
async fn a_token_is_good_until_it_expires_and_the_journal_says_who_made_it() {
    let (_dir, store) = store().await;
    let teams = ["payments".to_owned()];
    let new = NewToken {
        name: "ci",
        scope: TokenScope::Write,
        role: Role::Responder,
        teams: &teams,
        expires_at: Some(at(10)),
    };
    let by = By { name: "kim".to_owned(), from: Some("192.0.2.7".to_owned()) };
    let token = store.token_make(&new, [1; 32], &by, at(0)).await.unwrap();
    let grant = store.token_grant(&token, TokenScope::Write, at(9)).await.unwrap().unwrap();
    assert_eq!((grant.role, grant.teams.as_slice()), (Role::Responder, &teams[..]));
    assert_eq!(granted(&store, &token, TokenScope::Write, at(10)).await, None);
    let journal = store.journal(0, 10).await.unwrap();
    let Entry::Acted { by, from, .. } = &journal[0].entry else { panic!("{journal:?}") };
    assert_eq!((by.as_str(), from.as_deref()), ("kim", Some("192.0.2.7")));
}
