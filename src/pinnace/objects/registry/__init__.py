"""What people say of their models, and the runs that made them: one memory behind two APIs.

`records` keeps it, `filtering` answers searches, `versions` and `runs` are what both APIs do to it.
"""
