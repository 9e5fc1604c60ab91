"""Model servers that are started inside predictor pods. They stand alone: nothing of the platform is
imported, nothing but the standard library, numpy and the model's own framework is needed.

A pod sees only its environment, so this folder is bound read-only as `<somewhere>/pinnace/runtimes` with
`PYTHONPATH=<somewhere>` (without the platform's own `pinnace/__init__.py` it is a namespace package), and
the command is `python -m pinnace.runtimes.sklearn --model_name NAME --model_dir /mnt/models`.
"""
