"""The verbs of `Local`, a room a sort; see `objects/local`."""
