//! What staff write down about an incident for each other. It decides nothing and nobody outside reads it, so it does not go through
//! the flow: what the flow does not hold, it cannot make public.

use crate::{handle::Handle, once::Once};
use stillhere_model::{By, IncidentId, Mint, NoteId};
use stillhere_net::entropy;
use stillhere_store::{NewNote, Noted, StoreError, TakenOut};
use tokio::sync::watch;

// === impl Handle ===

impl Handle {
    /// # Errors
    /// When it could not be written.
    pub async fn write_note(
        &self,
        by: &By,
        once: Option<&Once>,
        incident: IncidentId,
        text: &str,
    ) -> Result<Noted, StoreError> {
        let now = self.clock.now().wall;
        let id = NoteId(Mint::new(entropy::u64()).uuid(now));
        let once = once.map(|o| o.hashes(by));
        let once = once.as_ref().map(|(key, asked)| (key.as_str(), asked.as_str()));
        let noted = self.store.note_write(NewNote { id, incident, text, once }, by, now).await?;
        self.notes.send_modify(|n| *n += 1);
        Ok(noted)
    }

    /// `any`: also what somebody else wrote.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn take_out_note(
        &self,
        by: &By,
        incident: IncidentId,
        note: NoteId,
        any: bool,
    ) -> Result<TakenOut, StoreError> {
        let done = self.store.note_take_out(incident, note, any, by, self.clock.now().wall).await?;
        self.notes.send_modify(|n| *n += 1);
        Ok(done)
    }

    /// Changes with every note that is written or taken out. The number means nothing.
    #[must_use]
    pub fn watch_notes(&self) -> watch::Receiver<u64> {
        self.notes.subscribe()
    }
}
