"""Argo's language, as documents have it: expressions, `depends`, what is wrong with a workflow, older forms.

Pure. The engine, the API's faces and the command line share it.
"""
