//! `/d/{token}`: how whoever has a drop link sends files, in a browser or with `curl`.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use valetkey_protocol::drop_link::DropTicket;
use valetkey_protocol::{Code, ContentType, Filename, Problem};

use super::{Answer, Shared, content};
use crate::drop_page::Counter;
use crate::failure::Failure;
use crate::json::reply;
use crate::linger;
use crate::link_page::wants_page;
use crate::parts::TokenInPath;

/// Open a drop link: a page to send files with.
#[utoipa::path(
    get, path = "/d/{token}", tag = "links", security(()),
    params(("token" = String, Path, description = "The end of a drop link")),
    responses((status = 200, content_type = "text/html", body = String, description = "The page"))
)]
pub(crate) async fn open_drop(
    State(engine): State<Shared>,
    Extension(counter): Extension<Arc<Counter>>,
    TokenInPath(token): TokenInPath,
    headers: HeaderMap,
) -> Answer {
    match engine.open_drop(&token).await {
        Ok(open) => counter.page(&open),
        Err(error) => {
            let failure = Failure::from(error);
            match wants_page(&headers) && failure.problem.code.status() < 500 {
                true => Ok(counter.refuse(&failure.problem)),
                false => Err(failure),
            }
        }
    }
}

/// Get what the page of a drop link sends files with: a token for uploads into its folder.
#[utoipa::path(
    post, path = "/d/{token}", tag = "links", security(()),
    params(("token" = String, Path, description = "The end of a drop link")),
    responses((status = 200, body = DropTicket, description = "The token"))
)]
pub(crate) async fn create_drop_ticket(
    State(engine): State<Shared>,
    TokenInPath(token): TokenInPath,
) -> Answer {
    let ticket: DropTicket = engine.open_drop(&token).await?.ticket();
    reply(StatusCode::OK, &ticket)
}

/// Send a file by a drop link, with `curl -LT FILE URL/`: the answer leads to storage, where the bytes go. `content-length`
/// says how many there are.
#[utoipa::path(
    put, path = "/d/{token}/{filename}", tag = "links", security(()),
    params(
        ("token" = String, Path, description = "The end of a drop link"),
        ("filename" = String, Path, description = "The name of the file")
    ),
    responses((
        status = 307, description = "Send the bytes there",
        headers(("location" = String, description = "A presigned URL"))
    ))
)]
pub(crate) async fn send_by_drop(
    State(engine): State<Shared>,
    path: Result<Path<(String, String)>, axum::extract::rejection::PathRejection>,
    headers: HeaderMap,
) -> Answer {
    let Ok(Path((token, filename))) = path else {
        return Err(Failure::new(Code::NotFound, "there is no such link"));
    };
    let filename = Filename::parse(&filename).map_err(|error| invalid("filename", &error))?;
    let size = declared(&headers)?;
    let content_type = content_type(&headers, &filename)?;
    let sent = engine.create_drop_upload(&token, filename, content_type, size);
    let mut response: Response = content::redirect(&sent.await?.url)?;
    // The body is not for here: whoever waited with it goes there at once.
    if linger::waits_with_its_body(&headers) {
        linger::say_close(response.headers_mut());
    }
    Ok(response)
}

fn declared(headers: &HeaderMap) -> Result<u64, Failure> {
    let length = headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    length.ok_or_else(|| {
        let detail = "content-length: say how many bytes you send; `curl -LT FILE URL/` does, with a file and not with `-T -`";
        invalid_field("content-length", detail)
    })
}

/// What the client says, or what the end of the name says.
fn content_type(headers: &HeaderMap, filename: &Filename) -> Result<ContentType, Failure> {
    let stated = headers.get(header::CONTENT_TYPE).map(HeaderValue::to_str);
    let guessed = mime_guess::from_path(filename.as_str()).first_or_octet_stream();
    let text = match stated {
        Some(Ok(text)) => text,
        _ => guessed.essence_str(),
    };
    ContentType::parse(text).map_err(|error| invalid("content-type", &error))
}

fn invalid(field: &str, error: &valetkey_protocol::InvalidValue) -> Failure {
    invalid_field(field, &format!("{field}: {error}"))
}

fn invalid_field(field: &str, detail: &str) -> Failure {
    Problem::new(Code::InvalidRequest, detail)
        .with("field", field)
        .into()
}
