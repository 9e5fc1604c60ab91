"""Katib: Experiments search parameters, a Suggestion is the ledger of what to try, a Trial runs one try.

`experiments`, `suggestions` and `trials` are the three reconcilers; `suggesters/` holds the algorithms, pure
functions of the trials so far. Nothing is remembered outside the objects: a control that was killed finds
every trial's name and assignments in the Suggestion's status, and makes none of them twice.
"""
