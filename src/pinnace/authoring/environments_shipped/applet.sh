#!/bin/sh
# One of busybox' programs; where busybox is not installed, this machine's own of that name.
name=${0##*/}
command -v busybox >/dev/null && exec busybox "$name" "$@"
PATH=${PATH#*:} exec "$name" "$@"
