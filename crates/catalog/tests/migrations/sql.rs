//! As much of SQL as it takes to see what a migration does.

use std::fmt;

/// One statement: its words and signs, without comments.
pub(crate) struct Statement {
    tokens: Vec<String>,
    /// Tables that the statements before it made: nobody older knows them.
    made: Vec<String>,
}

/// The statements of a text, in their order.
pub(crate) fn statements(text: &str) -> Vec<Statement> {
    let mut made = Vec::new();
    let mut all = Vec::new();
    for tokens in tokens(text).split(|token| token == ";") {
        if tokens.is_empty() {
            continue;
        }
        let statement = Statement {
            tokens: tokens.to_vec(),
            made: made.clone(),
        };
        if statement.begins(&["CREATE", "TABLE"]) {
            made.extend(statement.tokens.get(2).cloned());
        }
        all.push(statement);
    }
    all
}

impl Statement {
    /// Why an older server could not live with what it does, if so. What is not known to be harmless is not.
    pub(crate) fn why_not(&self) -> Option<&'static str> {
        let harmless = [
            &["CREATE", "TABLE"][..],
            &["CREATE", "INDEX"],
            &["CREATE", "SEQUENCE"],
            &["DROP", "INDEX"],
            &["UPDATE"],
            &["INSERT"],
        ];
        if harmless.iter().any(|words| self.begins(words)) {
            return None;
        }
        if self.begins(&["CREATE", "UNIQUE", "INDEX"]) {
            let table = self.after("ON");
            let is_new = table.is_some_and(|table| self.made.contains(table));
            return (!is_new).then_some("refuses what an older server may write");
        }
        if self.begins(&["ALTER", "TABLE"]) {
            return self.actions().find_map(alters);
        }
        Some("takes away, or may take away, what an older server needs")
    }

    /// What an `ALTER TABLE` does, one thing after the other.
    fn actions(&self) -> impl Iterator<Item = &[String]> {
        let mut depth = 0;
        let rest = self.tokens.get(3..).unwrap_or_default();
        rest.split(move |token| {
            match token.as_str() {
                "(" => depth += 1,
                ")" => depth -= 1,
                _ => {}
            }
            depth == 0 && token == ","
        })
    }

    fn begins(&self, words: &[&str]) -> bool {
        begins(&self.tokens, words)
    }

    fn after(&self, word: &str) -> Option<&String> {
        let mut rest = self.tokens.iter();
        rest.find(|token| token.eq_ignore_ascii_case(word))?;
        rest.next()
    }
}

/// Why an older server could not live with one change of a table, if so.
fn alters(action: &[String]) -> Option<&'static str> {
    let has = |word: &str| action.iter().any(|token| token.eq_ignore_ascii_case(word));
    if begins(action, &["ALTER"]) && has("SET") && has("DEFAULT") {
        return None;
    }
    if !begins(action, &["ADD"]) {
        return Some("takes away or changes what an older server uses");
    }
    let tables_own = [
        "CONSTRAINT",
        "CHECK",
        "PRIMARY",
        "FOREIGN",
        "UNIQUE",
        "EXCLUDE",
    ];
    if tables_own.iter().any(|word| begins(action, &["ADD", word])) {
        return Some("refuses what an older server may write");
    }
    if has("UNIQUE") || has("PRIMARY") {
        return Some("refuses the second row of an older server, which leaves the column out");
    }
    (has("NOT") && has("NULL") && !has("DEFAULT"))
        .then_some("has no DEFAULT for the rows of an older server, which leaves the column out")
}

fn begins(tokens: &[String], words: &[&str]) -> bool {
    let mut pairs = words.iter().zip(tokens);
    tokens.len() >= words.len() && pairs.all(|(word, token)| token.eq_ignore_ascii_case(word))
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = "(";
        for token in &self.tokens {
            let sticks = matches!(token.as_str(), ")" | ",") || last == "(";
            if !sticks {
                f.write_str(" ")?;
            }
            f.write_str(token)?;
            last = token;
        }
        Ok(())
    }
}

/// Words, quoted texts and single signs; comments are left out.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
        let length = match first {
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '\'' | '"' => rest[1..].find(first).map_or(rest.len(), |end| end + 2),
            letter if is_word(letter) => rest.find(|next| !is_word(next)).unwrap_or(rest.len()),
            sign => sign.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        if !token.starts_with("--") && !token.starts_with("/*") {
            tokens.push(token.to_owned());
        }
        rest = after.trim_start();
    }
    tokens
}
