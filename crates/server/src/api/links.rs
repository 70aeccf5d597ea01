//! `/v1/links`: links, for those whose files they lead to.

use axum::extract::State;
use axum::http::StatusCode;
use valetkey_protocol::link::{CreateLink, Link, LinkPage, LinkUsePage, ListLinkUses, ListLinks};

use super::{Answer, Shared, no_content};
use crate::failure::Failure;
use crate::json::{JsonBody, reply};
use crate::parts::{Caller, IdInPath, StrictQuery};
use crate::random;

/// Make a link to a file. Only this answer has its URL.
#[utoipa::path(
    post, path = "/v1/links", tag = "links", request_body = CreateLink,
    responses((status = 201, body = Link, description = "The link with its URL"))
)]
pub(crate) async fn create_link(
    State(engine): State<Shared>,
    Caller(who): Caller,
    JsonBody(create): JsonBody<CreateLink>,
) -> Answer {
    let chance = random::link();
    let chance = chance.map_err(|error| {
        Failure::internal(format!("the machine gives no random bytes: {error}"))
    })?;
    let link = engine.create_link(&who, create, chance).await?;
    reply(StatusCode::CREATED, &link)
}

/// List links to your files, the newest first.
#[utoipa::path(
    get, path = "/v1/links", tag = "links", params(ListLinks),
    responses((status = 200, body = LinkPage, description = "The links"))
)]
pub(crate) async fn list_links(
    State(engine): State<Shared>,
    Caller(who): Caller,
    StrictQuery(list): StrictQuery<ListLinks>,
) -> Answer {
    reply(StatusCode::OK, &engine.list_links(&who, list).await?)
}

/// Look at a link, and how often it was used on which day.
#[utoipa::path(
    get, path = "/v1/links/{id}", tag = "links",
    params(("id" = String, Path, format = "uuid", description = "The id of the link")),
    responses((status = 200, body = Link, description = "The link"))
)]
pub(crate) async fn get_link(
    State(engine): State<Shared>,
    Caller(who): Caller,
    IdInPath(id): IdInPath,
) -> Answer {
    reply(StatusCode::OK, &engine.get_link(&who, id).await?)
}

/// List the uses of a link that are remembered, the last first.
#[utoipa::path(
    get, path = "/v1/links/{id}/uses", tag = "links",
    params(("id" = String, Path, format = "uuid", description = "The id of the link"), ListLinkUses),
    responses((status = 200, body = LinkUsePage, description = "The uses"))
)]
pub(crate) async fn list_link_uses(
    State(engine): State<Shared>,
    Caller(who): Caller,
    IdInPath(id): IdInPath,
    StrictQuery(list): StrictQuery<ListLinkUses>,
) -> Answer {
    let page = engine.list_link_uses(&who, id, list).await?;
    reply(StatusCode::OK, &page)
}

/// Revoke a link: nobody can use it any more. Can be repeated safely.
#[utoipa::path(
    delete, path = "/v1/links/{id}", tag = "links",
    params(("id" = String, Path, format = "uuid", description = "The id of the link")),
    responses((status = 204, description = "It is over"))
)]
pub(crate) async fn revoke_link(
    State(engine): State<Shared>,
    Caller(who): Caller,
    IdInPath(id): IdInPath,
) -> Answer {
    engine.revoke_link(&who, id).await?;
    Ok(no_content())
}
