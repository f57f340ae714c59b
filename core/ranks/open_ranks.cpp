#include "core/ranks/open_ranks.h"

#include <dlfcn.h>

#include "core/base/error.h"
#include "core/ranks/beside_program.h"
#include "core/ranks/launch.h"

namespace inpaint {
namespace {

#ifdef INPAINT_MPI_FOLDER
std::unique_ptr<Transport> load_transport(const Launch&) {
  const auto path = beside_program("libinpaint_mpi.so", INPAINT_MPI_FOLDER);
  // Open MPI's own plugins expect its symbols to be global.
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr)
    user_error(
        "several ranks need {}, which cannot be loaded: {}; install the MPI library, or start one process",
        path.string(), dlerror());
  const auto make = reinterpret_cast<Transport* (*)()>(dlsym(library, "inpaint_mpi_transport"));
  INPAINT_CHECK(make != nullptr, "{} is not ours", path.string());
  return std::unique_ptr<Transport>(make());
}
#else
std::unique_ptr<Transport> load_transport(const Launch& launch) {
  user_error(
      "a launcher has started {} ranks ({}), and this program was built without MPI; install libopenmpi-dev "
      "or "
      "libmpich-dev and build again, or start one process",
      launch.count, launch.variable);
}
#endif

}  // namespace

std::unique_ptr<Ranks> open_ranks(double timeout_seconds) {
  const Launch launch = launch_of_environment();
  if (launch.count == 1) return std::make_unique<Ranks>();
  if (!launch.by_mpi)
    user_error("{}={}: ranks talk by MPI, which this launcher does not start; start with mpirun or srun",
               launch.variable, launch.count);
  std::unique_ptr<Transport> transport = load_transport(launch);
  if (transport->count() != launch.count) {
    transport->fail();
    user_error(
        "the launcher has started {} ranks ({}), and {} sees {}: it is another MPI's launcher; start with "
        "the mpirun "
        "of this library, or with srun --mpi=pmix",
        launch.count, launch.variable, transport->name(), transport->count());
  }
  return std::make_unique<Ranks>(std::move(transport), timeout_seconds);
}

}  // namespace inpaint
