//! Tenants: who shares a service without knowing of one another.

use smol_str::SmolStr;

use crate::InvalidValue;
use crate::subject::key_segment;
use crate::text::{every_byte, text_type};

/// What stands before a tenant in a key: no segment of a subject begins so, for behind its `_` come two hex digits.
const MARK: &str = "_t-";

/// Whose customers somebody is among: 0–255 printable ASCII characters. The empty one is the default tenant, which has
/// everybody whose token names none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tenant(SmolStr);

text_type!(Tenant);

impl Tenant {
    /// Checks a tenant.
    ///
    /// # Errors
    /// Longer than 255, or with anything but printable ASCII.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let printable = every_byte(text.as_bytes(), |byte| (0x20..0x7f).contains(&byte));
        if text.len() > 255 || !printable {
            let why = "must be at most 255 printable ASCII characters";
            return Err(InvalidValue::new(why));
        }
        Ok(Self(text.into()))
    }

    /// Whether it is the one of everybody whose token names none.
    pub fn is_default(&self) -> bool {
        self.0.is_empty()
    }

    /// Spells the tenant as one key segment of `[A-Za-z0-9._-]` that no other tenant and no subject has; the default
    /// tenant has none, so it is empty.
    pub fn to_key_segment(&self) -> String {
        match self.is_default() {
            true => String::new(),
            false => format!("{MARK}{}", key_segment(&self.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Subject;

    proptest! {
        #[test]
        fn two_tenants_never_share_a_segment(a in "[ -~]{0,12}", b in "[ -~]{0,12}") {
            let (left, right) = (Tenant::parse(&a).unwrap(), Tenant::parse(&b).unwrap());
            prop_assert_eq!(left.to_key_segment() == right.to_key_segment(), a == b);
        }

        #[test]
        fn no_subject_has_the_segment_of_a_tenant(tenant in "[ -~]{1,12}", subject in "[ -~]{1,16}") {
            let segment = Tenant::parse(&tenant).unwrap().to_key_segment();
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
            prop_assert!(segment.bytes().all(plain));
            for subject in [subject, segment.clone()] {
                prop_assert_ne!(&segment, &Subject::parse(&subject).unwrap().to_key_segment());
            }
        }
    }

    #[test]
    fn the_default_tenant_has_no_segment() {
        assert_eq!(Tenant::default().to_key_segment(), "");
        assert_eq!(Tenant::parse("").unwrap(), Tenant::default());
        let spell = |text: &str| Tenant::parse(text).unwrap().to_key_segment();
        assert_eq!(spell("acme"), "_t-acme");
        assert_eq!(spell("a/../b"), "_t-a_2F.._2Fb");
    }

    #[test]
    fn what_no_token_may_say_is_refused() {
        for text in ["é", "a\nb", "\u{1f}", &"x".repeat(256)] {
            assert!(Tenant::parse(text).is_err());
        }
    }
}
