// What a launcher of MPI programs (mpirun, srun) tells a process in its environment. A process that was
// started without one needs no MPI.
#pragma once

#include <string>

namespace inpaint {

struct Launch {
  int rank = 0, count = 1;
  std::string variable;  // the one that says the count: "PMI_SIZE"; empty: no launcher
  bool by_mpi = true;    // false: a launcher that does not start MPI (torchrun)
};

// Open MPI's mpirun, MPICH's mpiexec and its kin, srun, and torchrun, in this order.
Launch launch_of_environment();

// "rank 1: " where a launcher has started several ranks, else "": how the lines of a rank's errors begin.
std::string rank_prefix();

}  // namespace inpaint
