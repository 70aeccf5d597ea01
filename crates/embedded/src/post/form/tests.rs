use futures_util::{StreamExt as _, stream};

use super::*;

const FORM: &str = concat!(
    "--AaB03x\r\n",
    "Content-Disposition: form-data; name=\"key\"\r\n\r\n",
    "a\r\n--AaB03\r\nb\r\n",
    "--AaB03x \r\n",
    "content-type: text/plain\r\n",
    "content-disposition: form-data; filename=\"C:\\dir\\a \\\"b\\\".txt\"; name=file\r\n\r\n",
    "first\r\n--AaB03\r\n\r\nlast",
    "\r\n--AaB03x\r\n",
    "Content-Disposition: form-data; name=\"submit\"\r\n\r\nUpload\r\n--AaB03x--\r\n",
);

fn frames(body: &[u8], size: usize) -> Vec<Result<Bytes, StdError>> {
    body.chunks(size)
        .map(|frame| Ok(Bytes::copy_from_slice(frame)))
        .collect()
}

/// The one field, the file's part and its bytes.
async fn read(body: &[u8], size: usize) -> Result<(String, Part, Vec<u8>), Failure> {
    let mut form = Form::open("AaB03x", stream::iter(frames(body, size))).await?;
    let Next::Part(part) = form.next().await? else {
        return Err(malformed());
    };
    assert_eq!(part.name, "key");
    let value = form.value().await?;
    let Next::Part(part) = form.next().await? else {
        return Err(malformed());
    };
    let mut bytes = Vec::new();
    let mut file = form.file();
    while let Some(piece) = file.next().await {
        bytes.extend_from_slice(&piece?);
    }
    Ok((value, part, bytes))
}

fn code(failure: &Failure) -> &str {
    match failure {
        Failure::Refused(refusal) => refusal.code.as_str(),
        _ => "",
    }
}

#[tokio::test]
async fn a_form_reads_the_same_however_it_is_cut() {
    for size in 1..=FORM.len() {
        let (value, part, bytes) = read(FORM.as_bytes(), size).await.unwrap();
        assert_eq!(value, "a\r\n--AaB03\r\nb", "in frames of {size}");
        assert_eq!(part.name, "file");
        assert_eq!(part.filename.as_deref(), Some("C:\\dir\\a \"b\".txt"));
        assert_eq!(
            bytes, b"first\r\n--AaB03\r\n\r\nlast",
            "in frames of {size}"
        );
    }
}

#[tokio::test]
async fn a_form_that_ends_early_is_never_taken_for_a_whole_one() {
    let end = FORM.find("\r\n--AaB03x\r\nContent-Disposition: form-data; name=\"submit\"");
    let boundary = end.unwrap() + "\r\n--AaB03x\r\n".len();
    for length in 0..boundary {
        let cut = &FORM.as_bytes()[..length];
        assert!(read(cut, 7).await.is_err(), "{length} bytes");
    }
    assert!(read(&FORM.as_bytes()[..boundary], 7).await.is_ok());
}

#[tokio::test]
async fn a_boundary_that_goes_on_is_none() {
    let form = FORM.replace("last\r\n--AaB03x", "last\r\n--AaB03xy");
    assert_eq!(
        code(&read(form.as_bytes(), 64).await.unwrap_err()),
        "MalformedPOSTRequest"
    );
}

#[tokio::test]
async fn what_comes_before_the_file_is_bounded() {
    let long = "x".repeat(MAX_PRELUDE);
    let form = FORM.replacen("a\r\n", &long, 1);
    for size in [1000, form.len()] {
        assert_eq!(
            code(&read(form.as_bytes(), size).await.unwrap_err()),
            "MaxPostPreDataLengthExceededError"
        );
    }
    let large = FORM.replace("first", &long);
    assert!(read(large.as_bytes(), 1000).await.is_ok());
}

#[tokio::test]
async fn the_file_is_handed_on_frame_by_frame() {
    let head = &FORM[..FORM.find("first").unwrap()];
    let mut body = frames(head.as_bytes(), head.len());
    body.extend((0..100).map(|_| Ok(Bytes::from(vec![b'\r'; 1000]))));
    let mut form = Form::open("AaB03x", stream::iter(body)).await.unwrap();
    form.next().await.unwrap();
    form.value().await.unwrap();
    form.next().await.unwrap();
    let mut file = form.file();
    while let Some(Ok(_)) = file.next().await {
        assert!(file.buffer.len() < file.delimiter.len());
    }
}

#[test]
fn a_boundary_is_read_from_the_content_type() {
    for (content_type, expected) in [
        ("multipart/form-data; boundary=abc", Some("abc")),
        (
            "multipart/form-data;charset=utf-8; BOUNDARY=\"a=b\"",
            Some("a=b"),
        ),
        ("multipart/form-data", None),
        ("multipart/form-data; charset=utf-8", None),
    ] {
        assert_eq!(boundary(content_type).ok().as_deref(), expected);
    }
}
