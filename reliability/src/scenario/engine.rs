//! Short ways to use a machine's engine as a client would.

use bytes::Bytes;
use serde_json::Value;
use valetkey_protocol::upload::Upload;

use crate::driver::wish;
use crate::error::{At, Failure, Outcome};
use crate::machine::{Machine, user};

/// Creates an upload of these bytes.
///
/// # Errors
/// It is refused.
pub async fn create(machine: &Machine, subject: &str, bytes: &[u8]) -> Outcome<Upload> {
    create_as(machine, subject, wish(bytes)).await
}

/// Creates an upload with a wish of its own.
///
/// # Errors
/// It is refused.
pub async fn create_as(machine: &Machine, subject: &str, wish: Value) -> Outcome<Upload> {
    let wish = serde_json::from_value(wish)?;
    Ok(machine.engine.create_upload(&user(subject)?, wish).await?)
}

/// Sends all bytes of an upload that was just created.
///
/// # Errors
/// Storage does not take them.
pub async fn put(machine: &Machine, upload: &Upload, bytes: &[u8]) -> Outcome<()> {
    let status = |status| Failure::new(format!("storage answers {status}"));
    if let Some(request) = &upload.request {
        return match machine.put(request, Bytes::copy_from_slice(bytes)).await? {
            200 => Ok(()),
            other => Err(status(other)),
        };
    }
    for part in upload.parts.as_ref().at("the parts of an upload")? {
        let begin = usize::try_from(part.offset)?;
        let slice = &bytes[begin..begin + usize::try_from(part.size)?];
        match machine
            .put(&part.request, Bytes::copy_from_slice(slice))
            .await?
        {
            200 => {}
            other => return Err(status(other)),
        }
    }
    Ok(())
}
