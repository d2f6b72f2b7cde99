//! Publishing into a folder, and into a bucket of moto's S3.

use crate::kit::{free_port, listening};
use std::process::{Child, Command, Stdio};
use stillhere_send::publish::{Published, Target, publish};

type Files = Vec<(String, &'static str, Vec<u8>)>;

fn files(version: &str) -> Files {
    let file = |path: &str, kind: &'static str, text: &str| {
        (path.to_owned(), kind, format!("{text} {version}").into_bytes())
    };
    vec![
        file("index.html", "text/html; charset=utf-8", "front"),
        file("api/v2/status.json", "application/json", "{}"),
        file(".well-known/stillhere/notice", "application/json", "notice"),
        file("incidents/1/index.html", "text/html; charset=utf-8", "incident"),
        file("zh-CN/index.html", "text/html; charset=utf-8", "首页"),
    ]
}

#[tokio::test]
async fn a_folder_gets_every_file_and_no_reader_sees_half_of_one() {
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("site/status");
    let target = to.to_str().unwrap();
    let done = publish(target, files("1")).await.unwrap();
    assert_eq!(done.files, 5);
    let read = |path: &str| std::fs::read_to_string(to.join(path)).unwrap();
    assert_eq!(read("index.html"), "front 1");
    assert_eq!(read(".well-known/stillhere/notice"), "notice 1");
    // A file that is being read stays as it was: the new one is another file under the same name.
    let open = std::fs::File::open(to.join("index.html")).unwrap();
    publish(target, files("2")).await.unwrap();
    assert_eq!(std::io::read_to_string(open).unwrap(), "front 1");
    assert_eq!(read("index.html"), "front 2");
    assert_eq!(read("zh-CN/index.html"), "首页 2");
    let left = std::fs::read_dir(&to).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap());
    let mut left: Vec<_> = left.collect();
    left.sort();
    assert_eq!(left, [".well-known", "api", "incidents", "index.html", "zh-CN"], "nothing temporary is left");
}

#[tokio::test]
async fn a_file_that_cannot_be_written_stops_before_the_front_page() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("incidents"), "in the way").unwrap();
    let error = publish(dir.path().to_str().unwrap(), files("1")).await.unwrap_err();
    assert!(error.to_string().contains("incidents/1/index.html"), "{error}");
    assert!(!dir.path().join("index.html").exists());
    let outside = vec![("../evil".to_owned(), "text/plain", Vec::new())];
    assert!(publish(dir.path().to_str().unwrap(), outside).await.is_err());
    assert!(!dir.path().parent().unwrap().join("evil").exists());
}

struct S3(Child);

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// moto's server (PyPI `moto[server]`), started as a module so that killing it kills it and no wrapper.
async fn s3() -> (S3, String) {
    let port = free_port();
    let server = Command::new("python3")
        .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the tests need python3 with moto[server]");
    let server = S3(server);
    listening(port).await;
    (server, format!("http://127.0.0.1:{port}"))
}

fn curl(args: &[&str]) -> String {
    let sign = ["-sS", "-i", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", "test:test"];
    let out = Command::new("curl").args(sign).args(args).output().unwrap();
    String::from_utf8(out.stdout).unwrap()
}

#[tokio::test]
async fn a_bucket_gets_every_file_with_its_content_type() {
    let (_server, endpoint) = s3().await;
    assert!(curl(&["-X", "PUT", &format!("{endpoint}/pages")]).contains(" 200 "));
    let variables = |more: &[(&str, &str)]| {
        let mut all = vec![
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ENDPOINT", endpoint.as_str()),
        ];
        all.extend_from_slice(more);
        all.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect::<Vec<_>>().into_iter()
    };
    let http = [("AWS_ALLOW_HTTP", "true")];
    let target = Target::new("s3://pages/status/", variables(&http)).unwrap();
    let done = target.publish(files("1")).await.unwrap();
    assert_eq!(done, Published { files: 5, bytes: files("1").iter().map(|f| f.2.len()).sum() });
    let got = curl(&[&format!("{endpoint}/pages/status/zh-CN/index.html")]);
    assert!(got.ends_with("首页 1"), "{got}");
    let head = got.to_lowercase();
    assert!(
        head.contains("content-type: text/html; charset=utf-8") && head.contains("cache-control: no-cache"),
        "{got}"
    );
    let got = curl(&[&format!("{endpoint}/pages/status/.well-known/stillhere/notice")]);
    assert!(got.ends_with("notice 1"), "{got}");

    // a bucket that is not there, and one that may not be asked without TLS
    let missing = Target::new("s3://nowhere", variables(&http)).unwrap();
    let error = missing.publish(files("1")).await.unwrap_err().to_string();
    assert!(error.contains("NoSuchBucket") || error.contains("404"), "{error}");
    let clear = Target::new("s3://pages", variables(&[])).unwrap();
    assert!(clear.publish(files("1")).await.is_err());
}
