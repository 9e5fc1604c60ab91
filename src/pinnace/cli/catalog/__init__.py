"""The components that come with every installation: `shipped` finds and makes them, `commands` shows them."""
