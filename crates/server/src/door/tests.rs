use axum::Router;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use super::*;
use crate::clock::{SystemClock, Uptime};
use crate::config::{AuthConfig, Config, LimitsConfig, PolicyConfig};
use crate::limits::{LocalLimiter, Rates};

/// Nobody has a key here.
struct NoKeys;

#[async_trait::async_trait]
impl KeyRing for NoKeys {
    async fn holder(
        &self,
        _: &str,
        _: Option<valetkey_protocol::Subject>,
    ) -> Result<(Principal, Duration), Failure> {
        Err(Failure::new(Code::Unauthenticated, "there is no key"))
    }

    fn content(&self, _: &str) -> Result<(), Failure> {
        Err(Failure::new(Code::NotFound, "there is no such URL"))
    }

    async fn dropper(&self, _: &str) -> Result<(Principal, Duration), Failure> {
        Err(Failure::new(Code::Unauthenticated, "there is no drop link"))
    }
}

/// A router of one public route behind the door.
fn behind_the_door<H, T>(handler: H) -> Router
where
    H: axum::handler::Handler<T, ()>,
    T: 'static,
{
    let metrics = Metrics::default();
    let (config, uptime) = (LimitsConfig::default(), Arc::new(Uptime::start()));
    let limiter = LocalLimiter::new(&Rates::new(&config), uptime.clone(), &metrics.limits());
    let door = Door {
        limits: Arc::new(Limits::new(
            &config,
            Arc::new(limiter),
            uptime,
            metrics.limits(),
        )),
        verifier: Verifier::new(
            &AuthConfig::default(),
            &PolicyConfig::default(),
            Arc::new(SystemClock),
            &Arc::default(),
        )
        .unwrap(),
        keys: Arc::new(NoKeys),
        policies: Arc::new(PolicySource::new(&Config::default())),
        metrics: Arc::new(metrics),
        request_ids: RequestIds::new().unwrap(),
        traced: false,
        anonymous: None,
    };
    let routes = Router::new().route("/healthz", get(handler));
    routes.layer(axum::middleware::from_fn_with_state(Arc::new(door), pass))
}

async fn ask(router: Router) -> (StatusCode, Value) {
    let request = Request::get("/healthz").header("host", "a");
    let request = request.body(Body::empty()).unwrap();
    let response = router.oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

#[expect(clippy::panic, reason = "this handler is there to panic")]
async fn panicking() -> StatusCode {
    panic!("hunter2")
}

#[tokio::test]
async fn a_panic_is_an_internal_problem_and_tells_nothing() {
    let (status, problem) = ask(behind_the_door(panicking)).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(problem["code"], "internal");
    assert!(!problem.to_string().contains("hunter2"));
}

#[tokio::test]
async fn what_is_behind_a_fault_is_not_told() {
    let (status, problem) = ask(behind_the_door(|| async {
        Failure::internal("the details of it")
    }))
    .await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!problem.to_string().contains("details"), "{problem}");
}

#[tokio::test]
async fn handlers_that_want_a_caller_get_none_on_a_public_route() {
    let (status, problem) = ask(behind_the_door(|_: crate::parts::Caller| async {
        StatusCode::OK
    }))
    .await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(problem["code"], "unauthenticated");
}
