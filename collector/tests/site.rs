//! What a browser is served: the bundle, files, the page, and the headers on all of it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "a test that cannot go on says why by panicking"
)]

mod support;

use std::{fs, time::Duration};

use support::{Server, bundle, message};
use tempfile::tempdir;

/// Longer than the collector takes to look at its bundle again, on a busy machine too.
const SWAP: Duration = Duration::from_secs(10);

fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let end = std::time::Instant::now() + SWAP;
    while !done() {
        assert!(std::time::Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_bundle_is_served_under_its_hash_and_not_sent_twice() {
    let folder = tempdir().expect("a folder");
    let file = folder.path().join("bundle.pf4");
    let bytes = bundle(1, &["summer"]);
    fs::write(&file, &bytes).expect("written");
    let server = Server::start(folder.path(), &["--bundle", file.to_str().expect("text")]);
    let answer = server.get("/bundle.pf4", &[]);
    let hash = u64::from_le_bytes(bytes[24..32].try_into().expect("8 bytes"));
    assert_eq!(answer.body, bytes);
    assert_eq!(answer.header("etag"), format!("\"{hash:016x}\""));
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    assert!(answer.header("cache-control").contains("max-age=60"));
    assert!(answer.header("cache-control").contains("stale-while-revalidate"));
    let again = server.get("/bundle.pf4", &[("if-none-match", answer.header("etag"))]);
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(again.header("etag"), answer.header("etag"));
    let other = server.get("/bundle.pf4", &[("if-none-match", "\"0123456789abcdef\"")]);
    assert_eq!(other.status, 200);
}

#[test]
fn each_encoding_of_the_bundle_has_a_tag_of_its_own() {
    let folder = tempdir().expect("a folder");
    let file = folder.path().join("bundle.pf4");
    let bytes = bundle(1, &["summer"]);
    fs::write(&file, &bytes).expect("written");
    let server = Server::start(folder.path(), &["--bundle", file.to_str().expect("text")]);
    let mut tags = std::collections::BTreeSet::new();
    for (asked, coding) in [("br, gzip", "br"), ("gzip", "gzip"), ("br;q=0, gzip", "gzip"), ("identity", "")] {
        let answer = server.get("/bundle.pf4", &[("accept-encoding", asked)]);
        assert_eq!(answer.header("content-encoding"), coding, "{asked}");
        let plain = match coding {
            "br" => {
                let mut plain = Vec::new();
                brotli::BrotliDecompress(&mut &answer.body[..], &mut plain).expect("brotli");
                plain
            }
            "gzip" => {
                let mut plain = Vec::new();
                std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&answer.body[..]), &mut plain)
                    .expect("gzip");
                plain
            }
            _ => answer.body.clone(),
        };
        assert_eq!(plain, bytes);
        assert_eq!(
            server.get("/bundle.pf4", &[("accept-encoding", asked), ("if-none-match", answer.header("etag"))]).status,
            304
        );
        tags.insert(answer.header("etag").to_owned());
    }
    assert_eq!(tags.len(), 3);
}

#[test]
fn a_new_bundle_is_taken_up_and_a_broken_one_is_not() {
    let folder = tempdir().expect("a folder");
    let file = folder.path().join("bundle.pf4");
    let (first, second, third) = (bundle(1, &["summer"]), bundle(2, &["autumn"]), bundle(3, &["winter"]));
    fs::write(&file, &first).expect("written");
    let server = Server::start(folder.path(), &["--bundle", file.to_str().expect("text")]);
    let served = || server.get("/bundle.pf4", &[]).body;
    assert_eq!(served(), first);
    fs::write(&file, &second).expect("written");
    eventually("the second bundle is served", || served() == second);
    assert_eq!(server.counts()["campaigns"][0]["name"], "autumn");

    let refused = |count: u32| format!("petitfour_bundles_refused_total {count}\n");
    fs::write(&file, &third[..third.len() - 9]).expect("written");
    eventually("the truncated bundle is noticed", || server.get("/metrics", &[]).text().contains(&refused(1)));
    assert_eq!(served(), second);
    fs::remove_file(&file).expect("removed");
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(served(), second);
    fs::write(&file, &third).expect("written");
    eventually("the third bundle is served", || served() == third);
}

#[test]
fn a_collector_does_not_start_with_a_bundle_that_nobody_can_use() {
    let folder = tempdir().expect("a folder");
    let file = folder.path().join("bundle.pf4");
    fs::write(&file, b"random bytes").expect("written");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_petitfour-collector"))
        .args(["--listen", "127.0.0.1:0", "--data"])
        .arg(folder.path())
        .arg("--bundle")
        .arg(&file)
        .output()
        .expect("it runs");
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("bundle/foreign"));
}

#[test]
fn files_are_served_with_their_kind_compressed_and_under_the_policy() {
    let folder = tempdir().expect("a folder");
    let (www, pkg) = (folder.path().join("www"), folder.path().join("pkg"));
    fs::create_dir_all(www.join(".git")).expect("made");
    fs::create_dir_all(&pkg).expect("made");
    fs::write(www.join("index.html"), "<!doctype html><title>Shop</title>".repeat(20)).expect("written");
    fs::write(www.join(".git/config"), "secret").expect("written");
    fs::write(pkg.join("engine.wasm"), [0u8; 4000]).expect("written");
    fs::write(pkg.join("index.js"), "export {};".repeat(50)).expect("written");
    fs::write(pkg.join("worker.mjs"), "export {};").expect("written");
    let data = folder.path().join("data");
    let pkg = format!("/pkg={}", pkg.display());
    let server = Server::start(&data, &["--www", www.to_str().expect("text"), "--www", &pkg]);

    for (path, kind) in [
        ("/", "text/html"),
        ("/pkg/engine.wasm", "application/wasm"),
        ("/pkg/index.js", "text/javascript"),
        ("/pkg/worker.mjs", "text/javascript"),
    ] {
        let answer = server.get(path, &[]);
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.header("content-type").starts_with(kind), "{path} {}", answer.header("content-type"));
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(!answer.header("referrer-policy").is_empty());
        assert_eq!(answer.header("content-security-policy"), petitfour_collector::site::POLICY);
    }
    assert!(server.get("/", &[]).text().contains("Shop"));
    assert!(server.get("/collector", &[]).text().contains("Petit Four"));

    let packed = server.get("/pkg/engine.wasm", &[("accept-encoding", "gzip, br")]);
    assert_eq!((packed.header("content-encoding"), packed.header("content-type")), ("br", "application/wasm"));
    assert!(packed.body.len() < 400);
    assert_eq!(server.get("/pkg/index.js", &[("accept-encoding", "gzip")]).header("content-encoding"), "gzip");
    let again = server.get("/pkg/index.js", &[("if-none-match", server.get("/pkg/index.js", &[]).header("etag"))]);
    assert_eq!(again.status, 304);

    for path in ["/.git/config", "/%2egit/config", "/missing.js", "/pkg/../data/collector.db"] {
        assert_eq!(server.get(path, &[]).status, 404, "{path}");
    }
}

#[test]
fn the_page_shows_the_counts_by_name() {
    let folder = tempdir().expect("a folder");
    let file = folder.path().join("bundle.pf4");
    fs::write(&file, bundle(1, &["summer", "autumn"])).expect("written");
    let server = Server::start(folder.path(), &["--bundle", file.to_str().expect("text")]);
    server.post("/v1/sync", &message(1, 0, "autumn").encode());
    let first = server.get("/", &[]).text();
    assert!(first.contains(r#"<strong data-total="exposures">1</strong>"#), "{first}");
    let page = server.get("/collector/campaigns", &[]).text();
    // Lift stands first, and knows only what was chosen; the counts are the last table.
    let (summer, autumn) = (page.rfind(">summer<").expect("summer"), page.rfind(">autumn<").expect("autumn"));
    assert!(summer < autumn, "the bundle's order");
    assert!(page[autumn..].contains(r#"<rect class="rose" width="100.00" height="10"/>"#));
    for (path, kind) in [("/collector/style.css", "text/css"), ("/collector/live.js", "text/javascript")] {
        assert!(server.get(path, &[]).header("content-type").starts_with(kind));
    }
}

#[test]
fn other_origins_are_served_only_when_they_are_named() {
    let folder = tempdir().expect("a folder");
    let shop = ("origin", "https://shop.example");
    let closed = Server::start(&folder.path().join("closed"), &[]);
    assert_eq!(closed.get("/bundle.pf4", &[shop]).header("access-control-allow-origin"), "");
    let arguments = ["--allow-origin", "https://shop.example", "--allow-origin", "http://localhost:3000"];
    let open = Server::start(&folder.path().join("open"), &arguments);
    let allowed =
        |origin| open.get("/bundle.pf4", &[("origin", origin)]).header("access-control-allow-origin").to_owned();
    assert_eq!(allowed("https://shop.example"), "https://shop.example");
    assert_eq!(allowed("http://localhost:3000"), "http://localhost:3000");
    assert_eq!(allowed("https://elsewhere.example"), "");
    assert_eq!(open.get("/v1/counts", &[shop]).header("access-control-allow-origin"), "");
}

#[test]
fn health_ready_and_metrics_answer() {
    let folder = tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    assert_eq!(server.get("/health", &[]).text(), r#"{"live":true}"#);
    assert_eq!(server.get("/ready", &[]).text(), r#"{"ready":true,"store":true}"#);
    server.post("/v1/sync", &message(1, 0, "summer").encode());
    let text = server.get("/metrics", &[]).text();
    for line in [
        "petitfour_syncs_total{result=\"accepted\"} 1",
        "petitfour_entries_total 3",
        "petitfour_queue_depth 0",
        "petitfour_commit_batch_messages_bucket{le=\"1\"} 1",
        "petitfour_commit_seconds_count 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
}
