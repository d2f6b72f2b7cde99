//! What a provider says about itself (OpenID Connect Discovery): where it is asked for what.

use super::Wrong;
use serde::Deserialize;
use url::{Host, Url};

/// Longest address of an endpoint.
const URL_MAX: usize = 2_000;

/// How a program shows at the token endpoint which one it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    /// `Authorization: Basic`, which every provider must know.
    Basic,
    /// In the body, where the provider takes nothing else.
    Post,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    pub authorization: String,
    pub token: String,
    pub keys: String,
    /// What a provider does not say in the token it may say here.
    pub userinfo: Option<String>,
    /// Where people log out there (RP-Initiated Logout 1.0).
    pub end_session: Option<String>,
    pub client_auth: ClientAuth,
    /// It puts its own name into its answers (RFC 9207): then one without is none of its.
    pub names_itself: bool,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    jwks_uri: Option<String>,
    userinfo_endpoint: Option<String>,
    end_session_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

// === impl Provider ===

impl Provider {
    /// Where the document is.
    #[must_use]
    pub fn document(issuer: &str) -> String {
        format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
    }

    /// Of the issuer that was asked for, and of no other: else one provider could speak for another.
    ///
    /// # Errors
    /// `Unreadable`, `OtherIssuer`, `NoEndpoint`.
    pub fn read(issuer: &str, document: &[u8]) -> Result<Provider, Wrong> {
        let d: Document = serde_json::from_slice(document).map_err(|_| Wrong::Unreadable)?;
        if d.issuer != issuer {
            return Err(Wrong::OtherIssuer(d.issuer.chars().take(200).collect()));
        }
        let local = Url::parse(issuer).is_ok_and(|u| is_loopback(&u));
        let usable =
            |url: Option<String>, name| url.filter(|u| is_safe(u, local)).ok_or(Wrong::NoEndpoint(name));
        // Without a list it is Basic, says the specification.
        let takes = |method: &str| {
            d.token_endpoint_auth_methods_supported.as_ref().is_none_or(|m| m.iter().any(|m| m == method))
        };
        let client_auth = if takes("client_secret_basic") || !takes("client_secret_post") {
            ClientAuth::Basic
        } else {
            ClientAuth::Post
        };
        Ok(Provider {
            authorization: usable(d.authorization_endpoint, "authorization_endpoint")?,
            token: usable(d.token_endpoint, "token_endpoint")?,
            keys: usable(d.jwks_uri, "jwks_uri")?,
            userinfo: d.userinfo_endpoint.map(|u| usable(Some(u), "userinfo_endpoint")).transpose()?,
            end_session: d
                .end_session_endpoint
                .map(|u| usable(Some(u), "end_session_endpoint"))
                .transpose()?,
            client_auth,
            names_itself: d.authorization_response_iss_parameter_supported,
        })
    }

    /// Where the browser is sent.
    #[must_use]
    pub fn ask(
        &self,
        client_id: &str,
        redirect_uri: &str,
        scopes: &[String],
        errand: &super::Errand,
    ) -> String {
        let mut url = Url::parse(&self.authorization).expect("it was parsed when it was read");
        url.set_fragment(None);
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", client_id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("scope", &scopes.join(" "))
            .append_pair("state", &errand.state)
            .append_pair("nonce", &errand.nonce)
            .append_pair("code_challenge", &errand.challenge())
            .append_pair("code_challenge_method", "S256");
        url.into()
    }

    /// Where the browser is sent to log out there; `hint`: what the provider has said of them, so that it knows whom. `None`: it has no such
    /// place.
    #[must_use]
    pub fn leave(&self, client_id: &str, back: &str, hint: Option<&str>) -> Option<String> {
        let mut url = Url::parse(self.end_session.as_deref()?).ok()?;
        url.set_fragment(None);
        url.query_pairs_mut()
            .append_pair("client_id", client_id)
            .append_pair("post_logout_redirect_uri", back)
            .extend_pairs(hint.filter(|h| !h.is_empty()).map(|h| ("id_token_hint", h)));
        Some(url.into())
    }
}

/// Over TLS; on this machine also without, if the provider itself is there.
fn is_safe(url: &str, local: bool) -> bool {
    url.len() <= URL_MAX
        && Url::parse(url).is_ok_and(|u| {
            let bare = u.username().is_empty() && u.password().is_none() && u.host().is_some();
            bare && (u.scheme() == "https" || (local && u.scheme() == "http" && is_loopback(&u)))
        })
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::Errand;
    use serde_json::{Value, json};

    const ISSUER: &str = "https://id.example.com/realm";

    fn document(change: impl FnOnce(&mut Value)) -> Vec<u8> {
        let mut d = json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://id.example.com/auth?kind=a",
            "token_endpoint": "https://id.example.com/token",
            "jwks_uri": "https://keys.example.com/",
            "code_challenge_methods_supported": ["S256"],
        });
        change(&mut d);
        d.to_string().into_bytes()
    }

    #[test]
    fn a_document_is_taken_from_its_own_issuer_alone_and_leads_over_tls_alone() {
        assert!(Provider::read(ISSUER, &document(|_| ())).is_ok());
        for other in
            ["https://id.example.com/realm/", "https://id.example.com", "https://ID.example.com/realm", ""]
        {
            let read = Provider::read(ISSUER, &document(|d| d["issuer"] = json!(other)));
            assert_eq!(read, Err(Wrong::OtherIssuer(other.to_owned())), "{other}");
        }
        for key in [
            "authorization_endpoint",
            "token_endpoint",
            "jwks_uri",
            "userinfo_endpoint",
            "end_session_endpoint",
        ] {
            for bad in [
                "http://id.example.com/",
                "http://127.0.0.1/",
                "//id.example.com/",
                "file:///etc/passwd",
                "https://a@b/",
                "javascript:0",
                "",
            ] {
                let read = Provider::read(ISSUER, &document(|d| d[key] = json!(bad)));
                assert_eq!(read, Err(Wrong::NoEndpoint(key)), "{key}: {bad}");
            }
        }
        let gone = document(|d| d["jwks_uri"] = Value::Null);
        assert_eq!(Provider::read(ISSUER, &gone), Err(Wrong::NoEndpoint("jwks_uri")));
        for bad in [&b"[]"[..], b"", b"{}", b"\xff"] {
            assert_eq!(Provider::read(ISSUER, bad), Err(Wrong::Unreadable));
        }
        let here = "http://127.0.0.1:9/";
        let local = document(|d| (d["issuer"], d["jwks_uri"]) = (json!(here), json!("http://localhost:9/k")));
        assert!(Provider::read(here, &local).is_ok(), "on this machine, from this machine");
        assert_eq!(Provider::document("https://a/b/"), "https://a/b/.well-known/openid-configuration");
    }

    #[test]
    fn the_browser_is_asked_for_exactly_one_answer_to_exactly_one_address() {
        let p = Provider::read(ISSUER, &document(|_| ())).unwrap();
        let errand = Errand::begin(
            std::array::from_fn(|i| u8::try_from(i).unwrap()),
            "/console/".to_owned(),
            stillhere_model::Time(0),
        );
        let scopes = ["openid".to_owned(), "email".to_owned()];
        let url =
            Url::parse(&p.ask("a b&c", "https://s.example.com/console/oidc", &scopes, &errand)).unwrap();
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let of =
            |key: &str| pairs.iter().filter(|(k, _)| k == key).map(|(_, v)| v.as_str()).collect::<Vec<_>>();
        assert_eq!((url.host_str(), url.path()), (Some("id.example.com"), "/auth"));
        assert_eq!(of("kind"), ["a"], "what stands in the address of the endpoint stays");
        assert_eq!((of("response_type"), of("client_id")), (vec!["code"], vec!["a b&c"]));
        assert_eq!(of("redirect_uri"), ["https://s.example.com/console/oidc"]);
        assert_eq!((of("scope"), of("code_challenge_method")), (vec!["openid email"], vec!["S256"]));
        assert_eq!((of("state"), of("nonce")), (vec![errand.state.as_str()], vec![errand.nonce.as_str()]));
        assert!(!url.as_str().contains(&errand.verifier), "the verifier stays here");
    }

    #[test]
    fn who_logs_out_is_sent_where_the_document_says_with_what_it_said_of_them() {
        let p = Provider::read(ISSUER, &document(|_| ())).unwrap();
        assert_eq!(p.leave("us", "https://s.example.com/console/", Some("a.b.c")), None);
        let end = document(|d| d["end_session_endpoint"] = json!("https://id.example.com/out?x=1#y"));
        let p = Provider::read(ISSUER, &end).unwrap();
        let of = |hint| {
            let url = Url::parse(&p.leave("a b&c", "https://s.example.com/console/", hint).unwrap()).unwrap();
            let pairs: Vec<String> = url.query_pairs().map(|(k, v)| format!("{k}={v}")).collect();
            (url.fragment().is_none(), pairs.join(" "))
        };
        let all = "x=1 client_id=a b&c post_logout_redirect_uri=https://s.example.com/console/";
        assert_eq!(of(None), (true, all.to_owned()));
        assert_eq!(of(Some("")), (true, all.to_owned()));
        assert_eq!(of(Some("a.b.c")), (true, format!("{all} id_token_hint=a.b.c")));
    }

    #[test]
    fn a_program_shows_itself_as_the_provider_takes_it() {
        let of = |methods: Value| {
            let d = document(|d| d["token_endpoint_auth_methods_supported"] = methods);
            Provider::read(ISSUER, &d).unwrap().client_auth
        };
        assert_eq!(of(Value::Null), ClientAuth::Basic);
        assert_eq!(of(json!(["client_secret_post", "client_secret_basic"])), ClientAuth::Basic);
        assert_eq!(of(json!(["private_key_jwt", "client_secret_post"])), ClientAuth::Post);
    }
}
