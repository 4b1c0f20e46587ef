"""Files too long to wait for: kept in a folder, classified one after another, answered when they are asked for."""
