"""Questions about lineage over HTTP."""
