//! What a fresh development service says: where it is, and something to paste.

use std::path::Path;

use crate::settings::DATA_DIR;

/// The first words of `valetkey dev`. What is to be pasted needs bash, curl and sed only.
pub(crate) fn banner(api: &str, token: &str, data_dir: &Path) -> String {
    let put = match data_dir == Path::new(DATA_DIR) {
        true => "cargo run --release -- put FILE".to_owned(),
        false => format!(
            "cargo run --release -- put --data-dir {} FILE",
            quoted(&data_dir.display().to_string())
        ),
    };
    format!(
        r#"valetkey serves {api}
console: {api}/#token={token}
token: {token}

Upload a first file (paste this into another terminal):

{paste}

The same for files of your own: {put}
Ctrl-C ends it.
"#,
        paste = paste(api, token)
    )
}

/// Create, PUT straight to storage with the headers that were signed, complete, and read it back.
fn paste(api: &str, token: &str) -> String {
    format!(
        r#"API={api}/v1 TOKEN={token}
call() {{ curl -sS -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' "$@"; }}
printf 'hello from valetkey\n' > hello.txt
upload=$(call "$API/uploads" -d '{{"filename":"hello.txt","content_type":"text/plain","size":20}}')
id=$(sed 's/.*"id":"\([^"]*\)".*/\1/' <<< "$upload")
url=$(sed 's/.*"url":"\([^"]*\)".*/\1/' <<< "$upload")
sed 's/.*"headers":{{\([^}}]*\)}}.*/\1/; s/":"/: /g; s/"//g' <<< "$upload" | tr , '\n' > hello.headers
curl -sS -T hello.txt -H @hello.headers "$url"
call -d '{{}}' "$API/uploads/$id/complete"; echo
call -L "$API/files/$id/content""#
    )
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-".contains(c);
    match word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_console_is_one_click_away_and_the_token_stays_behind_the_hash() {
        let told = banner("http://127.0.0.1:8080", "a.b.c", Path::new(DATA_DIR));
        let link = "console: http://127.0.0.1:8080/#token=a.b.c\n";
        assert!(told.contains(link), "{told}");
    }

    #[test]
    fn another_folder_is_named_as_a_shell_reads_it() {
        let told = |folder: &str| banner("http://h", "t", Path::new(folder));
        assert!(told(DATA_DIR).contains(": cargo run --release -- put FILE\n"));
        assert!(told("/tmp/a b's").contains("put --data-dir '/tmp/a b'\\''s' FILE\n"));
    }
}
