"""The languages inside a manifest: `{{…}}` tags, `{{=…}}` expr-lang, and govaluate's `when`."""
