//! Passwords of links: Argon2id, on threads of its own and few at a time, for each takes 19 MiB.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;
use valetkey_protocol::Secret;

use crate::Error;

/// How many are computed at a time.
static ROOM: Semaphore = Semaphore::const_new(2);

/// Memory in KiB, passes and lanes: what OWASP recommends at least
/// (<https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html>).
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);

/// The bytes of a hash.
const LENGTH: usize = 32;

/// The hash of a password, as a PHC string.
pub(super) async fn hash(password: Secret, salt: [u8; 16]) -> Result<String, Error> {
    let (memory, passes, lanes) = COST;
    let hash = compute(password, salt.to_vec(), COST).await?;
    let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
    Ok(format!(
        "$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${hash}"
    ))
}

/// Whether a password has this hash.
pub(super) async fn holds(password: Secret, phc: &str) -> Result<bool, Error> {
    let unreadable = || Error::Internal("the hash of a password cannot be read".to_owned());
    let (cost, salt, expected) = read(phc).ok_or_else(unreadable)?;
    let found = compute(password, salt, cost).await?;
    Ok(found.ct_eq(expected.as_slice()).into())
}

/// Costs, salt and hash.
type Parts = ((u32, u32, u32), Vec<u8>, Vec<u8>);

fn read(phc: &str) -> Option<Parts> {
    let mut fields = phc.strip_prefix("$argon2id$v=19$")?.split('$');
    let mut costs = fields.next()?.split(',');
    let mut cost = |name: &str| costs.next()?.strip_prefix(name)?.parse().ok();
    let cost = (cost("m=")?, cost("t=")?, cost("p=")?);
    let salt = STANDARD_NO_PAD.decode(fields.next()?).ok()?;
    let hash = STANDARD_NO_PAD.decode(fields.next()?).ok()?;
    Some((cost, salt, hash))
}

async fn compute(
    password: Secret,
    salt: Vec<u8>,
    (memory, passes, lanes): (u32, u32, u32),
) -> Result<[u8; LENGTH], Error> {
    let failed = |what: &dyn std::fmt::Display| Error::Internal(format!("argon2: {what}"));
    let _place = ROOM.acquire().await.map_err(|error| failed(&error))?;
    let params = Params::new(memory, passes, lanes, Some(LENGTH));
    let params = params.map_err(|error| failed(&error))?;
    let work = move || {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut hash = [0; LENGTH];
        let done = argon2.hash_password_into(password.expose().as_bytes(), &salt, &mut hash);
        done.map(|()| hash)
    };
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| failed(&error))?
        .map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_holds_and_no_other_does() {
        let phc = hash(Secret::new("één"), [7; 16]).await.unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(holds(Secret::new("één"), &phc).await.unwrap());
        assert!(!holds(Secret::new("één "), &phc).await.unwrap());
        for wrong in ["", "één", "$argon2id$v=19$m=8,t=1,p=1$!$!"] {
            assert!(holds(Secret::new("één"), wrong).await.is_err(), "{wrong}");
        }
    }
}
