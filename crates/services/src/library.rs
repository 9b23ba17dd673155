//! What every grid has without anybody having made it: the library's folders and items, the default outfit, and
//! the assets that these show.

use model::{AgentId, FolderId, Uuid};

/// Owner of the library (login fact sheet, 4.3).
pub const OWNER: AgentId = AgentId(Uuid::from_u128(0x1111_1111_1111_0000_0000_0001_00BB_A000));

/// Root folder of the library.
pub const ROOT: FolderId = FolderId(Uuid::from_u128(0x0000_0112_000F_0000_0000_0001_00BB_A000));
