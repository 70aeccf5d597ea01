//! Whoever comes without a token, where the configuration says that they may act as somebody.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderValue, Uri, header};
use valetkey_engine::Principal;
use valetkey_protocol::{Code, Problem, Subject};

use crate::config::{Config, ConfigError};

/// Who requests without a token act as.
pub(crate) struct Anonymous {
    who: Principal,
    /// The origins whose pages may do so.
    origins: Vec<String>,
}

impl Anonymous {
    /// As the configuration says; nobody if it names nobody.
    ///
    /// # Errors
    /// It names nobody who there can be.
    pub(crate) fn of(config: &Config) -> Result<Option<Self>, ConfigError> {
        let subject = config.compat.classic.anonymous()?;
        Ok(subject.map(|subject| Self::new(subject, &config.cors_origins)))
    }

    /// Lets them act as a subject, without any role. Of web pages only those of this machine and those listed by name
    /// may do so: `*` is about requests that carry a token.
    fn new(subject: Subject, origins: &[String]) -> Self {
        let who = Principal::new(subject, Vec::new());
        let named = origins.iter().filter(|origin| *origin != "*");
        Self {
            who,
            origins: named.cloned().collect(),
        }
    }

    /// Who a request acts as that has no token; `None` when it has one, which then counts.
    ///
    /// # Errors
    /// It comes from a web page that may not do so: any page somebody visits could otherwise act within their network.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> Option<Result<Principal, Problem>> {
        if headers.contains_key(header::AUTHORIZATION) {
            return None;
        }
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let good = origins.all(|origin| self.is_good(origin));
        Some(if good {
            Ok(self.who.clone())
        } else {
            let detail = "a page of this origin may not act without a token: send one, or have the operator list the \
                 origin by name in `cors_origins`";
            Err(Problem::new(Code::Unauthenticated, detail))
        })
    }

    fn is_good(&self, origin: &HeaderValue) -> bool {
        let text = origin.to_str().unwrap_or_default();
        self.origins.iter().any(|one| one == text) || is_of_this_machine(text)
    }
}

/// Whether an origin is that of a page which a program on this machine serves.
fn is_of_this_machine(origin: &str) -> bool {
    let uri = origin.parse::<Uri>().ok();
    let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    match address.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(origins: &[&str], headers: &[(&'static str, &str)]) -> Option<bool> {
        let origins: Vec<_> = origins.iter().map(|one| (*one).to_owned()).collect();
        let anonymous = Anonymous::new(Subject::parse("guest").unwrap(), &origins);
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let admitted = anonymous.admit(&map)?;
        if let Ok(who) = &admitted {
            assert!(who.subject.as_str() == "guest" && who.roles.is_empty());
        }
        Some(admitted.is_ok())
    }

    #[test]
    fn a_token_counts_whenever_there_is_one() {
        assert_eq!(admitted(&[], &[("authorization", "Bearer x")]), None);
        assert_eq!(admitted(&[], &[]), Some(true));
    }

    #[test]
    fn pages_of_elsewhere_may_not_unless_they_are_listed_by_name() {
        for (origin, good) in [
            ("http://localhost:3000", true),
            ("http://app.localhost", true),
            ("http://127.0.0.1:5173", true),
            ("http://[::1]:5173", true),
            ("https://app.example", true),
            ("https://app.example.evil.example", false),
            ("http://localhost.evil.example", false),
            ("http://10.0.0.1", false),
            ("null", false),
            ("", false),
        ] {
            let origins = ["*", "https://app.example"];
            assert_eq!(
                admitted(&origins, &[("origin", origin)]),
                Some(good),
                "{origin}"
            );
        }
        let two = [
            ("origin", "http://localhost"),
            ("origin", "https://evil.example"),
        ];
        assert_eq!(admitted(&["*"], &two), Some(false));
    }
}
