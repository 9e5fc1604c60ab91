"""Finished workflows, listable and searchable long after they are gone.

    archive  (a term, document)   document: <startedAt>/~<uid's beginning>/<namespace>/<name>

The terms of a workflow are `all` (its row holds what lists show), `uid …`, `name …`, `label key=value` and
`parameter name=value`. They are written in the very commit of the workflow's final state (`entry`). The whole
document is the live object while it stands, and its record of lineage afterwards: nothing is kept twice.
"""

from pinnace.objects.archive.archive import Archive, Page
from pinnace.objects.archive.query import Query

__all__ = ["Archive", "Page", "Query"]
