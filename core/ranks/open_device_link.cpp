#include "core/ranks/open_device_link.h"

#include "core/ranks/nccl_link.h"
#ifdef INPAINT_NCCL_FOLDER
#include <dlfcn.h>

#include "core/ranks/beside_program.h"
#endif

// Where the library is part of the program, as the tests have it.
#ifdef INPAINT_NCCL_LINKED
extern "C" {
void inpaint_make_nccl_id(std::string& id);
inpaint::DeviceLink* inpaint_open_nccl_link(const std::string& id, int rank, int count);
}
#endif

namespace inpaint {
namespace {

struct NcclLibrary {
  MakeNcclId make_id;
  OpenNcclLink open;
};

#if defined(INPAINT_NCCL_FOLDER)
NcclLibrary load_library() {
  const auto path = beside_program("libinpaint_nccl.so", INPAINT_NCCL_FOLDER);
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr)
    user_error(
        "several ranks on GPUs need {}, which cannot be loaded: {}; install the NCCL library, or give "
        "device=cpu",
        path.string(), dlerror());
  const NcclLibrary found{reinterpret_cast<MakeNcclId>(dlsym(library, kMakeNcclId)),
                          reinterpret_cast<OpenNcclLink>(dlsym(library, kOpenNcclLink))};
  INPAINT_CHECK(found.make_id != nullptr && found.open != nullptr, "{} is not ours", path.string());
  return found;
}
#elif defined(INPAINT_NCCL_LINKED)
NcclLibrary load_library() { return {inpaint_make_nccl_id, inpaint_open_nccl_link}; }
#else
NcclLibrary load_library() { throw Error("a link by NCCL, in a program built without it"); }
#endif

}  // namespace

bool has_nccl() {
#if defined(INPAINT_NCCL_FOLDER) || defined(INPAINT_NCCL_LINKED)
  return true;
#else
  return false;
#endif
}

std::unique_ptr<DeviceLink> open_device_link(Ranks& ranks) {
  const NcclLibrary library = load_library();
  std::string id;
  if (ranks.is_first()) library.make_id(id);
  ranks.broadcast(id);
  return std::unique_ptr<DeviceLink>(library.open(id, ranks.rank(), ranks.count()));
}

}  // namespace inpaint
