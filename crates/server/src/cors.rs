//! Which web pages may call the API. No cookie is ever used, so credentials are never allowed.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::door::REQUEST_ID;
use crate::limits::{RATELIMIT, RATELIMIT_POLICY};
use crate::parts::IDEMPOTENCY_KEY;

/// How long a browser may remember a preflight.
const MAX_AGE: Duration = Duration::from_secs(3600);

/// The layer for a list of origins; none when it is empty.
pub(crate) fn layer(origins: &[String]) -> Option<CorsLayer> {
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(
            origins
                .iter()
                .filter_map(|origin| HeaderValue::from_str(origin).ok()),
        )
    };
    let exposed: [HeaderName; 7] = [
        REQUEST_ID,
        // Clients set their own clock right by it.
        header::DATE,
        header::RETRY_AFTER,
        header::LOCATION,
        header::WWW_AUTHENTICATE,
        RATELIMIT,
        RATELIMIT_POLICY,
    ];
    let layer = CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            IDEMPOTENCY_KEY,
            REQUEST_ID,
            HeaderName::from_static("last-event-id"),
        ])
        .expose_headers(exposed)
        .max_age(MAX_AGE);
    (!origins.is_empty()).then_some(layer)
}
