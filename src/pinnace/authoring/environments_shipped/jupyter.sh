#!/bin/sh
# JupyterLab as the notebook images start it: below NB_PREFIX, in the workspace where it stands, and without a token of its
# own, for the gateway asks who comes. A plain process has no /home/jovyan: its home is then where it stands.
[ "$PWD" != / ] || cd "${HOME:-/home/jovyan}" 2>/dev/null || cd /
if [ ! -d "${HOME:-}" ]; then
  HOME=$PWD PIP_TARGET=$PWD/.local/lib/pip PYTHONPATH=$PWD/.local/lib/pip
  export HOME PIP_TARGET PYTHONPATH
fi
exec "{{venv}}/bin/jupyter" lab --ServerApp.root_dir="$PWD" --ServerApp.ip=0.0.0.0 \
  --ServerApp.port="${JUPYTER_PORT:-8888}" --ServerApp.port_retries=0 --ServerApp.open_browser=False \
  --ServerApp.allow_root=True --ServerApp.allow_remote_access=True --IdentityProvider.token="" \
  --PasswordIdentityProvider.hashed_password="" --ServerApp.base_url="${NB_PREFIX:-/}" \
  --ServerApp.authenticate_prometheus=False --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate \
  --LabApp.news_url=None "$@"
