"""The way to a cluster: objects as they stand here become a bundle that a cluster takes. Pure translation.

`cli/export` fetches the objects and writes the files; everything that decides what stands in them is here.
"""
