"""Who owns which field: managedFields and server-side apply.

Small pure modules: `fieldset` (sets of field paths), `typed` (walks of a document by its schema), `entries`
(the wire form), `ownership` (the rules). Called by `writing` alone. Source of the rules:
kubernetes-sigs/structured-merge-diff and kubernetes/apimachinery pkg/util/managedfields.
"""
