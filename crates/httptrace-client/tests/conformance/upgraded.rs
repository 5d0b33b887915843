//! What is spoken over a connection after a 101.

use std::io;

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::scenario::{UpgradedKeyed, UpgradedOp, UpgradedWord};
use crate::signals::Signals;

/// Follows a script; what is read goes into `body`.
pub(crate) async fn follow<B>(
    response: http::Response<B>,
    script: &[UpgradedOp],
    signals: &Signals,
    body: &mut Vec<u8>,
) -> io::Result<()> {
    let upgraded = hyper::upgrade::on(response).await;
    let mut stream = Some(TokioIo::new(upgraded.map_err(io::Error::other)?));
    for op in script {
        let open = stream.as_mut().ok_or(io::ErrorKind::NotConnected);
        match op {
            UpgradedOp::Word(UpgradedWord::Close) => stream = None,
            UpgradedOp::Word(UpgradedWord::Read) => {
                open?.read_to_end(body).await?;
            }
            UpgradedOp::Keyed(UpgradedKeyed::Read(count)) => {
                let mut part = open?.take(*count as u64);
                if part.read_to_end(body).await? < *count {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            UpgradedOp::Keyed(UpgradedKeyed::Send(text)) => {
                let stream = open?;
                stream.write_all(&text.written_out(str::to_owned)).await?;
                stream.flush().await?;
            }
            UpgradedOp::Keyed(UpgradedKeyed::Wait(signal)) => signals.wait(signal).await,
            UpgradedOp::Keyed(UpgradedKeyed::Set(signal)) => signals.set(signal),
        }
    }
    Ok(())
}
