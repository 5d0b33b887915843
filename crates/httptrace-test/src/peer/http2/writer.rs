//! Writing frames, and telling when.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncWriteExt, WriteHalf};
use tokio::sync::Mutex;

use super::frame::Draft;
use crate::peer::record::Io;
use crate::peer::stage::{Stage, now};
use crate::peer::wire::Wire;

/// The sending direction, which the script shares with the acknowledgements.
pub(super) struct Writer {
    out: Mutex<Out>,
    stage: Arc<Stage>,
    index: usize,
}

struct Out {
    half: WriteHalf<Box<dyn Wire>>,
    piece: usize,
    pause: Duration,
}

impl Writer {
    pub(super) fn new(half: WriteHalf<Box<dyn Wire>>, stage: Arc<Stage>, index: usize) -> Self {
        let out = Mutex::new(Out {
            half,
            piece: usize::MAX,
            pause: Duration::ZERO,
        });
        Self { out, stage, index }
    }

    pub(super) async fn set_pieces(&self, piece: usize, pause: Duration) {
        let mut out = self.out.lock().await;
        (out.piece, out.pause) = (piece, pause);
    }

    /// Writes frames, with no other between them.
    pub(super) async fn frames(&self, drafts: &[Draft]) -> io::Result<()> {
        let mut out = self.out.lock().await;
        for (number, draft) in drafts.iter().enumerate() {
            if number > 0 && !out.pause.is_zero() {
                tokio::time::sleep(out.pause).await;
            }
            let begun = now();
            self.write(&mut out, &draft.bytes()).await?;
            let frame = draft.clone().written(begun, now());
            self.stage
                .record(self.index, |report| report.http2.sent.push(frame));
        }
        Ok(())
    }

    pub(super) async fn raw(&self, bytes: &[u8]) -> io::Result<()> {
        let mut out = self.out.lock().await;
        self.write(&mut out, bytes).await
    }

    pub(super) async fn shut_down(&self) -> io::Result<()> {
        self.out.lock().await.half.shutdown().await
    }

    pub(super) fn into_half(self) -> WriteHalf<Box<dyn Wire>> {
        self.out.into_inner().half
    }

    async fn write(&self, out: &mut Out, bytes: &[u8]) -> io::Result<()> {
        for (number, piece) in bytes.chunks(out.piece).enumerate() {
            if number > 0 && !out.pause.is_zero() {
                tokio::time::sleep(out.pause).await;
            }
            let begun = now();
            out.half.write_all(piece).await?;
            out.half.flush().await?;
            let at = now();
            let bytes = piece.to_vec();
            let io = Io { begun, at, bytes };
            self.stage
                .record(self.index, |report| report.writes.push(io));
        }
        Ok(())
    }
}
