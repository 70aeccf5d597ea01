//! Events: pages that are put together, and streams that break.

use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};
use valetkey_client::{Client, Error, RetryPolicy};
use valetkey_protocol::event::ListEvents;

use crate::support::{End, ID, Reply, Seen, TOKEN};

fn event(number: u32) -> Value {
    json!({"id": format!("evt_{number}"), "type": "upload.completed", "timestamp": "2026-05-01T08:09:10Z",
        "data": {"id": ID}})
}

fn block(number: u32) -> String {
    format!(
        "id: c{number}\nevent: upload.completed\ndata: {}\n\n",
        event(number)
    )
}

fn client(end: &End) -> Client {
    let retries = RetryPolicy {
        attempts: 3,
        first: Duration::from_millis(1),
        ..RetryPolicy::default()
    };
    Client::new(&end.url, TOKEN).unwrap().with_retries(retries)
}

fn last_event_id(seen: &Seen) -> &str {
    seen.headers
        .get("last-event-id")
        .map_or("", |id| id.to_str().unwrap())
}

#[tokio::test]
async fn pages_are_asked_for_until_there_are_no_more() {
    let end = End::start(|seen: Seen| {
        let more = !seen.query.contains("cursor=c1");
        let number = if more { 1 } else { 2 };
        let page = json!({"events": [event(number)], "next_cursor": format!("c{number}"), "has_more": more});
        std::future::ready(Reply::json(200, page))
    })
    .await;
    let query = ListEvents {
        kinds: Some("upload.completed".to_owned()),
        ..ListEvents::default()
    };
    let client = client(&end);
    let events: Vec<_> = client.all_events(query).try_collect().await.unwrap();
    let ids: Vec<_> = events.iter().map(|event| event.id.as_str()).collect();
    assert_eq!(ids, ["evt_1", "evt_2"]);
    let seen = end.seen("GET", "/v1/events");
    let mut asked: Vec<_> = seen[1].query.split('&').collect();
    asked.sort_unstable();
    assert_eq!(asked, ["cursor=c1", "type=upload.completed"]);
}

#[tokio::test]
async fn a_stream_that_breaks_goes_on_behind_the_last_event_and_tells_nothing_twice() {
    let end = End::start(|seen: Seen| {
        let reply = match (seen.earlier, last_event_id(&seen)) {
            // It ends within an event.
            (0, "") => Reply::bytes(format!("retry: 1\n\n{}id: c2\ndata: {{", block(1))),
            (1, "c1") => Reply::Reset,
            (2, "c1") => Reply::status(503),
            // More often than anything else is tried.
            (3..=8, "c1") => Reply::Reset,
            (9, "c1") => Reply::bytes(format!("{}{}", block(2), block(3))),
            (_, "c3") => Reply::bytes(block(4)),
            other => panic!("{other:?}"),
        };
        std::future::ready(reply)
    })
    .await;
    let client = client(&end);
    let following = client.follow_events(ListEvents::default());
    let events: Vec<_> = following.take(4).try_collect().await.unwrap();
    let ids: Vec<_> = events.iter().map(|event| event.id.as_str()).collect();
    assert_eq!(ids, ["evt_1", "evt_2", "evt_3", "evt_4"]);
    assert_eq!(end.seen("GET", "/v1/events")[0].query, "follow=true");
}

#[tokio::test]
async fn what_will_not_get_better_ends_it() {
    let end = End::start(|seen: Seen| {
        let problem = json!({"type": "/problems/token_expired", "title": "t", "status": 401, "detail": "d",
            "code": "token_expired"});
        let reply = match seen.earlier {
            0 => Reply::bytes(format!("retry: 1\n\n{}", block(1))),
            _ => Reply::json(401, problem),
        };
        std::future::ready(reply)
    })
    .await;
    let client = client(&end);
    let mut following = std::pin::pin!(client.follow_events(ListEvents::default()));
    assert!(following.try_next().await.unwrap().is_some());
    let over = following.try_next().await;
    assert!(matches!(over, Err(Error::Problem(_))), "{over:?}");
    // And an address where nobody ever was is given up.
    let nowhere = Client::new("http://127.0.0.1:1", TOKEN).unwrap();
    let nowhere = nowhere.with_retries(RetryPolicy {
        attempts: 2,
        first: Duration::from_millis(1),
        ..RetryPolicy::default()
    });
    let mut following = std::pin::pin!(nowhere.follow_events(ListEvents::default()));
    assert!(matches!(
        following.try_next().await,
        Err(Error::Network { .. })
    ));
}
