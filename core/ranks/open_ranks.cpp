#include "core/ranks/open_ranks.h"

#include <dlfcn.h>

#include <filesystem>

#include "core/base/error.h"
#include "core/ranks/launch.h"

namespace inpaint {
namespace {
namespace fs = std::filesystem;

#ifdef INPAINT_MPI_FOLDER
constexpr const char* kFile = "libinpaint_mpi.so";

// Beside the program, as in a build, or where the installation has libraries.
fs::path transport_library() {
  const fs::path folder = fs::read_symlink("/proc/self/exe").parent_path();
  const fs::path beside = folder / kFile;
  return fs::exists(beside) ? beside : (folder / INPAINT_MPI_FOLDER / kFile).lexically_normal();
}

std::unique_ptr<Transport> load_transport(const Launch&) {
  const fs::path path = transport_library();
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
