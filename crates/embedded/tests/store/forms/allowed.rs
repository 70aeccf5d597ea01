use super::*;

#[tokio::test]
async fn a_form_uploads_its_file_with_everything_said_about_it() {
    let world = World::new().await;
    let body = bytes(7, 3 * MIB + 11);
    let tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>";
    let said = [
        ("Content-Type", "image/png"),
        ("Content-Disposition", "attachment; filename=\"a.png\""),
        ("Content-Language", "de"),
        ("Cache-Control", "max-age=60"),
        ("Expires", "Wed, 21 Oct 2026 07:28:00 GMT"),
        ("x-amz-meta-Colour", "blue"),
    ];
    let mut form = Form::new(&world, "user/1/photo.png")
        .file(&body, "photo.png")
        .field("tagging", tags)
        .field("acl", "private")
        .field("x-amz-checksum-algorithm", "SHA256")
        .field("x-amz-checksum-sha256", &sha256_base64(&body))
        .field("Content-MD5", &md5_base64(&body))
        .extra("x-ignore-button", "Upload");
    for (name, value) in said {
        form = form.field(name, value);
    }
    form.call = form.call.unsigned_header("origin", "https://app.example");
    let reply = form.send().await.expect_status(204);
    assert_eq!(reply.body, b"");
    assert_eq!(reply.etag(), format!("\"{}\"", md5_hex(&body)));
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    let location = format!("http://{}/{BUCKET}/user/1/photo.png", world.address);
    assert_eq!(reply.header("location"), Some(location.as_str()));

    let got = world
        .object("GET", "user/1/photo.png")
        .header("x-amz-checksum-mode", "ENABLED")
        .send()
        .await
        .expect_status(200);
    assert!(got.body == body);
    for (name, value) in said {
        assert_eq!(got.header(&name.to_lowercase()), Some(value), "{name}");
    }
    assert_eq!(got.header("x-amz-tagging-count"), Some("1"));
    let sha256 = sha256_base64(&body);
    assert_eq!(got.header("x-amz-checksum-sha256"), Some(sha256.as_str()));
}

#[tokio::test]
async fn the_type_of_the_file_is_what_the_form_says_and_not_the_browser() {
    let world = World::new().await;
    Form::new(&world, "x").send().await.expect_status(204);
    let got = world.get("x").await;
    assert_eq!(got.header("content-type"), Some("binary/octet-stream"));
}

#[tokio::test]
async fn a_form_chooses_its_answer() {
    let world = World::new().await;
    for (asked, status) in [("200", 200), ("201", 201), ("204", 204), ("404", 204)] {
        let form = Form::new(&world, "a b&.txt").field("success_action_status", asked);
        let reply = form.send().await.expect_status(status);
        if status != 201 {
            assert_eq!(reply.body, b"");
            continue;
        }
        let location = format!("http://{}/{BUCKET}/a%20b%26.txt", world.address);
        assert_eq!(reply.tag("Location"), Some(location));
        assert_eq!(reply.tag("Bucket").as_deref(), Some(BUCKET));
        assert_eq!(reply.tag("Key").as_deref(), Some("a b&amp;.txt"));
        let etag = md5_hex(b"hello");
        assert!(reply.tag("ETag").unwrap().contains(&etag));
        assert_eq!(reply.header("content-type"), Some("application/xml"));
    }
    for name in ["success_action_redirect", "redirect"] {
        let form = Form::new(&world, "a/b").field(name, "https://app.example/done?x=1");
        let reply = form.field("success_action_status", "201").send().await;
        let etag = md5_hex(b"hello");
        let page =
            format!("https://app.example/done?x=1&bucket={BUCKET}&key=a%2Fb&etag=%22{etag}%22");
        assert_eq!(reply.status, 303);
        assert_eq!(reply.header("location"), Some(page.as_str()));
    }
    let nowhere = Form::new(&world, "x").field("success_action_redirect", "javascript:alert(1)");
    nowhere.send().await.expect_status(204);
}

#[tokio::test]
async fn the_name_of_the_file_goes_into_the_key_before_the_policy_is_asked() {
    let world = World::new().await;
    let form = |name: &str, prefix: &str| {
        let mut form = Form::new(&world, "unused").file(b"hello", name);
        form.conditions.truncate(1);
        form.condition(json!(["starts-with", "$key", prefix]))
            .tampered("key", "user/1/${filename}")
    };
    for name in ["a b.txt", "C:\\Users\\me\\a b.txt", "/home/me/a b.txt"] {
        form(name, "user/1/a b").send().await.expect_status(204);
        let key = "user/1/a b.txt";
        world.get(key).await.expect_status(200);
        world.object("DELETE", key).send().await.expect_status(204);
    }
    form("a.txt", "user/1/$")
        .send()
        .await
        .expect_error(403, "AccessDenied");
    let escaping = "x\\\"],[\\\"starts-with\\\",\\\"$key\\\",\\\"";
    form(escaping, "user/2/")
        .send()
        .await
        .expect_error(403, "AccessDenied");
}

#[tokio::test]
async fn the_size_of_the_file_is_held_against_the_policy() {
    let world = World::new().await;
    world.put("x", b"before").await;
    let form = |size: usize| {
        Form::new(&world, "x")
            .file(&bytes(1, size), "x")
            .condition(json!(["content-length-range", 2 * MIB, 3 * MIB]))
    };
    form(2 * MIB - 1)
        .send()
        .await
        .expect_error(400, "EntityTooSmall");
    form(3 * MIB + 1)
        .send()
        .await
        .expect_error(400, "EntityTooLarge");
    form(40 * MIB)
        .send()
        .await
        .expect_error(400, "EntityTooLarge");
    assert_eq!(world.get("x").await.text(), "before");
    form(2 * MIB).send().await.expect_status(204);
    form(3 * MIB).send().await.expect_status(204);
    assert_eq!(world.get("x").await.body.len(), 3 * MIB);

    let empty = Form::new(&world, "x").file(b"", "x");
    empty.send().await.expect_status(204);
    assert_eq!(world.get("x").await.body, b"");
}

#[tokio::test]
async fn what_follows_the_file_is_ignored() {
    let world = World::new().await;
    let form = Form::new(&world, "x").signed();
    let end = format!("--{BOUNDARY}--\r\n");
    let late =
        format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\ny\r\n{end}");
    let body = replace(&form.body(), &end, &late);
    form.into_call()
        .body(body)
        .exchange()
        .await
        .expect_status(204);
    assert_eq!(world.get("x").await.text(), "hello");
    world.get("y").await.expect_error(404, "NoSuchKey");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_eight_forms_for_one_key_one_stays_whole() {
    let world = World::in_memory().await;
    let versions: Vec<_> = (1..=8).map(|seed| bytes(seed, MIB)).collect();
    for _ in 0..5 {
        let running: Vec<_> = versions
            .iter()
            .map(|body| tokio::spawn(Form::new(&world, "x").file(body, "x").send()))
            .collect();
        for form in running {
            form.await.unwrap().expect_status(204);
        }
        assert!(versions.contains(&world.get("x").await.body));
    }
}
