//! What was tried, what was measured, and whether the promise was kept.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What a scenario is run with.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The binary of this package, which runs the service.
    pub program: PathBuf,
    /// Decides every choice.
    pub seed: u64,
    /// How much is tried.
    pub scale: Scale,
}

impl Setting {
    /// One number for the short run, another for a piece of the long one.
    pub fn choose<T>(&self, short: T, long: T) -> T {
        match self.scale {
            Scale::Short => short,
            Scale::Long => long,
        }
    }
}

/// How much is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// As much as a test may take.
    Short,
    /// As much as a piece of the long run may take.
    Long,
}

/// How figures of several pieces become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Over {
    /// They add up.
    Sum,
    /// The largest counts.
    Most,
}

/// Something measured or counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What it is.
    pub name: String,
    /// How much.
    pub value: f64,
    /// Of what: `ms`, or nothing for a count.
    pub unit: String,
    /// How pieces are put together.
    pub over: Over,
}

/// What came of a scenario.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Tally {
    /// How often the promise was put to the test.
    pub tried: u64,
    /// What was measured.
    pub figures: Vec<Figure>,
    /// Every time it was not kept.
    pub broken: Vec<String>,
}

impl Tally {
    /// Counts something.
    pub fn count(&mut self, name: &str, value: u64) {
        self.figure(name, value as f64, "", Over::Sum);
    }

    /// Keeps the largest of several measurements, in milliseconds.
    pub fn longest(&mut self, name: &str, millis: f64) {
        self.figure(name, millis, "ms", Over::Most);
    }

    /// Keeps the largest of several counts.
    pub fn most(&mut self, name: &str, value: f64) {
        self.figure(name, value, "", Over::Most);
    }

    /// Says what was not kept.
    pub fn wrong(&mut self, what: impl Into<String>) {
        self.broken.push(what.into());
    }

    /// Adds another tally.
    pub fn add(&mut self, other: Self) {
        self.tried += other.tried;
        self.broken.extend(other.broken);
        for figure in other.figures {
            self.figure(&figure.name, figure.value, &figure.unit, figure.over);
        }
    }

    /// All figures, in words.
    pub fn words(&self) -> String {
        let word = |figure: &Figure| {
            let value = match figure.unit.as_str() {
                "" => thousands(figure.value.round()),
                unit => format!("{:.1} {unit}", figure.value),
            };
            format!("{}: {value}", figure.name)
        };
        self.figures.iter().map(word).collect::<Vec<_>>().join("; ")
    }

    fn figure(&mut self, name: &str, value: f64, unit: &str, over: Over) {
        match self.figures.iter_mut().find(|figure| figure.name == name) {
            Some(known) => match over {
                Over::Sum => known.value += value,
                Over::Most => known.value = known.value.max(value),
            },
            None => self.figures.push(Figure {
                name: name.to_owned(),
                value,
                unit: unit.to_owned(),
                over,
            }),
        }
    }
}

/// 12345 as 12,345.
pub fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_add_up() {
        let mut all = Tally::default();
        for (count, millis) in [(1000, 5.0), (234, 3.0)] {
            let mut piece = Tally {
                tried: 2,
                ..Tally::default()
            };
            piece.count("files", count);
            piece.longest("ready", millis);
            all.add(piece);
        }
        assert_eq!(all.tried, 4);
        assert_eq!(all.words(), "files: 1,234; ready: 5.0 ms");
    }
}
