-- Gestures are asked for at every login, and who was here lately with every look at the grid's statistics.
CREATE INDEX inventory_items_by_type ON inventory_items (owner, asset_type);
CREATE INDEX grid_users_by_login ON grid_users (login);
