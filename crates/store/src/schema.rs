//! Migrations: small, forward only, each in its own transaction.

use crate::StoreError;
use sqlx::{
    SqlSafeStr, SqliteConnection,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};
use std::{borrow::Cow, path::Path};

const MIGRATIONS: [(i64, &str, &str); 16] = [
    (1, "core", include_str!("../../../migrations/sqlite/0001_core.sql")),
    (2, "rollups", include_str!("../../../migrations/sqlite/0002_rollups.sql")),
    (3, "answers", include_str!("../../../migrations/sqlite/0003_answers.sql")),
    (4, "token_scope", include_str!("../../../migrations/sqlite/0004_token_scope.sql")),
    (5, "people", include_str!("../../../migrations/sqlite/0005_people.sql")),
    (6, "subscribers", include_str!("../../../migrations/sqlite/0006_subscribers.sql")),
    (7, "record", include_str!("../../../migrations/sqlite/0007_record.sql")),
    (8, "small_hours", include_str!("../../../migrations/sqlite/0008_small_hours.sql")),
    (10, "passkeys", include_str!("../../../migrations/sqlite/0010_passkeys.sql")),
    (11, "provider", include_str!("../../../migrations/sqlite/0011_provider.sql")),
    (12, "push", include_str!("../../../migrations/sqlite/0012_push.sql")),
    (13, "browsers", include_str!("../../../migrations/sqlite/0013_browsers.sql")),
    (14, "settings", include_str!("../../../migrations/sqlite/0014_settings.sql")),
    (15, "notes", include_str!("../../../migrations/sqlite/0015_notes.sql")),
    (17, "bounces", include_str!("../../../migrations/sqlite/0017_bounces.sql")),
    (18, "id_token", include_str!("../../../migrations/sqlite/0018_id_token.sql")),
];

/// Brings the file up to date.
pub(crate) async fn migrate(conn: &mut SqliteConnection, path: &Path) -> Result<(), StoreError> {
    let damaged = |what: String| StoreError::Damaged { path: path.to_owned(), what };
    migrator().run_direct(None, conn, false).await.map_err(|e| match e {
        MigrateError::VersionMissing(found) => {
            StoreError::Newer { path: path.to_owned(), found, known: MIGRATIONS[MIGRATIONS.len() - 1].0 }
        }
        MigrateError::Execute(e) | MigrateError::ExecuteMigration(e, _) => StoreError::of(path, &e),
        MigrateError::VersionMismatch(v) => {
            damaged(format!("its schema {v} is not the one that was published"))
        }
        e => damaged(e.to_string()),
    })
}

fn migrator() -> Migrator {
    Migrator::with_migrations(
        MIGRATIONS
            .into_iter()
            .map(|(version, name, sql)| {
                Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, sql.into_sql_str(), false)
            })
            .collect(),
    )
}
