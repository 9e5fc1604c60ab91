"""`/pinnace/v1/authoring/…`: translations between documents, for the composer. docs/composer.md"""
