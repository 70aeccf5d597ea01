//! The fields of a form that come before its file.

use http::{HeaderMap, HeaderName, HeaderValue};
use s3s::S3ErrorCode;
use s3s::dto::{Metadata, Tagging};
use s3s::xml::{Deserialize as _, Deserializer};

use super::invalid;
use crate::error::Failure;

/// Where the name of the uploaded file goes.
const FILENAME: &str = "${filename}";
/// Fields that stand for headers of a PUT, besides `x-amz-*`.
const HEADERS: [&str; 7] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-md5",
    "content-type",
    "expires",
];

/// Fields that S3 does not know in forms, and that would be missed if they were ignored.
const NOT_OF_FORMS: [&str; 4] = [
    "if-match",
    "if-none-match",
    "x-amz-copy-source",
    "x-amz-tagging",
];

/// Names, in lower case, and values; no name occurs twice.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Adds a field. Names are the same whatever their case.
    pub(super) fn add(&mut self, name: &str, value: String) -> Result<(), Failure> {
        let name = name.to_ascii_lowercase();
        if self.get(&name).is_some() {
            return Err(invalid(format!(
                "POST requires at most one field named '{name}'."
            )));
        }
        self.0.push((name, value));
        Ok(())
    }

    /// Puts the name of the file into the key, without the folders it may have come with.
    pub(super) fn expand(&mut self, filename: Option<&str>) {
        let filename = filename.unwrap_or_default();
        let base = filename.rsplit(['/', '\\']).next().unwrap_or_default();
        for (_, value) in self.0.iter_mut().filter(|(name, _)| name == "key") {
            *value = value.replace(FILENAME, base);
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        Some(value)
    }

    /// A field the form cannot do without.
    pub(super) fn require(&self, name: &str) -> Result<&str, Failure> {
        self.get(name).ok_or_else(|| {
            invalid(format!(
                "Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the fields."
            ))
        })
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The key, by the rules of a PUT.
    pub(super) fn key(&self) -> Result<&str, Failure> {
        let key = self.require("key")?;
        if key.is_empty() {
            return Err(invalid("User key must have a length greater than 0."));
        }
        if !s3s::path::check_key(key) {
            return Err(Failure::refuse(
                S3ErrorCode::KeyTooLongError,
                "Your key is too long",
            ));
        }
        Ok(key)
    }

    /// What the fields would be as the headers of a PUT.
    pub(super) fn headers(&self) -> Result<HeaderMap, Failure> {
        let mut headers = HeaderMap::new();
        if let Some(name) = self.names().find(|name| NOT_OF_FORMS.contains(name)) {
            return Err(Failure::refuse(
                S3ErrorCode::NotImplemented,
                format!(
                    "A field you provided implies functionality that is not implemented: {name}"
                ),
            ));
        }
        for (field, value) in &self.0 {
            let name = match field.as_str() {
                "acl" => "x-amz-acl",
                "x-amz-checksum-algorithm" => "x-amz-sdk-checksum-algorithm",
                name if HEADERS.contains(&name) || name.starts_with("x-amz-") => name,
                _ => continue,
            };
            let wrong = || invalid(format!("The value of the field '{field}' is not allowed."));
            let name = HeaderName::try_from(name).map_err(|_| wrong())?;
            let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| wrong())?;
            // User metadata may be any text; the others are given back as headers, which are ASCII.
            if value.to_str().is_err() && !field.starts_with("x-amz-meta-") {
                return Err(wrong());
            }
            headers.insert(name, value);
        }
        Ok(headers)
    }

    /// `x-amz-meta-*`, under the names behind the prefix.
    pub(super) fn metadata(&self) -> Metadata {
        self.0
            .iter()
            .filter_map(|(name, value)| {
                let name = name.strip_prefix("x-amz-meta-")?;
                Some((name.to_owned(), value.clone()))
            })
            .collect()
    }

    /// The tags of the field `tagging`, which is XML like the body of `PutObjectTagging`.
    pub(super) fn tags(&self) -> Result<Vec<(String, String)>, Failure> {
        let Some(xml) = self.get("tagging") else {
            return Ok(Vec::new());
        };
        let malformed = || {
            Failure::refuse(
                S3ErrorCode::MalformedXML,
                "The XML you provided was not well-formed or did not validate against our published schema",
            )
        };
        let mut reader = Deserializer::new(xml.as_bytes());
        let tagging = Tagging::deserialize(&mut reader).map_err(|_| malformed())?;
        reader.expect_eof().map_err(|_| malformed())?;
        let tags = tagging.tag_set.into_iter();
        tags.map(|tag| match (tag.key, tag.value) {
            (Some(key), Some(value)) => Ok((key, value)),
            _ => Err(malformed()),
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(template: &str, filename: Option<&str>) -> String {
        let mut fields = Fields::default();
        fields.add("Key", template.to_owned()).unwrap();
        fields.expand(filename);
        fields.get("key").unwrap().to_owned()
    }

    #[test]
    fn a_file_name_goes_into_the_key_without_its_folders() {
        assert_eq!(key("user/${filename}", Some("a b.txt")), "user/a b.txt");
        assert_eq!(
            key("user/${filename}", Some("C:\\dir\\a.txt")),
            "user/a.txt"
        );
        assert_eq!(
            key("user/${filename}", Some("../../etc/a.txt")),
            "user/a.txt"
        );
        assert_eq!(key("user/${filename}", None), "user/");
        assert_eq!(key("${filename}-${filename}", Some("a")), "a-a");
        assert_eq!(key("$filename", Some("a")), "$filename");
    }

    #[test]
    fn a_value_that_is_no_header_is_refused() {
        for value in ["a\r\nx-amz-acl: public-read", "ä"] {
            let mut fields = Fields::default();
            fields.add("Content-Type", value.to_owned()).unwrap();
            assert!(fields.headers().is_err(), "{value}");
        }
        let mut fields = Fields::default();
        fields.add("x-amz-meta-name", "ä".to_owned()).unwrap();
        assert!(fields.headers().is_ok());
    }
}
