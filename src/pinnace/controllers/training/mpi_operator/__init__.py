"""MPIJob v2beta1, the MPI Operator's own: a launcher that is a Job, and workers that it calls by ssh."""
