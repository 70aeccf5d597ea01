//! The list of what an object was before.

use serde::Deserialize;

use super::list::Names;

/// `<ListVersionsResult>`: versions and markers in any order, between facts we need not know.
#[derive(Debug, Deserialize)]
pub(in crate::s3) struct ListVersionsResult {
    #[serde(rename = "$value", default)]
    elements: Vec<Element>,
}

#[derive(Debug, Deserialize)]
enum Element {
    EncodingType(String),
    Version(Version),
    DeleteMarker(Version),
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    key: String,
    version_id: String,
}

impl ListVersionsResult {
    /// The ids of the versions and markers of one key; others that begin as it does are left out.
    pub(in crate::s3) fn versions_of(self, key: &str) -> Vec<String> {
        let encoding = self.elements.iter().find_map(|element| match element {
            Element::EncodingType(name) => Some(name.as_str()),
            _ => None,
        });
        let names = Names::of(encoding);
        let versions = self
            .elements
            .into_iter()
            .filter_map(|element| match element {
                Element::Version(version) | Element::DeleteMarker(version) => Some(version),
                Element::EncodingType(_) | Element::Other => None,
            });
        versions
            .filter_map(|version| (names.read(version.key) == key).then_some(version.version_id))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Document, read};
    use super::*;

    #[test]
    fn versions_and_markers_of_one_key_are_found_between_those_of_others() {
        let entry = |element: &str, key: &str, id: &str| {
            format!(
                "<{element}><Key>{key}</Key><VersionId>{id}</VersionId><IsLatest>true</IsLatest>\
                 <Owner><ID>x</ID></Owner></{element}>"
            )
        };
        let text = format!(
            "<ListVersionsResult><Name>b</Name><KeyMarker/><IsTruncated>false</IsTruncated>\
             <EncodingType>url</EncodingType>{}{}{}{}{}</ListVersionsResult>",
            entry("DeleteMarker", "a+b", "3"),
            entry("Version", "a%20b", "2"),
            entry("DeleteMarker", "a+b", "1.x"),
            entry("Version", "a+b", "null"),
            entry("Version", "a+b%2Fc", "4"),
        );
        let Some(Document::Result(list)) =
            read::<ListVersionsResult>(text.as_bytes(), "ListVersionsResult")
        else {
            panic!("{text}");
        };
        assert_eq!(list.versions_of("a b"), ["3", "2", "1.x", "null"]);
    }

    #[test]
    fn a_list_without_versions_is_empty() {
        let text = "<ListVersionsResult><Name>b</Name><Prefix>a</Prefix></ListVersionsResult>";
        let Some(Document::Result(list)) =
            read::<ListVersionsResult>(text.as_bytes(), "ListVersionsResult")
        else {
            panic!("{text}");
        };
        assert!(list.versions_of("a").is_empty());
    }
}
