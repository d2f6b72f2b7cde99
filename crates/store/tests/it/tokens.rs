use crate::kit::{at, store};
use stillhere_store::{StoreError, TokenScope};

#[tokio::test]
async fn a_token_is_known_by_its_hash_alone_until_it_is_revoked() {
    let (dir, store) = store().await;
    let token = store.token_new("ci", [7; 32], at(0)).await.unwrap();
    assert!(token.starts_with("sth_") && token.len() == 4 + 64);
    assert_eq!(store.token_check(&token, at(1)).await.unwrap().as_deref(), Some("ci"));
    assert_eq!(store.token_check("sth_nonsense", at(1)).await.unwrap(), None);
    let again = store.token_new("ci", [8; 32], at(2)).await;
    assert!(matches!(again, Err(StoreError::TokenExists(_))), "{again:?}");
    let tokens = store.tokens().await.unwrap();
    assert_eq!((tokens.len(), tokens[0].name.as_str(), tokens[0].last_used), (1, "ci", Some(at(1))));
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(token.len()).any(|w| w == token.as_bytes()), "the token itself is on disk");
    }
    assert!(store.token_revoke("ci", at(3)).await.unwrap());
    assert!(!store.token_revoke("ci", at(3)).await.unwrap());
    assert_eq!(store.token_check(&token, at(4)).await.unwrap(), None);
}

#[tokio::test]
async fn a_token_is_good_for_its_own_purpose_alone() {
    let (_dir, store) = store().await;
    let edge = store.token_new_for("berlin", TokenScope::Edge, [1; 32], at(0)).await.unwrap();
    let write = store.token_new("ci", [2; 32], at(0)).await.unwrap();
    assert_eq!(store.token_check(&edge, at(1)).await.unwrap(), None);
    assert_eq!(store.token_check_for(&write, TokenScope::Edge, at(1)).await.unwrap(), None);
    let name = store.token_check_for(&edge, TokenScope::Edge, at(1)).await.unwrap();
    assert_eq!(name.as_deref(), Some("berlin"));
    let scopes: Vec<TokenScope> = store.tokens().await.unwrap().into_iter().map(|t| t.scope).collect();
    assert_eq!(scopes, [TokenScope::Edge, TokenScope::Write]);
}
