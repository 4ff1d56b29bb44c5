//! What is known of stored files; the bytes are files beside the database.
use super::{Journal, JournalError};
use openclaw_plugin_api::MediaRef;
use rusqlite::{OptionalExtension, params};

/// A stored file.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredMedia {
    /// What plugins see.
    pub media: MediaRef,
    /// Plugin that stored it.
    pub plugin: String,
}

impl Journal {
    /// Records a file whose bytes are in place.
    pub fn add_media(&self, stored: &StoredMedia, now_ms: i64) -> Result<(), JournalError> {
        let m = &stored.media;
        let size = i64::try_from(m.size).unwrap_or(i64::MAX);
        self.write(|c| {
            c.prepare_cached(
                "INSERT INTO media (id, plugin, mime_type, file_name, size, sha256, created_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                m.id,
                stored.plugin,
                m.mime_type,
                m.file_name,
                size,
                m.sha256,
                now_ms
            ])
            .map(drop)
        })
    }

    /// What is known of a file.
    pub fn media(&self, id: &str) -> Result<Option<StoredMedia>, JournalError> {
        self.read(|c| {
            c.prepare_cached("SELECT plugin, mime_type, file_name, size, sha256 FROM media WHERE id = ?1")?
                .query_row(params![id], |row| {
                    let media = MediaRef {
                        id: id.to_owned(),
                        mime_type: row.get(1)?,
                        file_name: row.get(2)?,
                        size: u64::try_from(row.get::<_, i64>(3)?).unwrap_or(0),
                        sha256: row.get(4)?,
                    };
                    Ok(StoredMedia {
                        media,
                        plugin: row.get(0)?,
                    })
                })
                .optional()
        })
    }
}
