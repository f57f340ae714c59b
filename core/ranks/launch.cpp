#include "core/ranks/launch.h"

#include <fmt/core.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace inpaint {
namespace {

std::optional<int> number_in(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return std::nullopt;
  int value = 0;
  const char* end = text + std::strlen(text);
  const auto [at, error] = std::from_chars(text, end, value);
  return error == std::errc() && at == end ? std::optional(value) : std::nullopt;
}

struct Variables {
  const char *count, *rank;
  bool by_mpi;
};

// srun's stand behind those of the MPI library that it starts. In the script of sbatch, which is no rank,
// SLURM_STEP_NUM_TASKS is not set.
constexpr Variables kLaunchers[] = {{"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", true},
                                    {"PMI_SIZE", "PMI_RANK", true},
                                    {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID", true},
                                    {"WORLD_SIZE", "RANK", false}};

}  // namespace

Launch launch_of_environment() {
  for (const Variables& v : kLaunchers) {
    const auto count = number_in(v.count), rank = number_in(v.rank);
    if (count && rank && *count >= 1 && *rank >= 0 && *rank < *count)
      return {*rank, *count, v.count, v.by_mpi};
  }
  return {};
}

std::string rank_prefix() {
  const Launch launch = launch_of_environment();
  return launch.count > 1 ? fmt::format("rank {}: ", launch.rank) : "";
}

}  // namespace inpaint
