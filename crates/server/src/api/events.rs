//! `/v1/events`: what happened, page by page or as it happens.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use valetkey_protocol::event::{EventPage, ListEvents};
use valetkey_protocol::{Code, Problem};

use super::{Answer, Shared};
use crate::failure::Failure;
use crate::json::reply_with_room;
use crate::parts::{Caller, Lifetime, StrictQuery};
use crate::sse::{self, EVENT_STREAM};
use crate::streams::Streams;

/// About how long the JSON of an event is.
const BYTES_OF_AN_EVENT: usize = 900;

/// Hear what happened to your uploads and files, in order: page by page or, with `follow=true` or
/// `Accept: text/event-stream`, as it happens, as Server-Sent Events.
#[utoipa::path(
    get, path = "/v1/events", tag = "events",
    params(
        ListEvents,
        ("Last-Event-ID" = Option<String>, Header,
            description = "The last `id` of a stream that ended: the new one goes on exactly behind it. It takes the place of `cursor`")
    ),
    responses((
        status = 200, description = "A page of events, or a stream of them: `id` is a cursor, `event` the type, `data` an Event",
        content((EventPage = "application/json"), (String = "text/event-stream"))
    ))
)]
pub(crate) async fn list_events(
    State(engine): State<Shared>,
    Caller(who): Caller,
    lifetime: Lifetime,
    Extension(streams): Extension<Arc<Streams>>,
    headers: HeaderMap,
    StrictQuery(mut query): StrictQuery<ListEvents>,
) -> Answer {
    if !query.follow.unwrap_or_else(|| wants_stream(&headers)) {
        let page = engine.list_events(&who, &query).await?;
        let room = 1024 + page.events.len() * BYTES_OF_AN_EVENT;
        return reply_with_room(StatusCode::OK, &page, room);
    }
    if query.limit.is_some() {
        let detail = "limit: is of pages; leave it out of a stream";
        let problem = Problem::new(Code::InvalidRequest, detail);
        return Err(problem.with("field", "limit").into());
    }
    if let Some(id) = headers.get("last-event-id") {
        let id = id.to_str().map_err(|_| {
            let detail = "Last-Event-ID: send the last id of the stream as it was";
            Failure::new(Code::MalformedRequest, detail)
        })?;
        query.cursor = Some(id.to_owned());
    }
    let stay = streams.enter(&who.owner())?;
    let follower = engine.follow_events(&who, &query).await?;
    Ok(sse::answer(follower, stay, lifetime.0))
}

fn wants_stream(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter();
    let mut types = accepted
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','));
    types.any(|one| {
        let essence = one.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case(EVENT_STREAM)
    })
}
