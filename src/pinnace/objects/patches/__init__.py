"""The three patch languages of the API: each a pure function (document, patch) → new document."""
