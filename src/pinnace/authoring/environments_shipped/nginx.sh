#!/bin/sh
PINNACE_NGINX=${0%/*} exec "{{venv}}/bin/python" -m pinnace.runtimes.nginx "$@"
