//! What the region's owner has the estate do.

use crate::region::{Context, Region};
use lludp::messages as m;
use lludp::text;
use model::{AgentId, AssetId, Uuid};

impl Region {
    /// EstateOwnerMessage: a method and its parameters.
    pub(crate) fn handle_estate(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        order: &m::EstateOwnerMessage<'_>,
    ) {
        if id != self.config.owner || !self.is_addressable(id) {
            self.stats.forbidden += 1;
            return;
        }
        let parameter = |index| order.param_list.iter().nth(index).map(|block| text::read(block.parameter));
        match &*text::read(order.method_data.method) {
            // The first parameter is who orders it.
            "teleporthomeuser" => {
                let named = parameter(1).and_then(|id| Uuid::try_parse(id.trim()).ok());
                if let Some(guest) = named.map(AgentId) {
                    self.send_home(cx, guest);
                }
            }
            "teleporthomeallusers" => {
                let guests: Vec<AgentId> = self.agents.keys().copied().filter(|guest| *guest != id).collect();
                for guest in guests {
                    self.send_home(cx, guest);
                }
            }
            _ => self.stats.unhandled += 1,
        }
    }

    /// Whoever stands here goes home, as if they had asked for it.
    fn send_home(&mut self, cx: &mut Context<'_>, guest: AgentId) {
        if self.agents.get(&guest).is_some_and(|agent| agent.acts()) {
            self.alert(cx, guest, "The owner of this region sends you home.", None);
            self.teleport_to_landmark(cx, guest, AssetId::NULL);
        }
    }
}
