#!/bin/sh
# nslookup as busybox 1.28 prints it, which Kubernetes' pages show. Later ones do not go through the search list.
server=${2:-$(awk '$1 == "nameserver" { print $2; exit }' /etc/resolv.conf)}
printf 'Server:    %s\nAddress 1: %s\n\n' "$server" "$server"
addresses=$(getent ahostsv4 "$1" | awk '!seen[$1]++ { print $1 }')
if [ -z "$addresses" ]; then
  echo "nslookup: can't resolve '$1'" >&2
  exit 1
fi
printf 'Name:      %s\n' "$1"
number=0
for address in $addresses; do
  number=$((number + 1))
  printf 'Address %s: %s %s\n' "$number" "$address" "$(getent hosts "$address" | awk '{ print $2; exit }')"
done
