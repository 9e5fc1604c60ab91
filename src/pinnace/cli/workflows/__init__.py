"""`pinnace workflow …`: what people do to workflows, for who has no argo command line.

`commands` is what the user types; the modules beside it ask Argo's API (`api/argo`) and print.
"""
