//! A mail came to the address that letters come back to.

use super::{Subscribers, mark::Mark};
use stillhere_send::mail::bounce::{Fate, Report};
use stillhere_store::{Bounce, Bounced, StoreError};

/// What became of such a mail. None of it is an error: whoever wrote it is not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returned {
    /// It came to no return path of a letter of ours.
    NotOurs,
    /// It came to one, and does not say that a delivery failed.
    NoReport,
    /// Nothing more is sent to this address from now on.
    Stopped,
    /// Letters of so many days have come back now.
    Counted(u32),
    /// It was counted before.
    Again,
    /// It was too long ago, or nothing is sent to this address any more.
    Nothing,
}

// === impl Returned ===

impl Returned {
    /// As the API says it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Returned::NotOurs => "not_ours",
            Returned::NoReport => "no_report",
            Returned::Stopped => "stopped",
            Returned::Counted(_) => "counted",
            Returned::Again => "again",
            Returned::Nothing => "nothing",
        }
    }
}

// === impl Subscribers ===

impl Subscribers {
    /// Takes a mail as it came, and counts it if it is the report of a letter of ours that did not arrive.
    /// `None`: letters come back to nobody here.
    ///
    /// # Errors
    /// Nothing was written.
    pub async fn returned(&self, mail: &[u8]) -> Result<Option<Returned>, StoreError> {
        let Some(settings) = self.0.settings.borrow().clone() else { return Ok(None) };
        let Some(path) = &settings.return_path else { return Ok(None) };
        let Some(mark) = path.find(mail).and_then(|mark| Mark::read(&mark)) else {
            return Ok(Some(Returned::NotOurs));
        };
        let found = self.0.store.subscriber(mark.id).await?;
        // Computed in any case, as with links.
        let ours = mark.is_ours(&self.0.keys, found.as_ref().map_or(0, |s| s.link));
        let Some(s) = found.filter(|_| ours) else { return Ok(Some(Returned::NotOurs)) };
        let Some(report) = Report::read(mail) else { return Ok(Some(Returned::NoReport)) };
        let bounce = Bounce {
            subscriber: s.id,
            letter: mark.letter(),
            day: mark.day(),
            gone: report.fate(&s.address) == Fate::Gone,
            stop_after_days: settings.spec.bounce_days,
            status: report.status.to_string(),
            said: report.said,
        };
        let returned = match self.0.store.subscriber_bounced(&bounce, self.0.clock.now().wall).await? {
            Bounced::Stopped => Returned::Stopped,
            Bounced::Counted(days) => Returned::Counted(days),
            Bounced::Again => Returned::Again,
            Bounced::Nothing => Returned::Nothing,
        };
        // The status alone: what servers say often holds the address.
        tracing::info!(
            who = s.who,
            status = bounce.status,
            returned = returned.as_str(),
            "a letter came back"
        );
        Ok(Some(returned))
    }
}
