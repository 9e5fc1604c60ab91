"""Artifacts that lie elsewhere: buckets, web servers, git repositories. Runs in a process of its own.

The node starts `python -m pinnace.data.remote` before a pod that reads such artifacts and after one that
leaves some; control starts it for listings and downloads. Credentials come with the job on standard input and
are in no argument, no file that outlives the job and nothing that a step can see.
"""
