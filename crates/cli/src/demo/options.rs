//! What is sent, by how many, and how often.

use std::path::PathBuf;

use clap::Args;
use valetkey_protocol::InvalidValue;

/// The most bytes that lie in the store at a time.
const MAX_STORED: u64 = 8_000_000_000;

/// What the demonstration does.
#[derive(Args, Clone)]
pub(crate) struct Options {
    /// How many photos each client sends (a tenth of them over the thin link)
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) photos: u32,
    /// How large each photo is: bytes, or a number with kB, MB or GB
    #[arg(long, value_name = "SIZE", default_value = "1.5MB", value_parser = bytes)]
    pub(super) photo_size: u64,
    /// How large the large file is (a quarter of it over the thin link)
    #[arg(long, value_name = "SIZE", default_value = "128MB", value_parser = bytes)]
    pub(super) large_size: u64,
    /// How many clients send photos at a time: a row for each number. The large file has one
    #[arg(long, value_name = "N,N", default_value = "1,8,32", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(super) clients: Vec<u16>,
    /// How often each is measured; the medians are told
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=99))]
    pub(super) rounds: u16,
    /// How thin the thin link of the server is, each way: a number with kbit, mbit or gbit; none leaves it out
    #[arg(long, value_name = "RATE", default_value = "100mbit", value_parser = rate)]
    pub(super) link: Rate,
    /// Draw the times as an SVG, too
    #[arg(long, value_name = "FILE")]
    pub(super) svg: Option<PathBuf>,
    /// Print what was measured as one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

/// Bits per second, or no such link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rate(pub(super) Option<u64>);

/// What is sent in one go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Load {
    /// How many clients send it, each all of it.
    pub(super) clients: u16,
    /// How many files.
    pub(super) files: u32,
    /// The bytes of each.
    pub(super) size: u64,
    /// The server's link, in bits per second; none is as fast as the machine.
    pub(super) link: Option<u64>,
}

impl Load {
    /// All bytes of all clients.
    pub(super) fn bytes(&self) -> u64 {
        u64::from(self.clients) * u64::from(self.files) * self.size
    }
}

impl Options {
    /// Every load, in the order of the table.
    ///
    /// # Errors
    /// They are larger than a demonstration should be.
    pub(super) fn loads(&self) -> Result<Vec<Load>, String> {
        let mut loads = self.loads_over(None, self.photos, self.large_size);
        if let Rate(Some(link)) = self.link {
            // It takes long enough as it is.
            let (photos, large) = (self.photos.div_ceil(10), self.large_size.div_ceil(4));
            loads.extend(self.loads_over(Some(link), photos, large));
        }
        let most = loads.iter().map(Load::bytes).max().unwrap_or_default();
        if most > MAX_STORED {
            return Err(format!(
                "{} GB would lie in the store at a time: give fewer or smaller --photos, a smaller --large-size, or fewer --clients, for less than {} GB",
                most.div_ceil(1_000_000_000),
                MAX_STORED / 1_000_000_000
            ));
        }
        Ok(loads)
    }

    fn loads_over(&self, link: Option<u64>, photos: u32, large: u64) -> Vec<Load> {
        let photos = self.clients.iter().map(|&clients| Load {
            clients,
            files: photos,
            size: self.photo_size,
            link,
        });
        let large = Load {
            clients: 1,
            files: 1,
            size: large,
            link,
        };
        photos.chain([large]).collect()
    }
}

/// Bytes, or a number with a decimal unit.
fn bytes(text: &str) -> Result<u64, InvalidValue> {
    let units = [("kb", 1e3), ("mb", 1e6), ("gb", 1e9), ("b", 1.0), ("", 1.0)];
    let wrong = InvalidValue::new("must be bytes, or a number with kB, MB or GB, such as 1.5MB");
    number(text, &units).ok_or(wrong)
}

/// Bits per second.
fn rate(text: &str) -> Result<Rate, InvalidValue> {
    if text == "none" {
        return Ok(Rate(None));
    }
    let units = [("kbit", 1e3), ("mbit", 1e6), ("gbit", 1e9)];
    let wrong =
        InvalidValue::new("must be a number with kbit, mbit or gbit, such as 100mbit, or none");
    number(text, &units)
        .map(|rate| Rate(Some(rate)))
        .ok_or(wrong)
}

/// A number of at least one unit, and of less than a trillion.
fn number(text: &str, units: &[(&str, f64)]) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let (digits, factor) = units
        .iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))?;
    let number = digits.trim().parse::<f64>().ok()? * factor;
    (1.0..1e12)
        .contains(&number)
        .then_some(number.round() as u64)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn options(line: &[&str]) -> Options {
        let line = ["demo"].iter().chain(line);
        Line::try_parse_from(line).unwrap().options
    }

    #[test]
    fn sizes_and_rates_are_read_as_people_write_them() {
        assert_eq!(bytes("1.5MB").ok(), Some(1_500_000));
        assert_eq!(bytes("64 kB").ok(), Some(64_000));
        assert_eq!(bytes("17").ok(), Some(17));
        for wrong in ["", "0", "-1MB", "nan", "infgb", "1TB", "MB"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
        assert_eq!(rate("100mbit").ok(), Some(Rate(Some(100_000_000))));
        assert_eq!(rate("none").ok(), Some(Rate(None)));
        assert!(rate("100").is_err());
    }

    #[test]
    fn each_number_of_clients_is_a_row_and_the_link_has_its_own() {
        let loads = options(&["--clients", "1,4", "--photos", "15"])
            .loads()
            .unwrap();
        let told: Vec<_> = loads
            .iter()
            .map(|load| (load.clients, load.files, load.size, load.link.is_some()))
            .collect();
        let rows = [
            (1, 15, 1_500_000, false),
            (4, 15, 1_500_000, false),
            (1, 1, 128_000_000, false),
            (1, 2, 1_500_000, true),
            (4, 2, 1_500_000, true),
            (1, 1, 32_000_000, true),
        ];
        assert_eq!(told, rows);
        assert_eq!(options(&["--link", "none"]).loads().unwrap().len(), 4);
    }

    #[test]
    fn more_than_a_demonstration_is_refused_with_what_to_change() {
        let refused = options(&["--photos", "10000"]).loads().unwrap_err();
        assert!(refused.contains("480 GB"), "{refused}");
        assert!(refused.contains("--photos"), "{refused}");
    }
}
