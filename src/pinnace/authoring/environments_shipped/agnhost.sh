#!/bin/sh
exec "{{venv}}/bin/python" -m pinnace.runtimes.agnhost "$@"
