//! `valetkey token`

use std::path::PathBuf;

use clap::Args;
use valetkey_protocol::InvalidValue;

use crate::error::Error;
use crate::settings::DATA_DIR;
use crate::text::print;

/// Make a token for the development service.
#[derive(Args)]
pub(crate) struct Token {
    /// Folder of the development service
    #[arg(long, value_name = "DIR", default_value = DATA_DIR)]
    data_dir: PathBuf,
    /// Whose token it is
    #[arg(long, value_name = "SUBJECT")]
    sub: String,
    /// In which tenant that is; in the default one when absent
    #[arg(long, value_name = "TENANT", default_value = "")]
    tenant: String,
    /// A role it gives; may be given more than once
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// How long it lasts: seconds, or a number with s, m, h or d
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = seconds)]
    expires_in: u64,
}

impl Token {
    /// Prints it.
    pub(crate) fn run(self) -> Result<(), Error> {
        let token = valetkey_server::dev::mint_token(
            &self.data_dir,
            (&self.tenant, &self.sub),
            &self.roles,
            self.expires_in,
        )?;
        print(&token)
    }
}

/// Seconds, or a number with s, m, h or d.
pub(super) fn seconds(text: &str) -> Result<u64, InvalidValue> {
    let wrong = || InvalidValue::new("must be like 3600, 90s, 15m, 1h or 7d");
    let (number, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
        Some(at) => text.split_at(at),
        None => (text, "s"),
    };
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number
        .checked_mul(unit)
        .filter(|seconds| *seconds > 0)
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_numbers_with_a_unit() {
        let read = |text| seconds(text).unwrap();
        assert_eq!(
            ["3600", "90s", "15m", "1h", "7d"].map(read),
            [3600, 90, 900, 3600, 604_800]
        );
        for wrong in [
            "",
            "h",
            "0",
            "-1",
            "1.5h",
            "1w",
            "1h30m",
            "99999999999999999d",
        ] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
