//! The OpenAPI 3.1 document, made from the routes themselves.

use std::collections::{BTreeMap, BTreeSet};

use utoipa::OpenApi;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, Ref, Response};
use valetkey_protocol::Code;
use valetkey_protocol::event::Begin;
use valetkey_protocol::file::Order;
use valetkey_protocol::problem::{PROBLEM_JSON, ProblemSchema};

/// The name of the security scheme.
const BEARER: &str = "bearer";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Valetkey",
        description = "Moves files directly between clients and object storage: it decides, signs, verifies and remembers.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    components(schemas(ProblemSchema, Order, Begin)),
    tags(
        (name = "uploads", description = "From a wish to a verified file"),
        (name = "files", description = "What was verified"),
        (name = "downloads", description = "Ways to the bytes"),
        (name = "links", description = "Ways to a file for whoever has them"),
        (name = "events", description = "What happened"),
        (name = "classic", description = "What clients of well-known guides to presigned URLs call"),
        (name = "buckets", description = "What goes where"),
        (name = "webhooks", description = "Being told what happens; for administrators"),
        (name = "keys", description = "API keys of backends; for administrators"),
        (name = "policy", description = "Who may do what, and why; for administrators"),
        (name = "administration", description = "For operators"),
        (name = "service", description = "The service itself"),
    )
)]
struct Document;

/// The document as pretty JSON, as it is checked in and served.
pub fn document() -> String {
    let mut document = Document::openapi();
    document.merge(crate::api::routes().into_openapi());
    let components = document.components.get_or_insert_default();
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("A token of your application, or an API key"))
        .build();
    components.add_security_scheme(BEARER, SecurityScheme::Http(scheme));
    // A wildcard takes slashes too; OpenAPI has no sign for that.
    let paths = std::mem::take(&mut document.paths.paths).into_iter();
    document.paths.paths = paths
        .map(|(path, item)| (path.replace("{*", "{"), item))
        .collect();
    document.security = Some(vec![SecurityRequirement::new(BEARER, Vec::<String>::new())]);
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            add_problems(operation);
        }
    }
    let mut text = document.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let methods = [
        &mut item.get,
        &mut item.post,
        &mut item.put,
        &mut item.patch,
        &mut item.delete,
    ];
    methods.into_iter().flatten()
}

/// Says which problems an operation may answer, by status.
fn add_problems(operation: &mut Operation) {
    let mut by_status = BTreeMap::<u16, BTreeSet<&str>>::new();
    for code in problems(operation) {
        by_status
            .entry(code.status())
            .or_default()
            .insert(code.as_str());
    }
    for (status, codes) in by_status {
        let codes: Vec<_> = codes.into_iter().map(|code| format!("`{code}`")).collect();
        let mut response = Response::new(codes.join(", "));
        let schema = Ref::from_schema_name("Problem");
        response
            .content
            .insert(PROBLEM_JSON.to_owned(), Content::new(Some(schema)).into());
        operation
            .responses
            .responses
            .insert(status.to_string(), response.into());
    }
}

fn problems(operation: &Operation) -> Vec<Code> {
    let mut codes = vec![Code::Internal, Code::Overloaded];
    let id = operation.operation_id.as_deref().unwrap_or_default();
    if !matches!(id, "healthz" | "readyz") {
        codes.extend([Code::RateLimited, Code::LimitsUnavailable]);
    }
    if operation.security.is_none() {
        codes.extend([
            Code::Unauthenticated,
            Code::TokenExpired,
            Code::AuthUnavailable,
        ]);
        if id != "list_buckets" {
            codes.extend([Code::CatalogUnavailable, Code::Forbidden]);
        }
    }
    if operation.request_body.is_some() {
        codes.extend([
            Code::MalformedRequest,
            Code::BodyTooLarge,
            Code::ContentTypeUnsupported,
            Code::InvalidRequest,
            Code::UnknownField,
        ]);
    }
    codes.extend_from_slice(own_problems(id));
    codes
}

/// The problems that belong to one operation.
fn own_problems(operation_id: &str) -> &'static [Code] {
    match operation_id {
        "abort_upload" | "delete_file" => &[
            Code::NotFound,
            Code::Conflict,
            Code::StorageUnavailable,
            Code::StorageFull,
        ],
        "patch_file" => &[Code::NotFound, Code::Conflict, Code::StorageFull],
        "explain_policy" => &[Code::NotFound],
        id if id.ends_with("_webhook") || id.ends_with("_webhooks") || id == "list_deliveries" => {
            webhook_problems(id)
        }
        id if id.contains("_link") || id.contains("_drop") => link_problems(id),
        id if id.ends_with("_api_key") => key_problems(id),
        "sweep" => &[Code::Forbidden, Code::StorageUnavailable, Code::StorageFull],
        "list_files" => &[Code::MalformedRequest, Code::InvalidRequest],
        "list_events" => &[
            Code::MalformedRequest,
            Code::InvalidRequest,
            Code::Forbidden,
            Code::EventsForgotten,
        ],
        "get_file" => &[Code::NotFound],
        "create_download" | "get_content" => &[
            Code::NotFound,
            Code::ClockSkew,
            Code::StorageUnavailable,
            Code::StorageFull,
        ],
        "open_content" => &[
            Code::NotFound,
            Code::TokenExpired,
            Code::ClockSkew,
            Code::CatalogUnavailable,
            Code::StorageUnavailable,
            Code::StorageFull,
        ],
        "open_public" => &[
            Code::NotFound,
            Code::ClockSkew,
            Code::CatalogUnavailable,
            Code::StorageUnavailable,
            Code::StorageFull,
        ],
        "readyz" => &[
            Code::AuthUnavailable,
            Code::LimitsUnavailable,
            Code::CatalogUnavailable,
            Code::StorageUnavailable,
            Code::ClockSkew,
        ],
        "create_downloads" => &[Code::BatchTooLarge, Code::StorageFull],
        _ => upload_problems(operation_id),
    }
}

/// The problems of making, managing and using links.
fn link_problems(operation_id: &str) -> &'static [Code] {
    match operation_id {
        "create_link" | "create_drop" => &[Code::NotFound, Code::Conflict, Code::StorageFull],
        "list_links" | "list_drops" => &[Code::MalformedRequest, Code::InvalidRequest],
        "list_link_uses" => &[Code::NotFound, Code::MalformedRequest, Code::InvalidRequest],
        "open_link" | "use_link" => &[
            Code::NotFound,
            Code::LinkOver,
            Code::Unauthenticated,
            Code::Forbidden,
            Code::ClockSkew,
            Code::CatalogUnavailable,
            Code::StorageFull,
        ],
        "open_drop" | "create_drop_ticket" => {
            &[Code::NotFound, Code::LinkOver, Code::CatalogUnavailable]
        }
        "send_by_drop" => &[
            Code::NotFound,
            Code::LinkOver,
            Code::InvalidRequest,
            Code::ContentTypeNotAllowed,
            Code::FileTooLarge,
            Code::QuotaExceeded,
            Code::TooManyUploads,
            Code::ClockSkew,
            Code::CatalogUnavailable,
            Code::StorageFull,
        ],
        _ => &[Code::NotFound],
    }
}

/// The problems of managing API keys.
fn key_problems(operation_id: &str) -> &'static [Code] {
    match operation_id {
        "create_api_key" => &[Code::Conflict, Code::StorageFull],
        "revoke_api_key" => &[Code::NotFound],
        _ => &[Code::NotFound, Code::Conflict, Code::StorageFull],
    }
}

/// The problems of managing webhooks.
fn webhook_problems(operation_id: &str) -> &'static [Code] {
    match operation_id {
        "create_webhook" => &[Code::Forbidden, Code::Conflict, Code::StorageFull],
        "list_webhooks" => &[Code::Forbidden],
        "get_webhook" => &[Code::Forbidden, Code::NotFound],
        "patch_webhook" | "delete_webhook" | "rotate_webhook" => &[
            Code::Forbidden,
            Code::NotFound,
            Code::Conflict,
            Code::StorageFull,
        ],
        "test_webhook" => &[Code::Forbidden, Code::NotFound, Code::Conflict],
        "replay_webhook" => &[Code::Forbidden, Code::NotFound, Code::StorageFull],
        "list_deliveries" => &[
            Code::Forbidden,
            Code::NotFound,
            Code::MalformedRequest,
            Code::InvalidRequest,
        ],
        _ => &[],
    }
}

/// The problems of the classic routes.
fn classic_problems(operation_id: &str) -> &'static [Code] {
    match operation_id {
        "request_upload" | "presign_image" => &[
            Code::NotFound,
            Code::QuotaExceeded,
            Code::TooManyUploads,
            Code::ContentTypeNotAllowed,
            Code::ClockSkew,
            Code::StorageUnavailable,
            Code::StorageFull,
        ],
        "request_download" => &[
            Code::NotFound,
            Code::Conflict,
            Code::TypeMismatch,
            Code::FileTooLarge,
            Code::StorageUnavailable,
            Code::ClockSkew,
            Code::StorageFull,
        ],
        "list_classic_files" => &[Code::NotFound, Code::MalformedRequest, Code::InvalidRequest],
        "delete_classic_file" => &[
            Code::NotFound,
            Code::Conflict,
            Code::StorageUnavailable,
            Code::StorageFull,
        ],
        _ => &[],
    }
}

/// The problems of a way from a wish to a file.
fn upload_problems(operation_id: &str) -> &'static [Code] {
    match operation_id {
        "create_upload" => &[
            Code::RequestInProgress,
            Code::IdempotencyMismatch,
            Code::FileTooLarge,
            Code::QuotaExceeded,
            Code::TooManyUploads,
            Code::ContentTypeNotAllowed,
            Code::StorageUnavailable,
            Code::ClockSkew,
            Code::StorageFull,
        ],
        "create_uploads" | "complete_uploads" => &[Code::BatchTooLarge, Code::StorageFull],
        "get_upload" => &[Code::NotFound, Code::StorageUnavailable],
        "sign_parts" => &[
            Code::NotFound,
            Code::Conflict,
            Code::UploadExpired,
            Code::BatchTooLarge,
            Code::ClockSkew,
            Code::StorageUnavailable,
            Code::StorageFull,
        ],
        "complete_upload" => &[
            Code::NotFound,
            Code::Conflict,
            Code::UploadIncomplete,
            Code::SizeMismatch,
            Code::ChecksumMismatch,
            Code::TypeMismatch,
            Code::UploadExpired,
            Code::StorageUnavailable,
            Code::StorageFull,
        ],
        _ => classic_problems(operation_id),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::door::PUBLIC_ROUTES;

    fn parsed() -> Value {
        serde_json::from_str(&document()).unwrap()
    }

    #[test]
    fn the_document_is_the_one_checked_in() {
        let checked_in = include_str!("../../../openapi.json");
        assert!(
            document() == checked_in,
            "the API changed: if it was meant to, run `cargo run --release -- openapi > openapi.json`"
        );
    }

    #[test]
    fn exactly_the_public_routes_ask_for_no_token() {
        let document = parsed();
        assert_eq!(document["security"], serde_json::json!([{BEARER: []}]));
        let mut open = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for operation in item.as_object().unwrap().values() {
                if operation.get("security").is_some() {
                    assert_eq!(operation["security"], serde_json::json!([{}]), "{path}");
                    open.insert(path.as_str());
                }
            }
        }
        let open: BTreeSet<_> = open.into_iter().map(str::to_owned).collect();
        let routes = PUBLIC_ROUTES.iter().map(|path| path.replace("{*", "{"));
        assert_eq!(open, routes.collect());
    }

    #[test]
    fn every_operation_has_a_verb_of_its_own_and_says_how_it_fails() {
        let document = parsed();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
        let mut ids = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for operation in item.as_object().unwrap().values() {
                assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()));
                let failure =
                    &operation["responses"]["500"]["content"][PROBLEM_JSON]["schema"]["$ref"];
                assert_eq!(failure, "#/components/schemas/Problem", "{path}");
            }
        }
        assert!(ids.len() >= 19, "{ids:?}");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn walk(value: &Value, found: &mut BTreeSet<String>) {
            match value {
                Value::Object(members) => {
                    for (name, value) in members {
                        if let ("$ref", Some(target)) = (name.as_str(), value.as_str()) {
                            found.insert(target.to_owned());
                        }
                        walk(value, found);
                    }
                }
                Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
                _ => {}
            }
        }
        let (document, mut found) = (parsed(), BTreeSet::new());
        walk(&document, &mut found);
        assert!(!found.is_empty());
        for target in found {
            let pointer = target.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{target}");
        }
    }
}
