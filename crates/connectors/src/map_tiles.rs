use crate::client::Client;
use async_trait::async_trait;
use model::GridCell;
use robust::map_tiles::{Call, WORDING, file_name};
use services::{MapTileService, Result};
use std::sync::Arc;

/// Longest picture, bytes.
const JPEG_BYTES: usize = 1 << 20;

/// Map tiles, from `/map` of a grid.
#[derive(Clone, Debug)]
pub struct HttpMapTiles {
    private: Arc<Client>,
    public: Arc<Client>,
}

impl HttpMapTiles {
    /// Hands pictures in at the grid's private port, and gets them where viewers get them, at its public one.
    pub fn new(private: Arc<Client>, public: Arc<Client>) -> Self {
        Self { private, public }
    }

    async fn tell(&self, call: Call) -> Result<()> {
        self.private.ask(call.path(), call.to_form(), |answer| WORDING.read(answer)).await
    }
}

#[async_trait]
impl MapTileService for HttpMapTiles {
    async fn put(&self, cell: GridCell, jpeg: Arc<[u8]>) -> Result<()> {
        self.tell(Call::Put(cell, jpeg)).await
    }

    /// Whether it was there, the grid does not say: that it is gone counts as yes.
    async fn remove(&self, cell: GridCell) -> Result<bool> {
        self.tell(Call::Remove(cell)).await.map(|()| true)
    }

    async fn get(&self, cell: GridCell) -> Result<Option<Arc<[u8]>>> {
        let path = format!("/{}", file_name(cell));
        Ok(self.public.get(&path, JPEG_BYTES).await?.map(|jpeg| Arc::from(&jpeg[..])))
    }
}
