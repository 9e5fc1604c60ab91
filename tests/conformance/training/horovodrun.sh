#!/bin/sh
# Stands for horovodrun: as many ranks as asked for, on the hosts that the discovery script tells.
ranks=1
while [ $# -gt 0 ]; do
  case $1 in
    -np) ranks=$2; shift 2 ;;
    --min-np|--max-np) shift 2 ;;
    --host-discovery-script) script=$2; shift 2 ;;
    *) break ;;
  esac
done
until hosts=$(sh "$script" | paste -sd, -) && [ "$(echo "$hosts" | tr ',' '\n' | grep -c .)" -ge "$ranks" ]; do sleep 1; done
exec mpirun --allow-run-as-root -np "$ranks" -H "$hosts" "$@"
