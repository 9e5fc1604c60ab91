#!/usr/bin/env -S python3
"""Stands for the compiled `pi` of upstream's MPI images: the same question, asked by mpi4py."""

import random
import socket

from mpi4py import MPI

comm = MPI.COMM_WORLD
rank, size = comm.Get_rank(), comm.Get_size()
random.seed(rank)
tries = 200_000
inside = sum(random.random() ** 2 + random.random() ** 2 <= 1 for _ in range(tries))
total = comm.reduce(inside, op=MPI.SUM, root=0)
print(f"rank {rank} of {size} on {socket.gethostname()} by {MPI.Get_library_version()[:30]!r}", flush=True)
if rank == 0:
    print(f"pi is approximately {4 * total / (tries * size):.4f}", flush=True)
