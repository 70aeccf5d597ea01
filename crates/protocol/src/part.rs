//! How a large file is cut into parts.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::InvalidValue;

/// One mebibyte in bytes.
pub const MIB: u64 = 1024 * 1024;
/// The smallest part any but the last may be (S3, "Amazon S3 multipart upload limits").
pub const MIN_PART_SIZE: u64 = 5 * MIB;
/// The largest part (same page).
pub const MAX_PART_SIZE: u64 = 5 * 1024 * MIB;
/// The most parts of one upload (same page).
pub const MAX_PARTS: u32 = 10_000;

/// A part number, 1 to 10,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PartNumber(u32);

impl PartNumber {
    /// Checks a part number.
    ///
    /// # Errors
    /// 0, or more than 10,000.
    pub fn new(number: u32) -> Result<Self, InvalidValue> {
        if (1..=MAX_PARTS).contains(&number) {
            Ok(Self(number))
        } else {
            Err(InvalidValue::new("a part number is between 1 and 10000"))
        }
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for PartNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for PartNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u32::deserialize(deserializer)?;
        Self::new(number).map_err(serde::de::Error::custom)
    }
}

/// How an upload of a known size is cut: equal parts and a last one with the rest. Fixed at creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartPlan {
    size: u64,
    part_size: u64,
}

impl PartPlan {
    /// Cuts `size` bytes into parts of `preferred` bytes, or of larger whole mebibytes where those would
    /// be more than 10,000.
    ///
    /// # Errors
    /// No bytes, a preferred size outside 5 MiB–5 GiB, or more bytes than 10,000 parts of 5 GiB hold.
    pub fn new(size: u64, preferred: u64) -> Result<Self, InvalidValue> {
        if size == 0 {
            return Err(InvalidValue::new("an empty file has no parts"));
        }
        if !(MIN_PART_SIZE..=MAX_PART_SIZE).contains(&preferred) {
            return Err(InvalidValue::new("a part size is between 5 MiB and 5 GiB"));
        }
        let needed = size.div_ceil(u64::from(MAX_PARTS)).div_ceil(MIB) * MIB;
        let part_size = preferred.max(needed);
        if part_size > MAX_PART_SIZE {
            return Err(InvalidValue::new(
                "10000 parts of 5 GiB do not hold so many bytes",
            ));
        }
        Ok(Self { size, part_size })
    }

    /// The size of every part but the last, in bytes.
    pub fn part_size(&self) -> u64 {
        self.part_size
    }

    /// How many parts there are.
    pub fn part_count(&self) -> u32 {
        u32::try_from(self.size.div_ceil(self.part_size)).unwrap_or(MAX_PARTS)
    }

    /// Where a part lies in the file.
    ///
    /// # Errors
    /// The number is beyond the plan.
    pub fn part(&self, number: PartNumber) -> Result<PlannedPart, InvalidValue> {
        if number.get() > self.part_count() {
            return Err(InvalidValue::new(format!(
                "part {number} is not in the plan of {} parts",
                self.part_count()
            )));
        }
        let offset = u64::from(number.get() - 1) * self.part_size;
        Ok(PlannedPart {
            number,
            offset,
            size: self.part_size.min(self.size - offset),
        })
    }

    /// All parts in order.
    pub fn parts(&self) -> impl Iterator<Item = PlannedPart> + '_ {
        (1..=self.part_count()).filter_map(|number| self.part(PartNumber(number)).ok())
    }
}

/// One part of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedPart {
    /// Its number.
    pub number: PartNumber,
    /// Its first byte in the file.
    pub offset: u64,
    /// Its bytes.
    pub size: u64,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_plan_covers_every_byte_once_within_the_limits(size in 1u64..=48_000_000_000_000, preferred in MIN_PART_SIZE..=64 * MIB) {
            let plan = PartPlan::new(size, preferred).unwrap();
            prop_assert!(plan.part_count() <= MAX_PARTS);
            let mut next = 0;
            for part in plan.parts() {
                prop_assert_eq!(part.offset, next);
                prop_assert!(part.size > 0 && part.size <= MAX_PART_SIZE);
                next += part.size;
            }
            prop_assert_eq!(next, size);
        }
    }

    #[test]
    fn the_edges_are_refused() {
        assert!(PartPlan::new(0, MIN_PART_SIZE).is_err());
        assert!(PartPlan::new(1, MIN_PART_SIZE - 1).is_err());
        assert!(PartPlan::new(u64::MAX, MIN_PART_SIZE).is_err());
        let plan = PartPlan::new(MIN_PART_SIZE + 1, MIN_PART_SIZE).unwrap();
        assert_eq!(plan.part_count(), 2);
        assert!(plan.part(PartNumber::new(3).unwrap()).is_err());
        assert!(PartNumber::new(0).is_err() && PartNumber::new(10_001).is_err());
    }
}
