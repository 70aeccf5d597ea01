use super::{Row, row};
use crate::support::*;

async fn filled(keys: &[&str]) -> World {
    let world = World::in_memory().await;
    for key in keys {
        world.put(key, key.as_bytes()).await;
    }
    world
}

fn list(world: &World) -> Call {
    world
        .call("GET", &format!("/{BUCKET}"))
        .query("list-type", 2)
}

fn prefixes(reply: &Reply) -> Vec<String> {
    let bare = |text: &String| text.replace("<Prefix>", "").replace("</Prefix>", "");
    reply.tags("CommonPrefixes").iter().map(bare).collect()
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        row!(
            "keys come in the order of their UTF-8 bytes",
            "API/API_ListObjectsV2",
            |_world| {
                let world = filled(&["b", "a/b", "a", "é", "a0", "B"]).await;
                assert_eq!(
                    list(&world).send().await.tags("Key"),
                    ["B", "a", "a/b", "a0", "b", "é"]
                );
            }
        ),
        row!(
            "each with Size, ETag, LastModified and StorageClass",
            "API/API_ListObjectsV2",
            |_world| {
                let world = filled(&["key"]).await;
                let reply = list(&world).send().await;
                assert_eq!(reply.tag("Size").as_deref(), Some("3"));
                assert!(reply.tag("ETag").unwrap().contains(&md5_hex(b"key")));
                assert!(reply.tag("LastModified").unwrap().ends_with('Z'));
                assert_eq!(reply.tag("StorageClass").as_deref(), Some("STANDARD"));
            }
        ),
        row!(
            "`prefix` limits the list",
            "API/API_ListObjectsV2",
            |_world| {
                let world = filled(&["a", "b/1", "b/2", "c"]).await;
                assert_eq!(
                    list(&world).query("prefix", "b/").send().await.tags("Key"),
                    ["b/1", "b/2"]
                );
            }
        ),
        row!(
            "`delimiter` groups into CommonPrefixes, which count like keys",
            "API/API_ListObjectsV2",
            |_world| {
                let world = filled(&["a", "b/1", "b/2", "c"]).await;
                let reply = list(&world).query("delimiter", "/").send().await;
                assert_eq!(
                    (reply.tags("Key").join(" "), prefixes(&reply).join(" ")),
                    ("a c".to_owned(), "b/".to_owned())
                );
                assert_eq!(reply.tag("KeyCount").as_deref(), Some("3"));
            }
        ),
        row!(
            "a delimiter may have several characters",
            "API/API_ListObjectsV2",
            |_world| {
                let world = filled(&["a--b", "a-b"]).await;
                let reply = list(&world).query("delimiter", "--").send().await;
                assert_eq!(
                    (reply.tags("Key").join(" "), prefixes(&reply).join(" ")),
                    ("a-b".to_owned(), "a--".to_owned())
                );
            }
        ),
        row!(
            "pages by `max-keys` and `continuation-token` show every line once",
            "API/API_ListObjectsV2",
            |_world| {
                let world = filled(&["a", "b/1", "b/2", "c", "d/1"]).await;
                let (mut lines, mut token) = (Vec::new(), None);
                loop {
                    let mut call = list(&world).query("delimiter", "/").query("max-keys", 1);
                    if let Some(token) = &token {
                        call = call.query("continuation-token", token);
                    }
                    let reply = call.send().await.expect_status(200);
                    lines.extend(reply.tags("Key"));
                    lines.extend(prefixes(&reply));
                    token = reply.tag("NextContinuationToken");
                    assert_eq!(reply.tag("IsTruncated"), Some(token.is_some().to_string()));
                    if token.is_none() {
                        break;
                    }
                }
                assert_eq!(lines, ["a", "b/", "c", "d/"]);
            }
        ),
        row!(
            "`start-after` begins behind a key",
            "API/API_ListObjectsV2",
            |_world| {
                let world = filled(&["a", "b", "c"]).await;
                assert_eq!(
                    list(&world)
                        .query("start-after", "a")
                        .send()
                        .await
                        .tags("Key"),
                    ["b", "c"]
                );
            }
        ),
        row!(
            "`encoding-type=url` encodes names",
            "API/API_ListObjectsV2",
            |_world| {
                let world = filled(&["ä b&<"]).await;
                let reply = list(&world).query("encoding-type", "url").send().await;
                assert_eq!(reply.tags("Key"), ["%C3%A4%20b%26%3C"]);
            }
        ),
        row!(
            "`fetch-owner=true` names the owner",
            "API/API_ListObjectsV2",
            |_world| {
                let world = filled(&["a"]).await;
                assert!(!list(&world).send().await.text().contains("<Owner>"));
                assert!(
                    list(&world)
                        .query("fetch-owner", "true")
                        .send()
                        .await
                        .text()
                        .contains("<Owner>")
                );
            }
        ),
        row!(
            "no page has more than 1,000 lines, whatever is asked for",
            "API/API_ListObjectsV2",
            |_world| {
                let world = filled(&["a"]).await;
                let reply = list(&world)
                    .query("max-keys", 5000)
                    .send()
                    .await
                    .expect_status(200);
                assert_eq!(reply.tag("MaxKeys").as_deref(), Some("1000"));
            }
        ),
        row!(
            "`max-keys=0` lists nothing and is not truncated",
            "API/API_ListObjectsV2",
            |_world| {
                let world = filled(&["a"]).await;
                let reply = list(&world)
                    .query("max-keys", 0)
                    .send()
                    .await
                    .expect_status(200);
                assert_eq!(
                    (reply.tags("Key").len(), reply.tag("IsTruncated").as_deref()),
                    (0, Some("false"))
                );
            }
        ),
        row!(
            "a negative `max-keys`, a token that is none, an unknown encoding: `InvalidArgument`",
            "API/ErrorResponses",
            |world| {
                for (name, value) in [
                    ("max-keys", "-1"),
                    ("continuation-token", "!"),
                    ("encoding-type", "x"),
                ] {
                    list(&world)
                        .query(name, value)
                        .send()
                        .await
                        .expect_error(400, "InvalidArgument");
                }
            }
        ),
        row!(
            "ListObjects (version 1) pages by `marker`; NextMarker only beside a delimiter",
            "API/API_ListObjects",
            |_world| {
                let world = filled(&["a", "b/1", "b/2", "c"]).await;
                let call = || world.call("GET", &format!("/{BUCKET}"));
                let first = call().query("max-keys", 2).send().await;
                assert_eq!(
                    (first.tags("Key").join(" "), first.tag("NextMarker")),
                    ("a b/1".to_owned(), None)
                );
                let grouped = call()
                    .query("max-keys", 2)
                    .query("delimiter", "/")
                    .send()
                    .await;
                assert_eq!(grouped.tag("NextMarker").as_deref(), Some("b/"));
                let rest = call()
                    .query("marker", "b/")
                    .query("delimiter", "/")
                    .send()
                    .await;
                assert_eq!(
                    (rest.tags("Key").join(" "), prefixes(&rest).len()),
                    ("c".to_owned(), 0)
                );
            }
        ),
        row!(
            "what was put or deleted is in the next list",
            "userguide/Welcome",
            |world| {
                for round in 0..10 {
                    let key = round.to_string();
                    world.put(&key, b"").await;
                    assert_eq!(list(&world).send().await.tags("Key").concat(), key);
                    world.object("DELETE", &key).send().await.expect_status(204);
                    assert!(list(&world).send().await.tags("Key").is_empty());
                }
            }
        ),
    ]
}
