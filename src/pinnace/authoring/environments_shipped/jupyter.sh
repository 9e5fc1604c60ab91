#!/bin/sh
# JupyterLab as the notebook images start it: below NB_PREFIX, without a token of its own, for the gateway asks who comes.
cd "${HOME:-/home/jovyan}" 2>/dev/null || cd /
exec "{{venv}}/bin/jupyter" lab --ServerApp.root_dir="$PWD" --ServerApp.ip=0.0.0.0 \
  --ServerApp.port="${JUPYTER_PORT:-8888}" --ServerApp.port_retries=0 --ServerApp.open_browser=False \
  --ServerApp.allow_root=True --ServerApp.allow_remote_access=True --IdentityProvider.token="" \
  --PasswordIdentityProvider.hashed_password="" --ServerApp.base_url="${NB_PREFIX:-/}" \
  --ServerApp.authenticate_prometheus=False --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate \
  --LabApp.news_url=None "$@"
