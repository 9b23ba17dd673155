use super::{Db, SqlStore, broken, check_plain, escaped, key_of, limit_of, narrow};
use crate::engine::About;
use async_trait::async_trait;
use model::{AgentId, AssetId, RegionHandle, RegionId, RegionSize, Uuid};
use services::{GridService, RegionFlags, RegionInfo, Result, ServiceError};
use sqlx::Transaction;
use std::collections::BTreeMap;

/// Longest edge of a region. Bounds how far from a point the corner of a region can be that covers it.
const EDGE_M: u32 = 8192;
const NAME_BYTES: usize = 63;
const TEXT_BYTES: usize = 255;
/// Regions in one answer.
const MANY: i64 = 4096;

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    name: String,
    x_m: i64,
    y_m: i64,
    size_x_m: i64,
    size_y_m: i64,
    external_host: String,
    http_port: i64,
    udp_port: i64,
    server_uri: String,
    owner: Uuid,
    access: i64,
    flags: i64,
    map_image: Uuid,
    parcel_image: Uuid,
    token: String,
}

impl From<Row> for RegionInfo {
    fn from(row: Row) -> Self {
        Self {
            id: RegionId(row.id),
            name: row.name,
            handle: RegionHandle::from_metres(narrow(row.x_m), narrow(row.y_m)),
            size: RegionSize { x: narrow(row.size_x_m), y: narrow(row.size_y_m) },
            external_host: row.external_host,
            http_port: narrow(row.http_port),
            udp_port: narrow(row.udp_port),
            server_uri: row.server_uri,
            owner: AgentId(row.owner),
            access: narrow(row.access),
            flags: RegionFlags::from_bits_retain(narrow(row.flags)),
            map_image: AssetId(row.map_image),
            parcel_image: AssetId(row.parcel_image),
            token: row.token,
        }
    }
}

fn regions(rows: Vec<Row>) -> Vec<RegionInfo> {
    rows.into_iter().map(RegionInfo::from).collect()
}

fn refused<T>(why: &str) -> Result<T> {
    Err(ServiceError::Refused(why.to_owned()))
}

fn check(region: &RegionInfo) -> Result<()> {
    let invalid = |why: &str| Err(ServiceError::Invalid(why.to_owned()));
    if region.id.is_null() {
        return invalid("Invalid RegionID - cannot be zero UUID");
    }
    if region.name.trim().is_empty()
        || region.name.len() > NAME_BYTES
        || region.name.chars().any(char::is_control)
    {
        return invalid("a region's name has 1 to 63 bytes");
    }
    check_plain([region.external_host.as_str(), &region.server_uri, &region.token])?;
    if !region.size.is_valid() || region.size.x.max(region.size.y) > EDGE_M {
        return invalid("a region's edges are multiples of 256 m, at most 8192 m");
    }
    let corner = (region.handle.x_m(), region.handle.y_m());
    let end = (corner.0.checked_add(region.size.x), corner.1.checked_add(region.size.y));
    if !corner.0.is_multiple_of(model::CELL_M) || !corner.1.is_multiple_of(model::CELL_M) {
        return invalid("a region's corner is at a multiple of 256 m");
    }
    if end.0.is_none() || end.1.is_none() {
        return invalid("that is beyond the end of the world");
    }
    if [&region.external_host, &region.server_uri, &region.token].iter().any(|text| text.len() > TEXT_BYTES) {
        return invalid("an address has at most 255 bytes");
    }
    let host = |c: char| c.is_alphanumeric() || "-_.:[]%".contains(c);
    if !region.external_host.chars().all(host) || !is_address(&region.server_uri) {
        return invalid("a simulator's address is http://host:port/ and nothing beyond");
    }
    Ok(())
}

/// Whether this is where a simulator may be, or nothing: others in the grid ask there for what they please, so it must not
/// say what they ask.
fn is_address(uri: &str) -> bool {
    let rest = uri.strip_prefix("http://").or_else(|| uri.strip_prefix("https://"));
    let host = rest.map(|rest| rest.trim_end_matches('/'));
    uri.is_empty()
        || host.is_some_and(|host| {
            !host.is_empty() && host.chars().all(|c| c.is_alphanumeric() || "-_.:[]".contains(c))
        })
}

const OVERLAPPING: &str = "SELECT * FROM regions WHERE id <> $1 AND x_m < $2 + $4 AND x_m > $2 - $6 \
     AND x_m + size_x_m > $2 AND y_m < $3 + $5 AND y_m > $3 - $6 AND y_m + size_y_m > $3 ORDER BY id LIMIT 1";

const GIVE_WAY: &str = "DELETE FROM regions WHERE id <> $1 AND (flags & $8) = 0 AND (name_key = $7 \
     OR (x_m < $2 + $4 AND x_m > $2 - $6 AND x_m + size_x_m > $2 AND y_m < $3 + $5 AND y_m > $3 - $6 \
     AND y_m + size_y_m > $3))";

const PUT: &str = "INSERT INTO regions (id, name_key, name, x_m, y_m, size_x_m, size_y_m, external_host, http_port, \
     udp_port, server_uri, owner, access, flags, map_image, parcel_image, token, renewed) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) \
     ON CONFLICT (id) DO UPDATE SET name_key = excluded.name_key, name = excluded.name, x_m = excluded.x_m, \
     y_m = excluded.y_m, size_x_m = excluded.size_x_m, size_y_m = excluded.size_y_m, \
     external_host = excluded.external_host, http_port = excluded.http_port, udp_port = excluded.udp_port, \
     server_uri = excluded.server_uri, owner = excluded.owner, access = excluded.access, flags = excluded.flags, \
     map_image = excluded.map_image, parcel_image = excluded.parcel_image, token = excluded.token, \
     renewed = excluded.renewed";

impl SqlStore {
    /// What the grid keeps of the region's flags, once it is clear that the region may stand there (grid services fact
    /// sheet, 2.3).
    async fn admit(&self, change: &mut Transaction<'static, Db>, region: &RegionInfo) -> Result<RegionFlags> {
        // Entries that nobody stands up for give way.
        let kept = RegionFlags::ONLINE
            | RegionFlags::PERSISTENT
            | RegionFlags::RESERVATION
            | RegionFlags::LOCKED_OUT;
        sqlx::query(GIVE_WAY)
            .bind(region.id.0)
            .bind(i64::from(region.handle.x_m()))
            .bind(i64::from(region.handle.y_m()))
            .bind(i64::from(region.size.x))
            .bind(i64::from(region.size.y))
            .bind(i64::from(EDGE_M))
            .bind(key_of(&region.name))
            .bind(i64::from(kept.bits()))
            .execute(&mut **change)
            .await
            .map_err(broken)?;
        while let Some(other) = Self::overlapping(change, region).await? {
            self.take_reservation(change, &other, &region.token).await?;
        }
        let same_name = sqlx::query("SELECT id FROM regions WHERE name_key = $1 AND id <> $2")
            .bind(key_of(&region.name))
            .bind(region.id.0)
            .fetch_optional(&mut **change)
            .await
            .map_err(broken)?;
        if same_name.is_some() {
            return refused("Duplicate region name");
        }
        let known: Option<Row> = sqlx::query_as("SELECT * FROM regions WHERE id = $1")
            .bind(region.id.0)
            .fetch_optional(&mut **change)
            .await
            .map_err(broken)?;
        let Some(known) = known.map(RegionInfo::from) else { return Ok(RegionFlags::ONLINE) };
        if known.flags.contains(RegionFlags::LOCKED_OUT) {
            return refused("Region locked out");
        }
        if known.flags.contains(RegionFlags::AUTHENTICATE)
            && !self.is_token(change, known.owner, &region.token).await?
        {
            return refused("Bad authentication");
        }
        if known.handle != region.handle && known.flags.contains(RegionFlags::NO_MOVE) {
            return refused("Can't move this region");
        }
        Ok(known.flags.difference(RegionFlags::RESERVATION) | RegionFlags::ONLINE)
    }

    async fn overlapping(
        change: &mut Transaction<'static, Db>,
        region: &RegionInfo,
    ) -> Result<Option<RegionInfo>> {
        let row: Option<Row> = sqlx::query_as(OVERLAPPING)
            .bind(region.id.0)
            .bind(i64::from(region.handle.x_m()))
            .bind(i64::from(region.handle.y_m()))
            .bind(i64::from(region.size.x))
            .bind(i64::from(region.size.y))
            .bind(i64::from(EDGE_M))
            .fetch_optional(&mut **change)
            .await
            .map_err(broken)?;
        Ok(row.map(RegionInfo::from))
    }

    /// A place that is held for somebody is theirs who prove to be it; a region of its own stays.
    async fn take_reservation(
        &self,
        change: &mut Transaction<'static, Db>,
        held: &RegionInfo,
        token: &str,
    ) -> Result<()> {
        if !held.flags.contains(RegionFlags::RESERVATION) {
            return refused("Region overlaps another region");
        }
        if held.owner.is_null() {
            return refused("Region location is reserved");
        }
        if !self.is_token(change, held.owner, token).await? {
            return refused("Bad authentication");
        }
        sqlx::query("DELETE FROM regions WHERE id = $1")
            .bind(held.id.0)
            .execute(&mut **change)
            .await
            .map_err(broken)?;
        Ok(())
    }

    pub(crate) async fn forget_the_living(&self) -> Result<()> {
        let online = i64::from(RegionFlags::ONLINE.bits());
        let mut change = self.begin(About::Map).await?;
        sqlx::query("DELETE FROM presences").execute(&mut *change).await.map_err(broken)?;
        sqlx::query("UPDATE grid_users SET online = FALSE WHERE online = TRUE")
            .execute(&mut *change)
            .await
            .map_err(broken)?;
        // Flags that the operator set outlive the region's absence.
        sqlx::query("DELETE FROM regions WHERE flags = $1 OR flags = 0")
            .bind(online)
            .execute(&mut *change)
            .await
            .map_err(broken)?;
        sqlx::query("UPDATE regions SET flags = flags & ~$1")
            .bind(online)
            .execute(&mut *change)
            .await
            .map_err(broken)?;
        change.commit().await.map_err(broken)
    }
}

#[async_trait]
impl GridService for SqlStore {
    async fn register(&self, region: &RegionInfo) -> Result<()> {
        check(region)?;
        let mut change = self.begin(About::Map).await?;
        let flags = self.admit(&mut change, region).await?;
        sqlx::query(PUT)
            .bind(region.id.0)
            .bind(key_of(&region.name))
            .bind(&region.name)
            .bind(i64::from(region.handle.x_m()))
            .bind(i64::from(region.handle.y_m()))
            .bind(i64::from(region.size.x))
            .bind(i64::from(region.size.y))
            .bind(&region.external_host)
            .bind(i64::from(region.http_port))
            .bind(i64::from(region.udp_port))
            .bind(&region.server_uri)
            .bind(region.owner.0)
            .bind(i64::from(region.access))
            .bind(i64::from(flags.bits()))
            .bind(region.map_image.0)
            .bind(region.parcel_image.0)
            .bind(&region.token)
            .bind(self.now_s())
            .execute(&mut *change)
            .await
            .map_err(broken)?;
        change.commit().await.map_err(broken)
    }

    async fn deregister(&self, id: RegionId) -> Result<bool> {
        let mut change = self.begin(About::Map).await?;
        let flags: Option<i64> = sqlx::query_scalar("SELECT flags FROM regions WHERE id = $1")
            .bind(id.0)
            .fetch_optional(&mut *change)
            .await
            .map_err(broken)?;
        let Some(flags) = flags else { return Ok(false) };
        let flags = RegionFlags::from_bits_retain(narrow(flags));
        let query = if flags.contains(RegionFlags::PERSISTENT) {
            sqlx::query("UPDATE regions SET flags = $2 WHERE id = $1")
                .bind(id.0)
                .bind(i64::from(flags.difference(RegionFlags::ONLINE).bits()))
        } else {
            sqlx::query("DELETE FROM regions WHERE id = $1").bind(id.0)
        };
        query.execute(&mut *change).await.map_err(broken)?;
        change.commit().await.map_err(broken)?;
        Ok(true)
    }

    async fn by_id(&self, id: RegionId) -> Result<Option<RegionInfo>> {
        let row: Option<Row> = sqlx::query_as("SELECT * FROM regions WHERE id = $1")
            .bind(id.0)
            .fetch_optional(self.read())
            .await
            .map_err(broken)?;
        Ok(row.map(RegionInfo::from))
    }

    async fn by_position(&self, x_m: u32, y_m: u32) -> Result<Option<RegionInfo>> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT * FROM regions WHERE x_m <= $1 AND x_m > $1 - $3 AND x_m + size_x_m > $1 \
             AND y_m <= $2 AND y_m > $2 - $3 AND y_m + size_y_m > $2 ORDER BY id LIMIT 1",
        )
        .bind(i64::from(x_m))
        .bind(i64::from(y_m))
        .bind(i64::from(EDGE_M))
        .fetch_optional(self.read())
        .await
        .map_err(broken)?;
        Ok(row.map(RegionInfo::from))
    }

    async fn by_name(&self, name: &str) -> Result<Option<RegionInfo>> {
        let row: Option<Row> =
            sqlx::query_as("SELECT * FROM regions WHERE name_key = $1 ORDER BY id LIMIT 1")
                .bind(key_of(name))
                .fetch_optional(self.read())
                .await
                .map_err(broken)?;
        Ok(row.map(RegionInfo::from))
    }

    async fn search(&self, name: &str, limit: usize) -> Result<Vec<RegionInfo>> {
        let key = key_of(name);
        let pattern = escaped(&key);
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT * FROM regions WHERE name_key LIKE $3 ESCAPE '\\' ORDER BY \
             CASE WHEN name_key = $1 THEN 0 WHEN name_key LIKE $2 ESCAPE '\\' THEN 1 ELSE 2 END, name_key, id LIMIT $4",
        )
        .bind(key)
        .bind(format!("{pattern}%"))
        .bind(format!("%{pattern}%"))
        .bind(limit_of(limit).min(MANY))
        .fetch_all(self.read())
        .await
        .map_err(broken)?;
        Ok(regions(rows))
    }

    async fn range(&self, min_x_m: u32, min_y_m: u32, max_x_m: u32, max_y_m: u32) -> Result<Vec<RegionInfo>> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT * FROM regions WHERE x_m <= $3 AND x_m > $1 - $5 AND x_m + size_x_m > $1 \
             AND y_m <= $4 AND y_m > $2 - $5 AND y_m + size_y_m > $2 ORDER BY y_m, x_m, id LIMIT $6",
        )
        .bind(i64::from(min_x_m))
        .bind(i64::from(min_y_m))
        .bind(i64::from(max_x_m))
        .bind(i64::from(max_y_m))
        .bind(i64::from(EDGE_M))
        .bind(MANY)
        .fetch_all(self.read())
        .await
        .map_err(broken)?;
        Ok(regions(rows))
    }

    async fn neighbours(&self, id: RegionId) -> Result<Vec<RegionInfo>> {
        let Some(region) = GridService::by_id(self, id).await? else { return Ok(Vec::new()) };
        let (x, y) = (region.handle.x_m(), region.handle.y_m());
        let (end_x, end_y) = (x.saturating_add(region.size.x), y.saturating_add(region.size.y));
        let around = self.range(x.saturating_sub(1), y.saturating_sub(1), end_x, end_y).await?;
        let not_linked = |other: &RegionInfo| other.id != id && !other.flags.contains(RegionFlags::HYPERLINK);
        Ok(around.into_iter().filter(not_linked).collect())
    }

    async fn default_regions(&self) -> Result<Vec<RegionInfo>> {
        self.flagged(RegionFlags::DEFAULT_REGION | RegionFlags::ONLINE).await
    }

    async fn default_hypergrid_regions(&self) -> Result<Vec<RegionInfo>> {
        let mut regions = self.flagged(RegionFlags::DEFAULT_HYPERGRID_REGION | RegionFlags::ONLINE).await?;
        let mut others = GridService::default_regions(self).await?;
        others.retain(|region| !region.flags.contains(RegionFlags::DEFAULT_HYPERGRID_REGION));
        regions.append(&mut others);
        Ok(regions)
    }

    async fn hyperlinks(&self) -> Result<Vec<RegionInfo>> {
        self.flagged(RegionFlags::HYPERLINK).await
    }

    async fn extra_features(&self) -> Result<BTreeMap<String, String>> {
        Ok((*self.extra_features).clone())
    }

    async fn fallback_regions(&self, x_m: u32, y_m: u32) -> Result<Vec<RegionInfo>> {
        self.nearest(x_m, y_m, RegionFlags::FALLBACK_REGION | RegionFlags::ONLINE, MANY).await
    }

    async fn online_regions(&self, x_m: u32, y_m: u32, limit: usize) -> Result<Vec<RegionInfo>> {
        self.nearest(x_m, y_m, RegionFlags::ONLINE, limit_of(limit).min(MANY)).await
    }

    async fn flags(&self, id: RegionId) -> Result<Option<RegionFlags>> {
        Ok(GridService::by_id(self, id).await?.map(|region| region.flags))
    }

    async fn set_flags(&self, id: RegionId, set: RegionFlags, clear: RegionFlags) -> Result<bool> {
        let done = sqlx::query("UPDATE regions SET flags = (flags & ~$3) | $2 WHERE id = $1")
            .bind(id.0)
            .bind(i64::from(set.bits()))
            .bind(i64::from(clear.bits()))
            .execute(self.write())
            .await
            .map_err(broken)?;
        Ok(done.rows_affected() > 0)
    }
}

impl SqlStore {
    /// Regions that have all these flags, by name.
    async fn flagged(&self, flags: RegionFlags) -> Result<Vec<RegionInfo>> {
        let rows: Vec<Row> =
            sqlx::query_as("SELECT * FROM regions WHERE (flags & $1) = $1 ORDER BY name_key, id LIMIT $2")
                .bind(i64::from(flags.bits()))
                .bind(MANY)
                .fetch_all(self.read())
                .await
                .map_err(broken)?;
        Ok(regions(rows))
    }

    async fn nearest(&self, x_m: u32, y_m: u32, flags: RegionFlags, limit: i64) -> Result<Vec<RegionInfo>> {
        let hyperlink = i64::from(RegionFlags::HYPERLINK.bits());
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT * FROM regions WHERE (flags & $1) = $1 AND (flags & $2) = 0 ORDER BY \
             (x_m - $3) / 256 * ((x_m - $3) / 256) + (y_m - $4) / 256 * ((y_m - $4) / 256), id LIMIT $5",
        )
        .bind(i64::from(flags.bits()))
        .bind(hyperlink)
        .bind(i64::from(x_m))
        .bind(i64::from(y_m))
        .bind(limit)
        .fetch_all(self.read())
        .await
        .map_err(broken)?;
        Ok(regions(rows))
    }
}
