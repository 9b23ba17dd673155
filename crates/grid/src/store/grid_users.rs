use super::{CHUNK, SqlStore, broken, narrow, one_of};
use crate::engine::About;
use async_trait::async_trait;
use model::{AgentId, RegionId, Uuid, Vec3};
use services::{GridUser, GridUserService, Place, Result};

#[derive(sqlx::FromRow)]
struct Row {
    agent: Uuid,
    home_region: Uuid,
    home_x: f32,
    home_y: f32,
    home_z: f32,
    home_look_x: f32,
    home_look_y: f32,
    home_look_z: f32,
    last_region: Uuid,
    last_x: f32,
    last_y: f32,
    last_z: f32,
    last_look_x: f32,
    last_look_y: f32,
    last_look_z: f32,
    online: bool,
    login: i64,
    logout: i64,
}

impl From<Row> for GridUser {
    fn from(row: Row) -> Self {
        let place = |region: Uuid, position, look_at| {
            let region = RegionId(region);
            (!region.is_null()).then_some(Place { region, position, look_at })
        };
        Self {
            agent: AgentId(row.agent),
            home: place(
                row.home_region,
                Vec3::new(row.home_x, row.home_y, row.home_z),
                Vec3::new(row.home_look_x, row.home_look_y, row.home_look_z),
            ),
            last: place(
                row.last_region,
                Vec3::new(row.last_x, row.last_y, row.last_z),
                Vec3::new(row.last_look_x, row.last_look_y, row.last_look_z),
            ),
            online: row.online,
            login: narrow(row.login),
            logout: narrow(row.logout),
        }
    }
}

/// An entry of somebody who has none: nowhere, never.
const ENSURE: &str = "INSERT INTO grid_users (agent, home_region, home_x, home_y, home_z, home_look_x, home_look_y, \
     home_look_z, last_region, last_x, last_y, last_z, last_look_x, last_look_y, last_look_z, online, login, logout) \
     VALUES ($1, $2, 0, 0, 0, 0, 0, 0, $2, 0, 0, 0, 0, 0, 0, FALSE, 0, 0) ON CONFLICT (agent) DO NOTHING";

const SET_HOME: &str = "UPDATE grid_users SET home_region = $2, home_x = $3, home_y = $4, home_z = $5, \
     home_look_x = $6, home_look_y = $7, home_look_z = $8 WHERE agent = $1";

const SET_LAST: &str = "UPDATE grid_users SET last_region = $2, last_x = $3, last_y = $4, last_z = $5, \
     last_look_x = $6, last_look_y = $7, last_look_z = $8 WHERE agent = $1";

const LOGGED_OUT: &str = "UPDATE grid_users SET last_region = $2, last_x = $3, last_y = $4, last_z = $5, \
     last_look_x = $6, last_look_y = $7, last_look_z = $8, online = FALSE, logout = $9 WHERE agent = $1";

/// No infinities and no NaN: they would come back in every login.
fn finite(vector: Vec3) -> Vec3 {
    if vector.is_finite() { vector } else { Vec3::ZERO }
}

impl SqlStore {
    async fn put_place(
        &self,
        statement: &'static str,
        agent: AgentId,
        place: Place,
        at: Option<i64>,
    ) -> Result<()> {
        let (position, look_at) = (finite(place.position), finite(place.look_at));
        let mut change = self.begin(About::Person(agent)).await?;
        sqlx::query(ENSURE).bind(agent.0).bind(Uuid::nil()).execute(&mut *change).await.map_err(broken)?;
        let query = sqlx::query(statement)
            .bind(agent.0)
            .bind(place.region.0)
            .bind(position.x)
            .bind(position.y)
            .bind(position.z)
            .bind(look_at.x)
            .bind(look_at.y)
            .bind(look_at.z);
        let query = match at {
            Some(at) => query.bind(at),
            None => query,
        };
        query.execute(&mut *change).await.map_err(broken)?;
        change.commit().await.map_err(broken)
    }
}

#[async_trait]
impl GridUserService for SqlStore {
    async fn logged_in(&self, agent: AgentId) -> Result<GridUser> {
        let mut change = self.begin(About::Person(agent)).await?;
        sqlx::query(ENSURE).bind(agent.0).bind(Uuid::nil()).execute(&mut *change).await.map_err(broken)?;
        sqlx::query("UPDATE grid_users SET online = TRUE, login = $2 WHERE agent = $1")
            .bind(agent.0)
            .bind(self.now_s())
            .execute(&mut *change)
            .await
            .map_err(broken)?;
        let row: Row = sqlx::query_as("SELECT * FROM grid_users WHERE agent = $1")
            .bind(agent.0)
            .fetch_one(&mut *change)
            .await
            .map_err(broken)?;
        change.commit().await.map_err(broken)?;
        Ok(row.into())
    }

    async fn logged_out(&self, agent: AgentId, last: Place) -> Result<()> {
        self.put_place(LOGGED_OUT, agent, last, Some(self.now_s())).await
    }

    async fn set_home(&self, agent: AgentId, home: Place) -> Result<()> {
        self.put_place(SET_HOME, agent, home, None).await
    }

    async fn set_last_position(&self, agent: AgentId, last: Place) -> Result<()> {
        self.put_place(SET_LAST, agent, last, None).await
    }

    async fn get(&self, agent: AgentId) -> Result<Option<GridUser>> {
        let row: Option<Row> = sqlx::query_as("SELECT * FROM grid_users WHERE agent = $1")
            .bind(agent.0)
            .fetch_optional(self.read())
            .await
            .map_err(broken)?;
        Ok(row.map(GridUser::from))
    }

    async fn get_many(&self, agents: &[AgentId]) -> Result<Vec<GridUser>> {
        let mut found: Vec<GridUser> = Vec::new();
        for agents in agents.chunks(CHUNK) {
            let mut query = one_of("SELECT * FROM grid_users WHERE agent", agents, |id| id.0);
            let rows: Vec<Row> =
                query.build_query_as().persistent(false).fetch_all(self.read()).await.map_err(broken)?;
            found.extend(rows.into_iter().map(GridUser::from));
        }
        found.sort_by_key(|user| user.agent);
        found.dedup_by_key(|user| user.agent);
        Ok(found)
    }
}
