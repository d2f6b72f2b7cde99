//! One order: show that the name is ours, and get its certificate.

use super::ChallengeKind;
use crate::tls::challenges::Challenges;
use instant_acme::{
    Account, AuthorizationStatus, CertificateIdentifier, ChallengeType, Error, Identifier, NewOrder, Order,
    OrderStatus, RetryPolicy,
};
use std::{sync::Arc, time::Duration};

/// How long the authority may take to look, and to sign, each.
const STEP_WITHIN: Duration = Duration::from_secs(90);

/// A certificate and its key, in PEM.
pub(super) struct Obtained {
    pub(super) key: String,
    pub(super) chain: String,
}

/// # Errors
/// What the authority said, or why it could not be asked.
pub(super) async fn obtain(
    account: &Account,
    name: &str,
    kind: ChallengeKind,
    replaces: Option<CertificateIdentifier<'_>>,
    challenges: &Arc<Challenges>,
) -> Result<Obtained, Error> {
    let names = [Identifier::Dns(name.to_owned())];
    let mut new = NewOrder::new(&names);
    if let Some(old) = replaces {
        new = new.replaces(old);
    }
    let mut order = account.new_order(&new).await?;
    // Shown until the authority has decided.
    let mut showing = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        match authorization.status {
            AuthorizationStatus::Valid => continue,
            AuthorizationStatus::Pending => {}
            _ => return Err(Error::Str("an authorization that is still open")),
        }
        let offered = |kind: &ChallengeKind| authorization.challenges.iter().any(|c| c.r#type == wire(*kind));
        let kind = [kind, kind.other()]
            .into_iter()
            .find(offered)
            .ok_or(Error::Unsupported("http-01 and tls-alpn-01"))?;
        let mut challenge =
            authorization.challenge(wire(kind)).ok_or(Error::Str("the challenge that was offered"))?;
        let answer = challenge.key_authorization();
        showing.push(match kind {
            ChallengeKind::Http01 => challenges.show_text(&challenge.token, answer.as_str()),
            ChallengeKind::TlsAlpn01 => challenges
                .show_certificate(name, answer.digest().as_ref())
                .map_err(|e| Error::Other(e.into()))?,
        });
        challenge.set_ready().await?;
    }
    let patience = RetryPolicy::new().timeout(STEP_WITHIN);
    if order.poll_ready(&patience).await? != OrderStatus::Ready {
        return Err(refused(&mut order).await);
    }
    drop(showing);
    let key = order.finalize().await?;
    let chain = order.poll_certificate(&patience).await?;
    Ok(Obtained { key, chain })
}

/// What the authority has against it.
async fn refused(order: &mut Order) -> Error {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let Ok(state) = authorization.refresh().await else { continue };
        if let Some(problem) = state.challenges.iter().find_map(|c| c.error.clone()) {
            return Error::Api(problem);
        }
    }
    Error::Str("the reason why the authority refuses")
}

fn wire(kind: ChallengeKind) -> ChallengeType {
    match kind {
        ChallengeKind::Http01 => ChallengeType::Http01,
        ChallengeKind::TlsAlpn01 => ChallengeType::TlsAlpn01,
    }
}
