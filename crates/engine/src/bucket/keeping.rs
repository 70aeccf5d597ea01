//! What a bucket asks of names and sizes, for how long it keeps files, and what policies may know of it.

use jiff::{SignedDuration, Timestamp};
use valetkey_catalog::Record;
use valetkey_protocol::upload::CreateUpload;
use valetkey_protocol::{Code, Filename, Problem};

use super::BucketRules;
use crate::engine::{from_now, later, seconds_until};
use crate::{Bucket, Error};

const DAY_SECONDS: u64 = 86_400;

/// The longest that files are kept by a rule: a hundred years.
const MOST_DAYS: u64 = 36_600;

impl BucketRules {
    /// Checks the rules of this file.
    ///
    /// # Errors
    /// Says which rule is wrong and what is allowed.
    pub(super) fn check_keeping(&self) -> Result<(), String> {
        let Self {
            min_size,
            max_size,
            retain_days,
            delete_after_days,
            ..
        } = self;
        if min_size > max_size {
            return Err(format!(
                "min_size is {min_size}, and max_size is {max_size}: no file fits; make one of them other"
            ));
        }
        for (name, days) in [
            ("retain_days", retain_days),
            ("delete_after_days", delete_after_days),
        ] {
            if *days > MOST_DAYS {
                return Err(format!("{name} is {days}; it must be {MOST_DAYS} or less"));
            }
        }
        if *delete_after_days > 0 && retain_days > delete_after_days {
            return Err(format!(
                "retain_days is {retain_days}, and delete_after_days is {delete_after_days}: files cannot be deleted before \
                 they may be; make retain_days less"
            ));
        }
        self.extensions
            .iter()
            .try_for_each(|one| check_extension(one))?;
        self.attributes
            .keys()
            .try_for_each(|name| check_attribute(name))
    }

    /// Whether files of this name are taken.
    fn takes_name(&self, filename: &Filename) -> bool {
        let name = filename.as_str().to_lowercase();
        let ends = |one: &String| {
            name.strip_suffix(one.as_str())
                .is_some_and(|rest| rest.ends_with('.'))
        };
        self.extensions.is_empty() || self.extensions.iter().any(ends)
    }

    /// When a file is deleted by itself that became one then, and that somebody wants to be kept for so many seconds.
    pub(crate) fn ends(
        &self,
        retain_for: Option<u64>,
        verified_at: Timestamp,
    ) -> Option<Timestamp> {
        let wanted = retain_for.map(|seconds| later(verified_at, seconds));
        wanted.or(self.latest_end(verified_at))
    }

    /// When a file is deleted at the latest that became one then.
    pub(crate) fn latest_end(&self, verified_at: Timestamp) -> Option<Timestamp> {
        (self.delete_after_days > 0).then(|| days_after(verified_at, self.delete_after_days))
    }
}

impl Bucket {
    /// Refuses a wish that goes against the bounds of this file.
    pub(crate) fn check_wish(&self, create: &CreateUpload) -> Result<(), Error> {
        self.check_name(&create.filename)?;
        let (name, rules) = (&self.name, &self.rules);
        if create.size < rules.min_size {
            let detail = format!(
                "bucket {name} takes files of at least {} bytes",
                rules.min_size
            );
            return Err(Error::invalid("size", detail));
        }
        let Some(seconds) = create.retain_for else {
            return Ok(());
        };
        let (least, most) = (
            rules.retain_days * DAY_SECONDS,
            rules.delete_after_days * DAY_SECONDS,
        );
        if seconds < least {
            let detail = format!(
                "bucket {name} keeps files for {} days: at least {least} seconds",
                rules.retain_days
            );
            return Err(Error::invalid("retain_for", detail));
        }
        if most > 0 && seconds > most {
            let detail = format!(
                "bucket {name} deletes files after {} days: at most {most} seconds",
                rules.delete_after_days
            );
            return Err(Error::invalid("retain_for", detail));
        }
        Ok(())
    }

    /// Refuses a name with another extension.
    pub(crate) fn check_name(&self, filename: &Filename) -> Result<(), Error> {
        if self.rules.takes_name(filename) {
            return Ok(());
        }
        let known = self.rules.extensions.join(", .");
        let detail = format!("bucket {} takes files that end in .{known}", self.name);
        Err(Error::invalid("filename", detail))
    }

    /// Until when a file cannot be deleted by anybody; not at all when that is over.
    pub(crate) fn retained_until(&self, record: &Record, now: Timestamp) -> Option<Timestamp> {
        let since = became_file(record);
        let until = days_after(since, self.rules.retain_days);
        (self.rules.retain_days > 0 && until > now).then_some(until)
    }

    /// Refuses to delete a file that is still to be kept.
    pub(crate) fn check_retained(&self, record: &Record, now: Timestamp) -> Result<(), Error> {
        match self.retained_until(record, now) {
            None => Ok(()),
            Some(until) => Err(Error::Refused(self.retained(until))),
        }
    }

    /// When a file is deleted whose owner now wants it to be kept for so many seconds, or as long as may be.
    pub(crate) fn changed_end(
        &self,
        record: &Record,
        retain_for: Option<u64>,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, Error> {
        let latest = self.rules.latest_end(became_file(record));
        let Some(seconds) = retain_for else {
            return Ok(latest);
        };
        let wanted = later(now, seconds);
        if let Some(until) = self
            .retained_until(record, now)
            .filter(|until| wanted < *until)
        {
            return Err(Error::Refused(self.retained(until)));
        }
        if let Some(latest) = latest.filter(|latest| wanted > *latest) {
            let (days, left) = (self.rules.delete_after_days, seconds_until(now, latest));
            let detail = format!(
                "bucket {} deletes files {days} days after they are complete: at most {left} seconds",
                self.name
            );
            return Err(Error::invalid("retain_for", detail));
        }
        Ok(Some(wanted))
    }

    fn retained(&self, until: Timestamp) -> Problem {
        let detail = format!(
            "bucket {} keeps every file for {} days; nobody can delete this one before {until}",
            self.name, self.rules.retain_days
        );
        Problem::new(Code::Conflict, detail).with("retained_until", until.to_string())
    }
}

/// When it became one. Where nobody remembers, its upload was created shortly before.
fn became_file(record: &Record) -> Timestamp {
    record.verified_at.unwrap_or(record.upload.created_at)
}

fn days_after(instant: Timestamp, days: u64) -> Timestamp {
    let hours = i64::try_from(days.saturating_mul(24)).unwrap_or(i64::MAX);
    from_now(instant, SignedDuration::from_hours(hours))
}

fn check_extension(extension: &str) -> Result<(), String> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._+-".contains(&b);
    let whole = !extension.starts_with('.') && !extension.ends_with('.');
    match whole && (1..=32).contains(&extension.len()) && extension.bytes().all(plain) {
        true => Ok(()),
        false => Err(format!(
            "extensions has '{extension}'; write them like \"png\" or \"tar.gz\", in small letters and without the first dot"
        )),
    }
}

fn check_attribute(name: &str) -> Result<(), String> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let begins = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    match begins && name.len() <= 64 && name.bytes().all(plain) {
        true => Ok(()),
        false => Err(format!(
            "attributes has '{name}'; a name has 1 to 64 of a-z, 0-9 and '_', and begins with a letter"
        )),
    }
}

#[cfg(test)]
mod tests {
    use valetkey_protocol::bucket::Attribute;

    use super::*;

    #[test]
    fn what_does_not_fit_together_is_named() {
        type Spoil = fn(&mut BucketRules);
        let wrong: [(&str, Spoil); 8] = [
            ("min_size", |rules| {
                (rules.min_size, rules.max_size) = (6, 5)
            }),
            ("retain_days", |rules| rules.retain_days = 36_601),
            ("delete_after_days", |rules| {
                rules.delete_after_days = 36_601
            }),
            ("retain_days", |rules| {
                (rules.retain_days, rules.delete_after_days) = (8, 7)
            }),
            ("extensions", |rules| {
                rules.extensions = vec![".png".to_owned()]
            }),
            ("extensions", |rules| {
                rules.extensions = vec!["PNG".to_owned()]
            }),
            ("extensions", |rules| rules.extensions = vec![String::new()]),
            ("attributes", |rules| {
                rules
                    .attributes
                    .insert("Not-one".to_owned(), Attribute::Flag(true));
            }),
        ];
        for (name, spoil) in wrong {
            let mut rules = BucketRules::default();
            spoil(&mut rules);
            let why = rules.check().unwrap_err();
            assert!(why.starts_with(name), "{why}");
        }
    }

    #[test]
    fn names_end_in_one_of_the_extensions_whatever_their_letters() {
        let rules = BucketRules {
            extensions: vec!["png".to_owned(), "tar.gz".to_owned()],
            ..BucketRules::default()
        };
        for (name, taken) in [
            ("a.png", true),
            ("a.b.PNG", true),
            ("a.tar.gz", true),
            ("a.gz", false),
            ("png", false),
            ("apng", false),
            ("a.png.exe", false),
            ("a.png ", false),
        ] {
            let filename = Filename::parse(name).unwrap();
            assert_eq!(rules.takes_name(&filename), taken, "{name}");
            assert!(BucketRules::default().takes_name(&filename));
        }
    }
}
