//! Does it keep its promises when it is killed, stopped, starved and lied to? One scenario for each promise;
//! every choice comes from a seed.
//!
//! - [`service`] runs the real server as a process, with traps at its fail points ([`points`]);
//! - [`machine`] is the same service inside this process, on a clock that is moved by hand;
//! - [`proxy`] stands between server and storage and misbehaves;
//! - [`postgres`] is a database of one's own that is killed, restarted and promoted;
//! - [`fleet`] is several servers on one catalog;
//! - [`flood`] is more than a service can do;
//! - [`sink`] is where webhooks arrive, or do not;
//! - [`driver`] is a client that keeps a [`journal`] of what was acknowledged;
//! - [`oracle`] judges what is left when everything has settled.

pub mod all;
pub mod book;
pub mod catalog;
pub mod child;
pub mod clock;
pub mod dice;
pub mod driver;
pub mod error;
pub mod fleet;
pub mod flood;
pub mod host;
pub mod journal;
pub mod machine;
pub mod oracle;
pub mod points;
pub mod postgres;
pub mod proxy;
pub mod report;
pub mod scenario;
pub mod service;
pub mod sink;
pub mod token;
