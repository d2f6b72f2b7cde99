//! A static copy of the public pages, in a folder or in a bucket.
//!
//! Each file appears whole or not at all, and the pages that link to others come after them, so that a reader
//! never follows a link to what is not there yet. Nothing is deleted: what is no longer linked does no harm.

use crate::text::line;
use object_store::{
    Attribute, Attributes, ClientOptions, ObjectStore, ObjectStoreExt as _, PutOptions, PutPayload,
    RetryConfig,
    aws::{AmazonS3Builder, AmazonS3ConfigKey},
    local::LocalFileSystem,
    path::Path as Key,
};
use std::{ops::AddAssign, sync::Arc, time::Duration};

/// Most files of one copy.
pub const FILES_MAX: usize = 100_000;
/// Largest file: a full bundle of the log's largest entries has 16 MiB.
pub const FILE_BYTES_MAX: usize = 17 * 1024 * 1024;
/// How long one request to a bucket may take.
const REQUEST_WITHIN: Duration = Duration::from_secs(20);
/// How long one file is tried.
const FILE_WITHIN: Duration = Duration::from_secs(40);
/// Files under way at a time.
const AT_A_TIME: usize = 8;

/// What was published.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Published {
    pub files: usize,
    pub bytes: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error("\"{to}\" is not a place to publish to: {problem}")]
    Target { to: String, problem: String },
    #[error("{path} cannot be published: {problem}")]
    File { path: String, problem: String },
}

/// A place to publish to.
#[derive(Debug, Clone)]
pub struct Target {
    store: Arc<dyn ObjectStore>,
    prefix: Key,
    /// A bucket keeps a content type with each file; a folder has none.
    typed: bool,
}

/// Publishes `files` (path, content type, bytes) to a folder or to `s3://bucket/prefix`, whose access is taken from the
/// usual `AWS_…` variables.
///
/// # Errors
/// Names the first file that could not be written. Files before it are written.
pub async fn publish<C: AsRef<str>>(
    to: &str,
    files: Vec<(String, C, Vec<u8>)>,
) -> Result<Published, PublishError> {
    Target::new(to, std::env::vars())?.publish(files).await
}

// === impl Published ===

impl AddAssign for Published {
    fn add_assign(&mut self, more: Published) {
        self.files += more.files;
        self.bytes += more.bytes;
    }
}

// === impl Target ===

impl Target {
    /// `variables` are the environment: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, and where the
    /// bucket is not Amazon's `AWS_ENDPOINT` (with `AWS_ALLOW_HTTP=true` for one without TLS).
    ///
    /// # Errors
    /// When the folder cannot be made, or the bucket's name or a variable is wrong.
    pub fn new(to: &str, variables: impl Iterator<Item = (String, String)>) -> Result<Target, PublishError> {
        let wrong = |problem: String| PublishError::Target { to: to.to_owned(), problem };
        let Some(rest) = to.strip_prefix("s3://") else {
            if let Some((scheme, _)) = to.split_once("://") {
                return Err(wrong(format!("{scheme}:// is not known; write a folder or s3://bucket/prefix")));
            }
            std::fs::create_dir_all(to).map_err(|e| wrong(e.to_string()))?;
            let store =
                LocalFileSystem::new_with_prefix(to).map_err(|e| wrong(e.to_string()))?.with_fsync(true);
            return Ok(Target { store: Arc::new(store), prefix: Key::default(), typed: false });
        };
        // The client asks for the process's default provider.
        stillhere_net::tls::install();
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(wrong("the bucket's name is missing; write s3://bucket/prefix".to_owned()));
        }
        let mut builder = AmazonS3Builder::new();
        for (name, value) in variables {
            if name.starts_with("AWS_")
                && let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>()
            {
                builder = builder.with_config(key, value);
            }
        }
        let options =
            ClientOptions::new().with_timeout(REQUEST_WITHIN).with_connect_timeout(Duration::from_secs(5));
        let allow_http =
            builder.get_config_value(&AmazonS3ConfigKey::Client(object_store::ClientConfigKey::AllowHttp));
        let options =
            options.with_allow_http(allow_http.is_some_and(|v| v.eq_ignore_ascii_case("true") || v == "1"));
        let store = builder
            .with_bucket_name(bucket)
            .with_client_options(options)
            .with_retry(RetryConfig { max_retries: 3, retry_timeout: FILE_WITHIN, ..RetryConfig::default() })
            .build()
            .map_err(|e| wrong(e.to_string()))?;
        Ok(Target {
            store: Arc::new(store),
            prefix: Key::parse(prefix.trim_end_matches('/')).map_err(|e| wrong(e.to_string()))?,
            typed: true,
        })
    }

    /// Writes the files: first those that no page is, then pages, the front page last.
    ///
    /// # Errors
    /// Names the first file that could not be written.
    pub async fn publish<C: AsRef<str>>(
        &self,
        files: Vec<(String, C, Vec<u8>)>,
    ) -> Result<Published, PublishError> {
        if files.len() > FILES_MAX {
            let problem = format!("{} files, {FILES_MAX} is the most", files.len());
            return Err(PublishError::File { path: "the copy".to_owned(), problem });
        }
        let mut done = Published::default();
        let mut by_rank: [Vec<_>; 4] = Default::default();
        for file in files {
            by_rank[rank(&file.0)].push(file);
        }
        for files in by_rank {
            let mut files = files.into_iter();
            let mut under_way = tokio::task::JoinSet::new();
            loop {
                while under_way.len() < AT_A_TIME
                    && let Some((path, content_type, bytes)) = files.next()
                {
                    let target = self.clone();
                    let content_type = content_type.as_ref().to_owned();
                    under_way.spawn(async move { target.put(&path, content_type, bytes).await });
                }
                let Some(put) = under_way.join_next().await else { break };
                // A task is lost only when the runtime ends.
                done.bytes += put.unwrap_or_else(|e| {
                    Err(PublishError::File { path: "a file".to_owned(), problem: e.to_string() })
                })?;
                done.files += 1;
            }
        }
        Ok(done)
    }

    /// Takes a file away; one that is not there is no error.
    ///
    /// # Errors
    /// When the place does not let us.
    pub async fn remove(&self, path: &str) -> Result<(), PublishError> {
        let wrong = |problem: String| PublishError::File { path: path.to_owned(), problem };
        let key = self.key(path).map_err(wrong)?;
        match tokio::time::timeout(FILE_WITHIN, self.store.delete(&key)).await {
            Ok(Ok(()) | Err(object_store::Error::NotFound { .. })) => Ok(()),
            Ok(Err(e)) => Err(wrong(line(&e.to_string(), 400))),
            Err(_) => Err(wrong(format!("not taken away within {} s", FILE_WITHIN.as_secs()))),
        }
    }

    fn key(&self, path: &str) -> Result<Key, String> {
        let key = Key::parse(path).map_err(|e| e.to_string())?;
        Ok(self.prefix.parts().chain(key.parts()).collect())
    }

    async fn put(&self, path: &str, content_type: String, bytes: Vec<u8>) -> Result<usize, PublishError> {
        let wrong = |problem: String| PublishError::File { path: path.to_owned(), problem };
        let size = bytes.len();
        if size > FILE_BYTES_MAX {
            return Err(wrong(format!("{size} bytes, {FILE_BYTES_MAX} is the most")));
        }
        let key = self.key(path).map_err(wrong)?;
        let mut attributes = Attributes::new();
        if self.typed {
            attributes.insert(Attribute::ContentType, content_type.into());
            // An old copy must not pass for the new one.
            attributes.insert(Attribute::CacheControl, "no-cache".into());
        }
        let options = PutOptions { attributes, ..PutOptions::default() };
        let put = self.store.put_opts(&key, PutPayload::from(bytes), options);
        match tokio::time::timeout(FILE_WITHIN, put).await {
            Ok(Ok(_)) => Ok(size),
            Ok(Err(e)) => Err(wrong(line(&e.to_string(), 400))),
            Err(_) => Err(wrong(format!("not written within {} s", FILE_WITHIN.as_secs()))),
        }
    }
}

/// The order in which files are written: data, other pages, language front pages, the front page.
fn rank(path: &str) -> usize {
    match path.trim_start_matches('/').strip_suffix("index.html") {
        None => 0,
        Some("") => 3,
        Some(folder) if folder.matches('/').count() == 1 && folder != "history/" => 2,
        Some(_) => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_come_after_what_they_link_to() {
        let mut paths = [
            "index.html",
            "zh-CN/index.html",
            "incidents/1/index.html",
            "api/v2/status.json",
            "history/index.html",
        ];
        paths.sort_by_key(|p| rank(p));
        assert_eq!(
            paths,
            [
                "api/v2/status.json",
                "incidents/1/index.html",
                "history/index.html",
                "zh-CN/index.html",
                "index.html"
            ]
        );
    }

    #[test]
    fn a_place_that_is_none_is_refused_with_what_to_write() {
        let e = Target::new("gs://bucket", std::iter::empty()).unwrap_err().to_string();
        assert!(e.contains("s3://bucket/prefix"), "{e}");
        assert!(Target::new("s3://", std::iter::empty()).is_err());
    }
}
