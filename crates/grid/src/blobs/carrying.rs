//! From one place to another, as backups do it.

use super::{Blobs, Found, Hash};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use services::{ASSET_BYTES_MAX, Result};

/// How many are on their way at a time: a round trip to a bucket is long.
const AT_ONCE: usize = 8;

/// What became of contents that were to be carried.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Carried {
    /// How many are there now.
    pub there: u64,
    /// Those that could not be had: they are nowhere, or spoilt.
    pub missing: Vec<Hash>,
}

impl Blobs {
    /// Copies contents. What is there already stays.
    ///
    /// # Errors
    /// One of the two places does not answer, or takes nothing.
    pub async fn carry(&self, hashes: &[Hash], to: &Self) -> Result<Carried> {
        let carry = async |hash: &Hash| -> Result<bool> {
            if to.size(hash).await?.is_some() {
                return Ok(true);
            }
            match self.look(hash, ASSET_BYTES_MAX).await? {
                Found::Content(data) => to.put(hash, data).await.map(|()| true),
                Found::Nothing | Found::Spoilt => Ok(false),
            }
        };
        let mut carried = Carried::default();
        let mut all = stream::iter(hashes)
            .map(async |hash| carry(hash).await.map(|there| (there, *hash)))
            .buffer_unordered(AT_ONCE);
        while let Some((there, hash)) = all.try_next().await? {
            if there {
                carried.there += 1;
            } else {
                carried.missing.push(hash);
            }
        }
        drop(all);
        carried.missing.sort_unstable();
        Ok(carried)
    }

    /// Those of these that are not there.
    ///
    /// # Errors
    /// The place does not answer.
    pub async fn lacking(&self, hashes: &[Hash]) -> Result<Vec<Hash>> {
        let mut all = stream::iter(hashes)
            .map(async |hash| self.size(hash).await.map(|there| there.is_none().then_some(*hash)))
            .buffer_unordered(AT_ONCE);
        let mut lacking = Vec::new();
        while let Some(found) = all.try_next().await? {
            lacking.extend(found);
        }
        drop(all);
        lacking.sort_unstable();
        Ok(lacking)
    }
}

#[cfg(test)]
mod tests {
    use super::super::hash_of;
    use super::*;
    use object_store::memory::InMemory;
    use std::sync::Arc;

    #[tokio::test]
    async fn what_is_there_and_sound_arrives() {
        let place = || Blobs::on(Arc::new(InMemory::new()), "");
        let (from, to) = (place(), place());
        let contents: Vec<Vec<u8>> = (0..40_u8).map(|n| vec![n; usize::from(n)]).collect();
        let hashes: Vec<Hash> = contents.iter().map(|data| hash_of(data)).collect();
        for (hash, data) in hashes.iter().zip(&contents).skip(2) {
            from.put(hash, Arc::from(&data[..])).await.unwrap();
        }
        // One is there already, one is nowhere, one is spoilt.
        to.put(&hashes[0], Arc::from(&contents[0][..])).await.unwrap();
        from.put(&hashes[7], Arc::from(&b"other"[..])).await.unwrap();
        let mut missing = vec![hashes[1], hashes[7]];
        missing.sort_unstable();
        let carried = from.carry(&hashes, &to).await.unwrap();
        assert_eq!(carried, Carried { there: 38, missing: missing.clone() });
        assert_eq!(to.lacking(&hashes).await.unwrap(), missing);
        for (hash, data) in hashes.iter().zip(&contents).filter(|(hash, _)| !missing.contains(hash)) {
            assert_eq!(to.get(hash, ASSET_BYTES_MAX).await.unwrap()[..], data[..]);
        }
    }
}
