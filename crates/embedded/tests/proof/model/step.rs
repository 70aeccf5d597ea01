//! The steps, and how likely each is.

use proptest::prelude::*;

/// Where the objects are. Some keys are prefixes of others, and some look like folders.
pub(super) const KEYS: [&str; 11] = [
    "a", "a/b", "a/b/c", "a/c", "a0", "b", "b/", "dir/1", "dir/2", "é", "ü/x+y z",
];
/// What is listed.
pub(super) const PREFIXES: [&str; 6] = ["", "a", "a/", "dir/", "ü", "zz"];
/// The smallest part that need not be the last one.
pub(super) const LARGE: usize = 5 << 20;

/// One thing a client does, or that happens to the store.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Put {
        key: usize,
        body: Body,
        condition: Condition,
        digest: Digest,
    },
    /// A body that ends before its declared length.
    Truncated {
        key: usize,
        body: Body,
    },
    Get {
        key: usize,
        condition: ReadCondition,
        range: Option<Range>,
    },
    Head {
        key: usize,
        condition: ReadCondition,
    },
    Delete {
        key: usize,
        version: Option<Version>,
    },
    DeleteMany {
        keys: Vec<usize>,
    },
    Copy {
        source: usize,
        target: usize,
        source_condition: ReadCondition,
        condition: Condition,
        replace: Option<u8>,
    },
    Create {
        key: usize,
        sums: Sums,
        mark: u8,
    },
    Part {
        slot: usize,
        number: u16,
        body: Body,
        right: bool,
    },
    CopyPart {
        slot: usize,
        number: u16,
        source: usize,
        range: Option<(usize, usize)>,
    },
    Complete {
        slot: usize,
        choice: Choice,
        condition: Condition,
    },
    Abort {
        slot: usize,
    },
    ListParts {
        slot: usize,
        limit: usize,
    },
    ListUploads {
        limit: usize,
    },
    List {
        prefix: usize,
        delimiter: bool,
        limit: usize,
        first_version: bool,
    },
    /// Closed and opened again.
    Reopen,
    /// Killed in the middle of a PUT, and opened again.
    Crash,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Body {
    pub(super) seed: u8,
    pub(super) size: usize,
}

/// Of a write.
#[derive(Clone, Copy, Debug)]
pub(super) enum Condition {
    None,
    Absent,
    Match(Version),
}

/// Of a read, and of a copy's source.
#[derive(Clone, Copy, Debug)]
pub(super) enum ReadCondition {
    None,
    Match(Version),
    NoneMatch(Version),
    ModifiedSince { future: bool },
    UnmodifiedSince { future: bool },
}

/// Which ETag a condition names.
#[derive(Clone, Copy, Debug)]
pub(super) enum Version {
    Current,
    Other,
}

/// What a PUT says of its bytes, and whether that is true.
#[derive(Clone, Copy, Debug)]
pub(super) enum Digest {
    None,
    Md5 { right: bool },
    Sum { algorithm: Algorithm, right: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

/// The checksum of an upload in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sums {
    Default,
    Full(Algorithm),
    Composite(Algorithm),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Range {
    Between(usize, usize),
    From(usize),
    Last(usize),
}

/// Which parts a Complete names.
#[derive(Clone, Copy, Debug)]
pub(super) enum Choice {
    All,
    LastOnly,
    Backwards,
    OneTooMany,
    WrongEtag,
}

fn key() -> impl Strategy<Value = usize> + Clone {
    0..KEYS.len()
}

fn body() -> impl Strategy<Value = Body> + Clone {
    let size = prop_oneof![
        1 => Just(0),
        6 => 1..2000_usize,
        3 => 2000..200_000_usize,
    ];
    (0..4_u8, size).prop_map(|(seed, size)| Body { seed, size })
}

fn part_body() -> impl Strategy<Value = Body> + Clone {
    let large = (0..4_u8).prop_map(|seed| Body { seed, size: LARGE });
    prop_oneof![6 => body(), 1 => large]
}

fn version() -> impl Strategy<Value = Version> + Clone {
    prop_oneof![2 => Just(Version::Current), 1 => Just(Version::Other)]
}

fn condition() -> impl Strategy<Value = Condition> + Clone {
    prop_oneof![
        4 => Just(Condition::None),
        1 => Just(Condition::Absent),
        1 => version().prop_map(Condition::Match),
    ]
}

fn read_condition() -> impl Strategy<Value = ReadCondition> + Clone {
    prop_oneof![
        6 => Just(ReadCondition::None),
        1 => version().prop_map(ReadCondition::Match),
        1 => version().prop_map(ReadCondition::NoneMatch),
        1 => any::<bool>().prop_map(|future| ReadCondition::ModifiedSince { future }),
        1 => any::<bool>().prop_map(|future| ReadCondition::UnmodifiedSince { future }),
    ]
}

fn algorithm() -> impl Strategy<Value = Algorithm> + Clone {
    prop_oneof![
        Just(Algorithm::Crc32),
        Just(Algorithm::Crc32c),
        Just(Algorithm::Crc64Nvme),
        Just(Algorithm::Sha1),
        Just(Algorithm::Sha256),
    ]
}

fn mostly() -> impl Strategy<Value = bool> + Clone {
    prop::bool::weighted(0.8)
}

fn digest() -> impl Strategy<Value = Digest> + Clone {
    prop_oneof![
        3 => Just(Digest::None),
        1 => mostly().prop_map(|right| Digest::Md5 { right }),
        3 => (algorithm(), mostly()).prop_map(|(algorithm, right)| Digest::Sum { algorithm, right }),
    ]
}

fn sums() -> impl Strategy<Value = Sums> + Clone {
    prop_oneof![
        3 => Just(Sums::Default),
        1 => Just(Sums::Full(Algorithm::Crc32)),
        1 => Just(Sums::Full(Algorithm::Crc64Nvme)),
        1 => Just(Sums::Composite(Algorithm::Crc32c)),
        1 => Just(Sums::Composite(Algorithm::Sha256)),
    ]
}

fn offset() -> impl Strategy<Value = usize> + Clone {
    prop_oneof![4 => 0..3000_usize, 1 => 0..300_000_usize]
}

/// The first and the last of a range.
fn offsets() -> impl Strategy<Value = (usize, usize)> + Clone {
    (offset(), offset()).prop_map(|(a, b)| (a.min(b), a.max(b)))
}

fn range() -> impl Strategy<Value = Range> + Clone {
    prop_oneof![
        offsets().prop_map(|(first, last)| Range::Between(first, last)),
        offset().prop_map(Range::From),
        (1..3000_usize).prop_map(Range::Last),
    ]
}

fn choice() -> impl Strategy<Value = Choice> + Clone {
    prop_oneof![
        6 => Just(Choice::All),
        3 => Just(Choice::LastOnly),
        1 => Just(Choice::Backwards),
        1 => Just(Choice::OneTooMany),
        1 => Just(Choice::WrongEtag),
    ]
}

/// Any step; every one makes sense in every state.
pub(super) fn any_step() -> BoxedStrategy<Step> {
    let slot = 0..8_usize;
    let number = 1..4_u16;
    let limit = prop_oneof![1..4_usize, Just(1000)];
    let reading = prop_oneof![
        10 => (key(), read_condition(), prop::option::of(range()))
            .prop_map(|(key, condition, range)| Step::Get { key, condition, range }),
        6 => (key(), read_condition()).prop_map(|(key, condition)| Step::Head { key, condition }),
        10 => (0..PREFIXES.len(), any::<bool>(), limit.clone(), any::<bool>()).prop_map(
            |(prefix, delimiter, limit, first_version)| Step::List { prefix, delimiter, limit, first_version }
        ),
    ];
    let copies = (
        key(),
        key(),
        read_condition(),
        condition(),
        prop::option::of(0..4_u8),
    )
        .prop_map(
            |(source, target, source_condition, condition, replace)| Step::Copy {
                source,
                target,
                source_condition,
                condition,
                replace,
            },
        );
    let writing = prop_oneof![
        14 => (key(), body(), condition(), digest())
            .prop_map(|(key, body, condition, digest)| Step::Put { key, body, condition, digest }),
        2 => (key(), body()).prop_map(|(key, body)| Step::Truncated { key, body }),
        6 => (key(), prop::option::weighted(0.3, version())).prop_map(|(key, version)| Step::Delete { key, version }),
        1 => prop::collection::vec(key(), 1..4).prop_map(|keys| Step::DeleteMany { keys }),
        8 => copies,
    ];
    let uploading = prop_oneof![
        6 => (key(), sums(), 0..4_u8).prop_map(|(key, sums, mark)| Step::Create { key, sums, mark }),
        14 => (slot.clone(), number.clone(), part_body(), mostly())
            .prop_map(|(slot, number, body, right)| Step::Part { slot, number, body, right }),
        3 => (slot.clone(), number, key(), prop::option::of(offsets())).prop_map(
            |(slot, number, source, range)| Step::CopyPart { slot, number, source, range }
        ),
        8 => (slot.clone(), choice(), condition())
            .prop_map(|(slot, choice, condition)| Step::Complete { slot, choice, condition }),
        1 => slot.clone().prop_map(|slot| Step::Abort { slot }),
        2 => (slot, limit.clone()).prop_map(|(slot, limit)| Step::ListParts { slot, limit }),
        2 => limit.prop_map(|limit| Step::ListUploads { limit }),
    ];
    prop_oneof![
        26 => reading,
        31 => writing,
        36 => uploading,
        1 => Just(Step::Reopen),
        1 => Just(Step::Crash),
    ]
    .boxed()
}
