//! The thin link in front of the service, which knows nothing of it.

use tokio::net::TcpStream;

use super::super::link::{Link, Linked};
use super::serve::listen;
use crate::error::Error;

/// Passes on every connection to the address `to`, over a link, until `end`.
pub(super) async fn relay(
    to: &str,
    link: Link,
    end: impl Future<Output = ()>,
) -> Result<(), Error> {
    let listener = listen("relay").await?;
    let accept = async {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                continue;
            };
            let (to, link) = (to.to_owned(), link.clone());
            tokio::spawn(async move {
                if let Ok(service) = TcpStream::connect(&to).await {
                    let mut near = Linked::new(stream, Some(link));
                    let mut far = Linked::new(service, None);
                    tokio::io::copy_bidirectional(&mut near, &mut far)
                        .await
                        .ok();
                }
            });
        }
    };
    tokio::select! {
        () = accept => {}
        () = end => {}
    }
    Ok(())
}
