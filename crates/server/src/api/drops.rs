//! `/v1/drops`: drop links, for those who receive files by them.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use valetkey_protocol::drop_link::{CreateDrop, Drop, DropPage, ListDrops};

use super::{Answer, Shared, no_content};
use crate::json::{JsonBody, reply};
use crate::parts::{Caller, IdInPath, StrictQuery};
use crate::qr;

/// Make a drop link: whoever has it can send files into one folder.
#[utoipa::path(
    post, path = "/v1/drops", tag = "links", request_body = CreateDrop,
    responses((status = 201, body = Drop, description = "The drop link"))
)]
pub(crate) async fn create_drop(
    State(engine): State<Shared>,
    Caller(who): Caller,
    JsonBody(create): JsonBody<CreateDrop>,
) -> Answer {
    reply(
        StatusCode::CREATED,
        &engine.create_drop(&who, create).await?,
    )
}

/// List your drop links, the newest first.
#[utoipa::path(
    get, path = "/v1/drops", tag = "links", params(ListDrops),
    responses((status = 200, body = DropPage, description = "The drop links"))
)]
pub(crate) async fn list_drops(
    State(engine): State<Shared>,
    Caller(who): Caller,
    StrictQuery(list): StrictQuery<ListDrops>,
) -> Answer {
    reply(StatusCode::OK, &engine.list_drops(&who, list).await?)
}

/// Look at a drop link, and how much was sent by it.
#[utoipa::path(
    get, path = "/v1/drops/{id}", tag = "links",
    params(("id" = String, Path, format = "uuid", description = "The id of the drop link")),
    responses((status = 200, body = Drop, description = "The drop link"))
)]
pub(crate) async fn get_drop(
    State(engine): State<Shared>,
    Caller(who): Caller,
    IdInPath(id): IdInPath,
) -> Answer {
    reply(StatusCode::OK, &engine.get_drop(&who, id).await?)
}

/// Get a drop link as a QR code.
#[utoipa::path(
    get, path = "/v1/drops/{id}/qr.svg", tag = "links",
    params(("id" = String, Path, format = "uuid", description = "The id of the drop link")),
    responses((status = 200, content_type = "image/svg+xml", body = String, description = "The code"))
)]
pub(crate) async fn get_drop_qr(
    State(engine): State<Shared>,
    Caller(who): Caller,
    IdInPath(id): IdInPath,
) -> Answer {
    let link = engine.get_drop(&who, id).await?;
    let svg = qr::svg(link.url.expose())?;
    let headers = [(header::CONTENT_TYPE, "image/svg+xml")];
    Ok((headers, svg).into_response())
}

/// Revoke a drop link: nobody can send files by it any more. What was sent stays. Can be repeated safely.
#[utoipa::path(
    delete, path = "/v1/drops/{id}", tag = "links",
    params(("id" = String, Path, format = "uuid", description = "The id of the drop link")),
    responses((status = 204, description = "It is over"))
)]
pub(crate) async fn revoke_drop(
    State(engine): State<Shared>,
    Caller(who): Caller,
    IdInPath(id): IdInPath,
) -> Answer {
    engine.revoke_drop(&who, id).await?;
    Ok(no_content())
}
