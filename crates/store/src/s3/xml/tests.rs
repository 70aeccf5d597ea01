use super::*;

const LIST: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<ListPartsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
  <Bucket>b</Bucket><Key>k</Key><UploadId>u</UploadId>
  <Initiator><ID>x</ID></Initiator>
  <PartNumberMarker>0</PartNumberMarker><NextPartNumberMarker>7</NextPartNumberMarker>
  <MaxParts>1000</MaxParts><IsTruncated>true</IsTruncated>
  <Part><PartNumber>1</PartNumber><LastModified>2026-01-01T00:00:00Z</LastModified><ETag>&quot;a&amp;b&quot;</ETag><Size>5</Size></Part>
  <Part><PartNumber>7</PartNumber><ETag>"c"</ETag><Size>6</Size></Part>
</ListPartsResult>"#;

fn list(text: &str) -> Option<ListPartsResult> {
    match read(text.as_bytes(), "ListPartsResult")? {
        Document::Result(list) => Some(list),
        Document::Error(_) => None,
    }
}

#[test]
fn a_list_is_read_with_its_escapes_undone() {
    let page = list(LIST).unwrap();
    assert!(page.is_truncated);
    assert_eq!(page.next_marker(), Some(7));
    let parts: Vec<_> = page.parts.into_iter().map(StoredPart::from).collect();
    let part = |number, size, etag: &str| StoredPart {
        number,
        size,
        etag: etag.to_owned(),
    };
    assert_eq!(parts, [part(1, 5, "\"a&b\""), part(7, 6, "\"c\"")]);
}

#[test]
fn a_list_without_parts_or_marker_is_read() {
    let page = list("<ListPartsResult><NextPartNumberMarker/></ListPartsResult>").unwrap();
    assert!(!page.is_truncated && page.parts.is_empty());
    assert_eq!(page.next_marker(), None);
}

#[test]
fn no_cut_through_a_body_goes_unnoticed() {
    for end in 0..LIST.len() {
        assert!(list(&LIST[..end]).is_none(), "{}", &LIST[..end]);
    }
}

#[test]
fn white_space_may_come_before_the_document() {
    let body = b"\r\n   \n<?xml version=\"1.0\"?>\n \n<CopyObjectResult><ETag>\"e\"</ETag></CopyObjectResult>\n";
    let read = read::<CopyObjectResult>(body, "CopyObjectResult");
    assert!(matches!(read, Some(Document::Result(_))));
}

#[test]
fn an_error_is_never_taken_for_a_result() {
    let body = b"<Error><Code>InternalError</Code><Message>try &lt;again&gt;</Message></Error>";
    let Some(Document::Error(error)) = read::<CopyObjectResult>(body, "CopyObjectResult") else {
        panic!("no error");
    };
    assert_eq!(error.code, "InternalError");
    assert_eq!(error.message, "try <again>");
    assert!(read::<CopyObjectResult>(b"<Other/>", "CopyObjectResult").is_none());
    assert!(read::<CopyObjectResult>(b"", "CopyObjectResult").is_none());
}

#[test]
fn a_page_for_people_is_no_error_document() {
    assert!(read_error(b"<html><body>Bad gateway</body></html>").is_none());
    assert!(read_error(b"\xff\xfe").is_none());
}

#[test]
fn a_hostile_etag_stays_inside_its_element() {
    let parts = [StoredPart {
        number: 1,
        size: 5,
        etag: "\"</ETag><Part>&\"".to_owned(),
    }];
    let text = complete_multipart_upload(&parts).unwrap();
    assert_eq!(
        text,
        "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Part>\
         <PartNumber>1</PartNumber><ETag>\"&lt;/ETag&gt;&lt;Part&gt;&amp;\"</ETag></Part></CompleteMultipartUpload>"
    );
}
