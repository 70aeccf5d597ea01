//! What a fetched file is called on this machine.

use valetkey_protocol::Filename;

/// A name that stays in the folder it is put into and shows itself there: separators, drive and stream
/// colons and controls become `_`, and so do dots at the beginning, which hide a file or climb.
pub fn local_name(filename: &Filename) -> String {
    let mut name = String::with_capacity(filename.as_str().len());
    let mut at_start = true;
    for c in filename.as_str().chars() {
        at_start &= c == '.';
        let unsafe_here = at_start || c.is_control() || matches!(c, '/' | '\\' | ':');
        name.push(if unsafe_here { '_' } else { c });
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_as_they_are_unless_they_climb_or_hide() {
        let named = |text: &str| local_name(&Filename::parse(text).unwrap());
        assert_eq!(
            named("my \"best\" photo 😀.jpg"),
            "my \"best\" photo 😀.jpg"
        );
        assert_eq!(named("archive.tar.gz"), "archive.tar.gz");
        assert_eq!(named("..\\..\\evil.exe"), "___.._evil.exe");
        assert_eq!(named("C:evil"), "C_evil");
        assert_eq!(named(".bashrc"), "_bashrc");
        assert_eq!(named("...."), "____");
    }
}
