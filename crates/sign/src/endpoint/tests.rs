use super::*;

fn path(url: &str) -> Result<Endpoint, EndpointError> {
    Endpoint::parse(url, "photos", AddressingStyle::Path)
}

fn parts(endpoint: &Endpoint) -> (&str, &str, &str) {
    (
        endpoint.scheme(),
        endpoint.authority(),
        endpoint.path_prefix(),
    )
}

#[test]
fn endpoints_are_taken_apart_and_default_ports_dropped() {
    for (url, scheme, authority, prefix) in [
        (
            "https://s3.eu-west-3.amazonaws.com",
            "https",
            "s3.eu-west-3.amazonaws.com",
            "/photos",
        ),
        (
            "https://s3.example.com/",
            "https",
            "s3.example.com",
            "/photos",
        ),
        (
            "https://s3.example.com:443",
            "https",
            "s3.example.com",
            "/photos",
        ),
        (
            "https://s3.example.com:80",
            "https",
            "s3.example.com:80",
            "/photos",
        ),
        ("http://minio:80/", "http", "minio", "/photos"),
        ("http://minio_1:443", "http", "minio_1:443", "/photos"),
        ("http://127.0.0.1:9000", "http", "127.0.0.1:9000", "/photos"),
        ("http://[::1]:9000", "http", "[::1]:9000", "/photos"),
        ("http://[0:0:0:0:0:0:0:1]:80", "http", "[::1]", "/photos"),
        (
            "http://[::ffff:10.0.0.1]",
            "http",
            "[::ffff:a00:1]",
            "/photos",
        ),
        (
            "HTTPS://S3.Example.COM",
            "https",
            "s3.example.com",
            "/photos",
        ),
        (
            "https://db.example.co/storage/v1/s3/",
            "https",
            "db.example.co",
            "/storage/v1/s3/photos",
        ),
        (
            "http://minio.ns.svc.cluster.local.:9000",
            "http",
            "minio.ns.svc.cluster.local.:9000",
            "/photos",
        ),
    ] {
        let endpoint = path(url).unwrap();
        assert_eq!(parts(&endpoint), (scheme, authority, prefix), "{url}");
        assert_eq!(endpoint.bucket(), "photos");
    }
}

#[test]
fn virtual_host_style_puts_the_bucket_in_front_of_the_host() {
    let style = AddressingStyle::VirtualHost;
    let endpoint = Endpoint::parse("https://s3.example.com:8443/base", "photos", style).unwrap();
    assert_eq!(
        parts(&endpoint),
        ("https", "photos.s3.example.com:8443", "/base")
    );
    let endpoint = Endpoint::parse("http://localhost:9000", "my.photos", style).unwrap();
    assert_eq!(parts(&endpoint), ("http", "my.photos.localhost:9000", ""));
}

#[test]
fn virtual_host_style_refuses_addresses() {
    for url in ["http://127.0.0.1:9000", "http://[::1]:9000"] {
        let refused = Endpoint::parse(url, "photos", AddressingStyle::VirtualHost);
        assert_eq!(refused, Err(EndpointError::VirtualHostWithAddress), "{url}");
    }
}

#[test]
fn anything_more_than_scheme_host_port_and_base_is_refused() {
    use EndpointError as E;
    for url in ["", "s3.host", "ftp://host", "//host", "https:/host"] {
        assert_eq!(path(url), Err(E::Scheme), "{url}");
    }
    for url in [
        "https://ho st",
        "https://host\n",
        "\thttps://host",
        "https://h\\x",
    ] {
        assert_eq!(path(url), Err(E::ForbiddenCharacter), "{url:?}");
    }
    for url in ["https://h?x", "https://h/?", "https://h#", "https://h/a#b"] {
        assert_eq!(path(url), Err(E::QueryOrFragment), "{url}");
    }
    for base in "// //a /a//b /. /a/../b /%20 /é".split(' ') {
        let refused = path(&format!("https://h{base}"));
        assert!(matches!(refused, Err(E::BasePath { .. })), "{base}");
    }
}

#[test]
fn hosts_and_ports_that_others_would_rewrite_are_refused() {
    let hosts = "/x . a..b -a a-.b hôte a%41 a,b [::1]x [fe80::1%25eth0] [1.2.3.4] \
                 127.1 0x7f.1 0x 1.2.3.256 1.2.3.4. 127.0.0.01";
    for host in hosts.split_whitespace() {
        let refused = path(&format!("https://{host}"));
        assert!(matches!(refused, Err(EndpointError::Host { .. })), "{host}");
    }
    for authority in "h: h:0 h:65536 h:+80 h:8a h:80:80 ::1 [::1".split(' ') {
        let refused = path(&format!("https://{authority}"));
        assert!(
            matches!(refused, Err(EndpointError::Port { .. })),
            "{authority}"
        );
    }
    assert!(matches!(path("https://"), Err(EndpointError::Host { .. })));
}

#[test]
fn user_info_is_refused_and_never_repeated() {
    for url in [
        "https://key:s3cr3t@host",
        "https://key:s3c/r3t@host",
        "https://key:s3c?r3t@host",
        "https://@host",
    ] {
        let refused = path(url).unwrap_err();
        assert_eq!(refused, EndpointError::UserInfo, "{url}");
        assert!(!format!("{refused} {refused:?}").contains("s3c"));
    }
}

#[test]
fn bucket_names_must_fit_their_place() {
    let parse = |bucket: &str, style| Endpoint::parse("https://host", bucket, style).is_ok();
    for bucket in ["", ".", "..", "a/b", "a b", "a%b", "a?b", "é"] {
        assert!(!parse(bucket, AddressingStyle::Path), "{bucket}");
        assert!(!parse(bucket, AddressingStyle::VirtualHost), "{bucket}");
    }
    for only_in_paths in [
        "Photos",
        "my_photos",
        "-photos",
        "photos.",
        "a..b",
        &"x".repeat(64),
    ] {
        assert!(
            parse(only_in_paths, AddressingStyle::Path),
            "{only_in_paths}"
        );
        assert!(
            !parse(only_in_paths, AddressingStyle::VirtualHost),
            "{only_in_paths}"
        );
    }
}
