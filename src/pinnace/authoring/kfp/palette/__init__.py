"""Components of Kubeflow Pipelines for the composer's palette, of whatever they are written in. Pure.

`reading` tells what a text is; `classic` reads component YAML of v1, `packages` compiled pipelines,
`functions` decorated functions of Python, which are read and never run. Caller: `api/authoring`.
"""
