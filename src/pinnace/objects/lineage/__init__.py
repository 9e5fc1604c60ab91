"""What ran, on what, with what, and what came of it: records that outlive the objects.

`execution` reads one from a Pod, `keeping` says what is written when, `contents` knows what lies under an
address, `walking` follows digests from an endpoint to the data and back. Rows, all append-only:

    lineage          (run's uid, pod's uid)          an execution; the run is what controls the pod
    lineage-uses     (digest, pod's uid/in|out/name) → [run's uid, pod's uid]
    lineage-code     (digest, "")                    what ran, once for each that is different
    lineage-source   (digest, "")                    a ConfigMap as it was mounted or read
    lineage-image    (run's uid, image)              → which environment stood for an image then
    lineage-object   (uid, "")                       a run as it was when it was deleted
    lineage-node     (run's uid, node id)            a node of a deleted workflow, as its status had it
    lineage-name     (name, uid)                     → [kind, namespace]
    lineage-child    (run's uid, uid)                a run that this one had made, when it was deleted
    lineage-open     (pod's uid, "")                 a pod that logged something and still runs
"""
