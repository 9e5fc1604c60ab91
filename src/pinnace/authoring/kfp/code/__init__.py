"""A pipeline's IR as a program of the SDK: compiling it makes the same pipeline again. Pure.

`document` is the whole text, `leaves` its components, `block` the tasks of a DAG, `values` what they are
given, `settings` and `platform` how they run, `order` in which they stand. Caller: `api/authoring`.
"""

from pinnace.authoring.kfp.code.document import program
from pinnace.authoring.kfp.code.leaves import NoProgram

__all__ = ["NoProgram", "program"]
