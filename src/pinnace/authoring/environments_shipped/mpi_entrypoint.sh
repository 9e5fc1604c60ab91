#!/bin/sh
# Launchers of Intel's MPI and of MPICH give up at the first name that is not known yet: wait for all hosts.
if [ "$K_MPI_JOB_ROLE" = launcher ] && [ -r /etc/mpi/hostfile ]; then
  for host in $(sed 's/[: ].*//' /etc/mpi/hostfile); do
    until getent hosts "$host" >/dev/null && ssh -o BatchMode=yes -o ConnectTimeout=2 "$host" true; do sleep 0.5; done
  done
fi
exec "$@"
