"""The cluster network: one unprivileged network namespace in which pods have addresses and Services names.

`cluster.py` is the node's side; `holder.py` is the small process that lives inside and does the work with
`fabric.py` (bridge and pods' namespaces, by `netlink.py`), `forwarding.py` (Services' ports) and `dns.py`
(names, from the `picture.py` that control sends). The holder is started for the first pod that needs it.
"""
