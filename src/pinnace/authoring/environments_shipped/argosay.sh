#!/bin/sh
# Stands for argoproj/argosay:v2: the small program that upstream's examples call.
set -e
verb=${1:-}
[ $# -gt 0 ] && shift
case $verb in
'') echo 'hello argo' ;;
echo)
  if [ $# -gt 1 ]; then
    mkdir -p "$(dirname -- "$2")"
    printf '%s' "$1" >"$2"
  else
    printf '%s\n' "${1:-}"
  fi ;;
cat) cat -- "$@" ;;
sleep) sleep "$1" ;;
exit) exit "${1:-0}" ;;
assert_contains)
  case $(cat -- "$1") in
  *"$2"*) ;;
  *) echo "$1 does not contain: $2" >&2; exit 1 ;;
  esac ;;
sh) exec sh "$@" ;;
*) echo "argosay: what is '$verb'?" >&2; exit 1 ;;
esac
