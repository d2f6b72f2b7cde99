//! What somebody wrote is taken out everywhere, and the log shows that it was.

use crate::{
    kit::{T0, at, incident},
    log::{begin, tree},
};
use stillhere_model::{Author, Command, Entry as Journalled, IncidentStatus, Mint, Said, Update, UpdateId};
use stillhere_record::{Draft, Entry, Fact, Kept, TextHash};
use stillhere_store::{FILE, Recorded, Store, StoreError, Write, find_text, redact};

const TEXT: &str = "Call Ada Lovelace, +49 30 5550100";

fn renamed(kept: &Kept) -> Draft {
    let title = [("*".to_owned(), kept.hash.clone())].into();
    let incident = incident(1, IncidentStatus::Investigating).id;
    Draft {
        entry: Entry { at: T0, fact: Fact::IncidentRenamed { incident, title } },
        texts: vec![kept.clone()],
    }
}

#[tokio::test]
async fn what_somebody_wrote_is_in_no_byte_of_the_database_any_more_and_the_log_is_what_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), T0).await.unwrap();
    begin(&store).await;
    let (kept, other) = (Kept::new([7; 16], TEXT), Kept::new([8; 16], "The disks are full."));
    let mut known = incident(1, IncidentStatus::Investigating);
    known.title = Some(TEXT.into());
    known.updates.push(Update {
        id: UpdateId(Mint::new(3).uuid(T0)),
        at: T0,
        status: IncidentStatus::Identified,
        said: Said::Text { text: "The disks are full.".into() },
        by: Author::Automatic,
        changed: Vec::new(),
        next_update_by: None,
    });
    let command = Command::ResolveIncident { incident: known.id, text: Some(TEXT.into()) };
    let w = Write {
        incidents: vec![known.clone()],
        journal: vec![(T0, Journalled::Commanded { by: "local".into(), from: None, command })],
        record: Some(Recorded { first: 0, drafts: vec![renamed(&kept), renamed(&other)] }),
        ..Write::default()
    };
    store.commit(&w).await.unwrap();
    let before = store.record_head().await.unwrap().unwrap();
    assert!(matches!(redact(dir.path(), 0, None, at(1)).await, Err(StoreError::InUse(_))));
    store.close().await.unwrap();
    drop(store);

    assert_eq!(find_text(dir.path(), "Ada").await.unwrap(), [(0, TEXT.to_owned())]);
    let done = redact(dir.path(), 0, Some(("a telephone number", [9; 16])), at(1)).await.unwrap().unwrap();
    assert_eq!((done.texts, done.rows), (1, 2));
    assert_eq!(redact(dir.path(), 0, None, at(2)).await.unwrap(), None, "it is gone");
    assert_eq!(find_text(dir.path(), "Ada").await.unwrap(), []);

    for file in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(3).any(|w| w == b"Ada"), "not in any page of the file");
    }
    assert!(std::fs::metadata(dir.path().join(FILE)).unwrap().len() > 0);
    let store = Store::open(dir.path(), at(3)).await.unwrap();
    let now = store.incident(known.id).await.unwrap().unwrap();
    assert_eq!(now.title, Some("[…]".into()));
    assert_eq!(now.updates, known.updates, "other words stay");
    let whole = tree(&store).await;
    assert_eq!((whole.size(), whole.root_at(2)), (3, Some(before.root)));
    let last = Entry::parse(&store.record_entries(2, 1).await.unwrap()[0]).unwrap();
    let Fact::Redacted { entry: 0, texts, why } = last.fact else { panic!("{last:?}") };
    assert_eq!(texts.as_slice(), std::slice::from_ref(&kept.hash));
    assert_eq!(why["*"], TextHash::of(&[9; 16], "a telephone number"));
    let beside = store.record_texts(0, 1).await.unwrap();
    assert_eq!((beside[0].hash.as_str(), &beside[0].kept), (kept.hash.0.as_str(), &None));
    assert!(store.record_texts(1, 1).await.unwrap()[0].kept.is_some());
}
