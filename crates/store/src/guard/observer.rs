//! Who is told about calls to storage.

use std::time::Duration;

use super::BreakerState;

/// Hears of every control call and of every change of a breaker. It must not wait for anything.
pub trait StoreObserver: Send + Sync + 'static {
    /// A call is over.
    fn called(&self, bucket: &str, operation: Operation, outcome: Outcome, took: Duration);

    /// The breaker of a bucket opened or closed.
    fn breaker(&self, bucket: &str, state: BreakerState);

    /// Storage's clock was seen to be so many seconds ahead of ours; behind when negative.
    fn clock(&self, bucket: &str, offset: i64);
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Done.
    Ok,
    /// There is no such object or multipart upload.
    NotFound,
    /// The object is another one.
    PreconditionFailed,
    /// Storage said no, or the call could not be signed.
    Refused,
    /// Storage is full.
    Full,
    /// No answer, or none of use, after all retries.
    Unavailable,
    /// Not sent, because the breaker is open.
    ShortCircuited,
    /// Not waited for to its end: whoever asked has gone or had no more time.
    Abandoned,
}

impl Outcome {
    /// Its name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NotFound => "not_found",
            Self::PreconditionFailed => "precondition_failed",
            Self::Refused => "refused",
            Self::Full => "full",
            Self::Unavailable => "unavailable",
            Self::ShortCircuited => "short_circuited",
            Self::Abandoned => "abandoned",
        }
    }
}

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident = $text:literal),* $(,)?) => {
        /// A control call, by the name of its method.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Operation {
            $($(#[$doc])* $name),*
        }

        impl Operation {
            /// Its name in metrics.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// The fail point before it is sent.
            pub fn before(self) -> &'static str {
                match self { $(Self::$name => concat!("store.", $text, ".before")),* }
            }

            /// The fail point after it was done, when nobody knows yet.
            pub fn after(self) -> &'static str {
                match self { $(Self::$name => concat!("store.", $text, ".after")),* }
            }
        }
    };
}

operations! {
    /// [`ObjectStore::head`](crate::ObjectStore::head).
    Head = "head",
    /// [`ObjectStore::copy`](crate::ObjectStore::copy).
    Copy = "copy",
    /// [`ObjectStore::create_multipart`](crate::ObjectStore::create_multipart).
    CreateMultipart = "create_multipart",
    /// [`ObjectStore::list_parts`](crate::ObjectStore::list_parts).
    ListParts = "list_parts",
    /// [`ObjectStore::complete_multipart`](crate::ObjectStore::complete_multipart).
    CompleteMultipart = "complete_multipart",
    /// [`ObjectStore::abort_multipart`](crate::ObjectStore::abort_multipart).
    AbortMultipart = "abort_multipart",
    /// [`ObjectStore::put_empty`](crate::ObjectStore::put_empty).
    PutEmpty = "put_empty",
    /// [`ObjectStore::delete`](crate::ObjectStore::delete).
    Delete = "delete",
    /// [`ObjectStore::read`](crate::ObjectStore::read).
    Read = "read",
    /// [`ObjectStore::list_objects`](crate::ObjectStore::list_objects).
    ListObjects = "list_objects",
    /// [`ObjectStore::list_multiparts`](crate::ObjectStore::list_multiparts).
    ListMultiparts = "list_multiparts",
    /// [`ObjectStore::ping`](crate::ObjectStore::ping).
    Ping = "ping",
}
