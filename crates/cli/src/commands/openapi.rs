//! `valetkey openapi`

use crate::error::Error;
use crate::text::print;

/// Prints the document.
pub(crate) fn run() -> Result<(), Error> {
    print(valetkey_server::openapi::document().trim_end())
}
