//! `valetkey openapi`

use serde_json::Value;

use crate::support::{Ran, valetkey};

#[test]
fn the_document_is_printed() {
    let printed = Ran::of(valetkey().arg("openapi")).well();
    let document: Value = serde_json::from_str(&printed).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert!(document["paths"]["/v1/uploads"]["post"].is_object());
}
