//! The API: every route, and what each says about itself in the OpenAPI document.

mod buckets;
mod content;
mod downloads;
mod drops;
mod events;
mod files;
mod health;
mod keys;
mod links;
mod policy;
mod public;
mod receipts;
mod receive;
mod sweep;
mod uploads;
mod usage;
mod visit;
mod webhooks;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Router, middleware};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use valetkey_engine::{Engine, Webhooks};
use valetkey_protocol::Code;

use crate::compat::classic::{self, Classic};
use crate::config::Config;
use crate::cors;
use crate::door::{self, Door};
use crate::drop_page::{self, Counter};
use crate::failure::Failure;
use crate::link_page::Desk;
use crate::sdk;
use crate::streams::Streams;

/// What a handler answers.
pub(crate) type Answer = Result<Response, Failure>;

/// What handlers share.
pub(crate) type Shared = Arc<Engine>;

/// Every route, with its documentation.
pub(crate) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(uploads::create_upload))
        .routes(routes!(uploads::create_uploads))
        .routes(routes!(uploads::complete_uploads))
        .routes(routes!(uploads::get_upload, uploads::abort_upload))
        .routes(routes!(uploads::sign_parts))
        .routes(routes!(uploads::complete_upload))
        .routes(routes!(files::list_files))
        .routes(routes!(
            files::get_file,
            files::patch_file,
            files::delete_file
        ))
        .routes(routes!(downloads::create_download))
        .routes(routes!(downloads::create_downloads))
        .routes(routes!(content::get_content))
        .routes(routes!(content::open_content))
        .routes(routes!(public::open_public))
        .routes(routes!(classic::request_upload))
        .routes(routes!(classic::request_download))
        .routes(routes!(classic::list_classic_files))
        .routes(routes!(classic::delete_classic_file))
        .routes(routes!(classic::presign_image))
        .routes(routes!(links::create_link, links::list_links))
        .routes(routes!(links::get_link, links::revoke_link))
        .routes(routes!(links::list_link_uses))
        .routes(routes!(visit::open_link, visit::use_link))
        .routes(routes!(drops::create_drop, drops::list_drops))
        .routes(routes!(drops::get_drop, drops::revoke_drop))
        .routes(routes!(drops::get_drop_qr))
        .routes(routes!(receive::open_drop, receive::create_drop_ticket))
        .routes(routes!(receive::send_by_drop))
        .routes(routes!(events::list_events))
        .routes(routes!(buckets::list_buckets))
        .routes(routes!(usage::get_usage))
        .routes(routes!(sweep::sweep))
        .routes(routes!(webhooks::create_webhook, webhooks::list_webhooks))
        .routes(routes!(
            webhooks::get_webhook,
            webhooks::patch_webhook,
            webhooks::delete_webhook
        ))
        .routes(routes!(webhooks::rotate_webhook))
        .routes(routes!(webhooks::test_webhook))
        .routes(routes!(webhooks::replay_webhook))
        .routes(routes!(webhooks::list_deliveries))
        .routes(routes!(keys::create_api_key, keys::list_api_keys))
        .routes(routes!(keys::revoke_api_key))
        .routes(routes!(keys::rotate_api_key))
        .routes(routes!(policy::explain_policy))
        .routes(routes!(receipts::get_receipt_keys))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(health::openapi))
}

/// The whole API behind its door, and the client for browsers.
pub(crate) fn router(
    engine: Shared,
    streams: Arc<Streams>,
    webhooks: Arc<Webhooks>,
    door: Arc<Door>,
    config: &Config,
    storage: &BTreeSet<String>,
) -> Router {
    let (routes, _) = routes().split_for_parts();
    let routes = routes
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(Extension(streams))
        .layer(Extension(webhooks))
        .layer(Extension(Arc::new(Classic::of(config))))
        .layer(Extension(Arc::new(Counter::new(storage))))
        .layer(Extension(Arc::new(Desk::new(config.links.ip, storage))))
        .layer(Extension(Arc::clone(&door)))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&door),
            door::pass,
        ))
        .with_state(engine);
    let routes = match cors::layer(&config.cors_origins) {
        Some(layer) => routes.layer(layer),
        None => routes,
    };
    routes
        .merge(drop_page::router(Arc::clone(&door)))
        .merge(sdk::router(door))
}

async fn no_such_path() -> Failure {
    Failure::new(
        Code::NotFound,
        "there is no such path; GET /openapi.json lists them",
    )
}

pub(crate) async fn no_such_method() -> Failure {
    Failure::new(
        Code::MethodNotAllowed,
        "use one of the methods in the `allow` header",
    )
}

fn no_content() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
