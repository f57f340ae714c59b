// How a program joins the ranks that a launcher has started.
#pragma once

#include <memory>

#include "core/ranks/ranks.h"

namespace inpaint {

// One process alone where no launcher has started several; no MPI is touched then. Else the library of
// mpi_transport.cpp is loaded, and the ranks have met when this returns. UserError where this program was
// built without MPI, or where the launcher is not that of its MPI library.
std::unique_ptr<Ranks> open_ranks(double timeout_seconds);

}  // namespace inpaint
