//! Azure: each version signs the lines Microsoft lists for it, and what cannot be signed is refused.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use valetkey_sign::azure::shared_key::{Call, authorize};
use valetkey_sign::azure::{
    Account, AccountKey, AzureError, Grant, Overrides, Protocol, Resource, Sas, SasKey,
    UserDelegationKey,
};
use valetkey_sign::s3::Method;

const SECRET: &str = "bXkga2V5IGlzIG5vdCBhIHNlY3JldA==";
const EXPIRY: &str = "2026-01-02T03:19:05Z";

/// Every version that has a form of its own, the one before the next and the one the latest SDKs send.
const VERSIONS: [&str; 9] = [
    "2015-04-05",
    "2018-03-28",
    "2018-11-09",
    "2020-02-10",
    "2020-12-06",
    "2024-11-04",
    "2025-07-05",
    "2026-02-06",
    "2026-04-06",
];

const BLOB: Resource<'_> = Resource::Blob {
    container: "photos",
    blob: "a b/é+%.jpg",
};
const CONTAINER: Resource<'_> = Resource::Container {
    container: "photos",
};
const DIRECTORY: Resource<'_> = Resource::Directory {
    container: "photos",
    directory: "a/b c",
};

fn account() -> Account {
    Account::new("myaccount").unwrap()
}

fn account_key() -> AccountKey {
    AccountKey::from_base64(SECRET).unwrap()
}

fn delegation_key() -> UserDelegationKey {
    let (start, expiry) = ("2026-01-01T00:00:00Z", "2026-01-07T00:00:00Z");
    let mut key =
        UserDelegationKey::new("oid", "tid", (start, expiry), "b", "2020-02-10", SECRET).unwrap();
    key.signed_delegated_user_tid = Some("dtid".to_owned());
    key
}

fn grant(version: &'static str) -> Grant<'static> {
    Grant {
        start: Some("2026-01-02".parse().unwrap()),
        ip: Some("10.0.0.1-10.0.0.9"),
        protocol: Some(Protocol::Https),
        version,
        encryption_scope: Some("scope"),
        overrides: Overrides {
            cache_control: Some("no-store"),
            content_disposition: Some("inline"),
            content_encoding: Some("gzip"),
            content_language: Some("de"),
            content_type: Some("x/y"),
        },
        ..Grant::new("rcw", EXPIRY).unwrap()
    }
}

/// The lines of create-service-sas and create-user-delegation-sas, version by version.
fn documented(version: &str, delegated: bool, resource: &Resource<'_>) -> String {
    let (path, kind) = match resource {
        Resource::Blob { .. } => ("photos/a b/é+%.jpg", "b"),
        Resource::Container { .. } => ("photos", "c"),
        Resource::Directory { .. } => ("photos/a/b c", "d"),
    };
    let path = format!("/blob/myaccount/{path}");
    let mut lines = vec!["rcw", "2026-01-02", EXPIRY, &*path];
    if delegated {
        let period = ["2026-01-01T00:00:00Z", "2026-01-07T00:00:00Z"];
        lines.extend(["oid", "tid", period[0], period[1], "b", "2020-02-10"]);
        if version >= "2020-02-10" {
            lines.extend([""; 3]);
        }
        if version >= "2025-07-05" {
            lines.extend(["dtid", ""]);
        }
    } else {
        lines.push("policy");
    }
    lines.extend(["10.0.0.1-10.0.0.9", "https", version]);
    if version >= "2018-11-09" {
        lines.extend([kind, ""]);
    }
    if version >= "2020-12-06" {
        lines.push("scope");
    }
    if version >= "2026-04-06" && delegated {
        lines.extend([""; 2]);
    }
    lines.extend(["no-store", "inline", "gzip", "de", "x/y"]);
    lines.join("\n")
}

fn signature_of(text: &str) -> String {
    let secret = STANDARD.decode(SECRET).unwrap();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&secret).unwrap();
    mac.update(text.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

#[test]
fn every_version_signs_the_lines_that_are_listed_for_it() {
    let (own, delegated) = (account_key(), delegation_key());
    let keys = [SasKey::from(&own), SasKey::from(&delegated)];
    for (version, key) in VERSIONS.into_iter().flat_map(|v| keys.map(|key| (v, key))) {
        let is_delegated = matches!(key, SasKey::Delegation(_));
        if is_delegated && version < "2018-11-09" {
            continue;
        }
        let grant = Grant {
            identifier: (!is_delegated).then_some("policy"),
            ..grant(version)
        };
        let sas = Sas::new(&account(), key, &grant).unwrap();
        for resource in [BLOB, CONTAINER, DIRECTORY] {
            let mut token = String::new();
            match sas.token(&resource, &mut token) {
                Err(refused) => {
                    assert!(resource == DIRECTORY && version < "2020-02-10");
                    let given = version.to_owned();
                    let oldest = "2020-02-10";
                    assert_eq!(refused, AzureError::Version { given, oldest });
                    assert!(token.is_empty());
                }
                Ok(()) => {
                    let text = documented(version, is_delegated, &resource);
                    let signature = signature_of(&text).replace('+', "%2B").replace('/', "%2F");
                    let end = format!("&sig={}", signature.replace('=', "%3D"));
                    assert!(token.ends_with(&end), "{version} {resource:?}\n{text}");
                }
            }
        }
    }
}

#[test]
fn a_container_without_anything_below_and_a_directory_with_its_depth_are_named() {
    let key = account_key();
    let sas = Sas::new(&account(), &key, &Grant::new("rl", EXPIRY).unwrap()).unwrap();
    for (resource, path, part) in [
        (CONTAINER, "/photos?", "&sr=c&"),
        (DIRECTORY, "/photos/a/b%20c?", "&sr=d&sdd=2&"),
        (BLOB, "/photos/a%20b/%C3%A9%2B%25.jpg?", "&sr=b&"),
    ] {
        let mut url = String::new();
        sas.url(&resource, &mut url).unwrap();
        let origin = "https://myaccount.blob.core.windows.net";
        assert!(url.starts_with(&format!("{origin}{path}")), "{url}");
        assert!(url.contains(part), "{url}");
    }
}

#[test]
fn names_that_would_be_others_to_the_service_are_refused() {
    let key = account_key();
    let sas = Sas::new(&account(), &key, &Grant::new("r", EXPIRY).unwrap()).unwrap();
    let blob = |blob| Resource::Blob {
        container: "photos",
        blob,
    };
    let below = |directory| Resource::Directory {
        container: "photos",
        directory,
    };
    let control = || AzureError::Control { part: "name" };
    for (resource, expected) in [
        (blob(""), AzureError::EmptyName),
        (blob("a/../b"), AzureError::DotSegment),
        (blob("."), AzureError::DotSegment),
        (blob("a\nb"), control()),
        (blob("a\r"), control()),
        (below(""), AzureError::EmptyName),
        (below("a/"), AzureError::Directory),
        (below("/a"), AzureError::Directory),
        (below("a//b"), AzureError::Directory),
        (below(".."), AzureError::DotSegment),
        (
            Resource::Container { container: "A/b" },
            AzureError::Container { name: "A/b".into() },
        ),
    ] {
        let mut out = String::from("kept");
        assert_eq!(sas.url(&resource, &mut out), Err(expected.clone()));
        assert_eq!(sas.token(&resource, &mut out), Err(expected));
        assert_eq!(out, "kept");
    }
    for blob_name in ["a//b", "/a", "a/", " ", "...", "\\", "\0", "%2e%2e"] {
        assert!(sas.url(&blob(blob_name), &mut String::new()).is_ok());
    }
}

#[test]
fn grants_that_would_break_the_text_are_refused() {
    let sign = |grant: &Grant<'_>| Sas::new(&account(), &account_key(), grant).map(drop);
    let good = || Grant::new("r", EXPIRY).unwrap();
    for permissions in ["", "R", "r\n", "r w"] {
        let wrong = Grant {
            permissions,
            ..good()
        };
        assert!(matches!(sign(&wrong), Err(AzureError::Permissions { .. })));
    }
    for version in ["", "2014-02-14", "2026-13-01", "2026-04-06\n", "newest"] {
        let wrong = Grant { version, ..good() };
        assert!(matches!(sign(&wrong), Err(AzureError::Version { .. })));
    }
    for ip in ["", "10.0.0.9-10.0.0.1", "10.0.0", "::1", "10.0.0.1-"] {
        let wrong = Grant {
            ip: Some(ip),
            ..good()
        };
        assert!(matches!(sign(&wrong), Err(AzureError::Ip { .. })));
    }
    let mut key = delegation_key();
    key.signed_oid = "oid\ntid".to_owned();
    let refused = Sas::new(&account(), &key, &good()).map(drop);
    assert!(matches!(refused, Err(AzureError::Control { .. })));
    let named = Grant {
        identifier: Some("policy"),
        ..good()
    };
    let refused = Sas::new(&account(), &delegation_key(), &named).map(drop);
    assert_eq!(refused, Err(AzureError::PolicyWithDelegation));
    for time in [
        "2026-1-2",
        "tomorrow",
        "2026-01-02T03:04:05+01:00",
        "2026-02-30",
    ] {
        assert!(matches!(
            Grant::new("r", time),
            Err(AzureError::Time { .. })
        ));
    }
}

#[test]
fn a_call_is_signed_as_microsoft_lists_it() {
    let call = Call {
        method: Method::Put,
        path: "photos/a b",
        query: &[("timeout", "30"), ("comp", "metadata")],
        headers: &[
            ("x-ms-version", "2024-11-04"),
            ("content-length", "0"),
            ("x-ms-meta-a", " b "),
        ],
    };
    let at = "2026-01-02T03:04:05Z".parse().unwrap();
    let signed = authorize(&account(), &account_key(), &call, at).unwrap();
    let text = "PUT\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 02 Jan 2026 03:04:05 GMT\n\
                x-ms-meta-a:b\nx-ms-version:2024-11-04\n/myaccount/photos/a%20b\ncomp:metadata\ntimeout:30";
    let [(_, date), (_, authorization)] = &signed.headers;
    assert_eq!(date, "Fri, 02 Jan 2026 03:04:05 GMT");
    let expected = format!("SharedKey myaccount:{}", signature_of(text));
    assert_eq!(*authorization, expected);
    let host = "https://myaccount.blob.core.windows.net";
    assert_eq!(
        signed.url,
        format!("{host}/photos/a%20b?timeout=30&comp=metadata")
    );
}
