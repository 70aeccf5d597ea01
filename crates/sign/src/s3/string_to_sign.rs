//! Second stage: algorithm, instant, scope and the hash of the canonical request.

use jiff::Timestamp;
use jiff::tz::Offset;

/// The only algorithm there is here.
pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Everything before the hash of the canonical request: the same for all requests of one instant.
pub(super) fn head(amz_date: &str, scope: &str) -> String {
    format!("{ALGORITHM}\n{amz_date}\n{scope}\n")
}

/// `20130524/us-east-1/s3/aws4_request`.
pub(super) fn scope(date: &str, region: &str, service: &str) -> String {
    format!("{date}/{region}/{service}/aws4_request")
}

/// `20130524T000000Z`; fractions of a second are cut off.
pub(super) fn amz_date(at: Timestamp) -> String {
    let at = Offset::UTC.to_datetime(at);
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        at.year(),
        at.month(),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

/// The day of an [`amz_date`]: `20130524`.
pub(super) fn date_of(amz_date: &str) -> &str {
    amz_date.split_once('T').map_or(amz_date, |(date, _)| date)
}
