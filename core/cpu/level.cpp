// Compiled for the lowest level also where the rest of the program is not: the constructor below runs on any
// processor. It calls no function of a header, whose code may be another file's.
#include "core/cpu/level.h"

#include <cstdlib>
#include <cstring>

#ifdef __x86_64__
#include <cpuid.h>
#include <unistd.h>

#include "core/cpu/instruction_sets.h"
#endif

using KernelTable = const void* const;

// The entries of the CPU kernels (cmake/WriteLevelEntries.cmake) jump through the table of the level in use.
// Programs without kernels have no tables.
#ifdef INPAINT_CPU_LEVELS
#define INPAINT_HIDDEN __attribute__((visibility("hidden")))
extern "C" {
INPAINT_HIDDEN __attribute__((weak)) extern KernelTable inpaint_kernels_v1[], inpaint_kernels_v3[],
    inpaint_kernels_v4[];
INPAINT_HIDDEN extern KernelTable* inpaint_kernels_in_use;
KernelTable* inpaint_kernels_in_use = inpaint_kernels_v1;
}
#endif

namespace inpaint {
namespace {

struct {
  const char* name;
  KernelTable* kernels;  // null: this program does not hold them
  bool runs;
} levels[] = {
#if defined(INPAINT_CPU_LEVELS)
    {"x86-64", inpaint_kernels_v1, true},
    {"x86-64-v3", inpaint_kernels_v3, false},
    {"x86-64-v4", inpaint_kernels_v4, false},
#elif defined(INPAINT_CPU_NATIVE)
    {"native", nullptr, true},
#else
    {"compiled", nullptr, true},
#endif
};

constexpr int kLevels = sizeof levels / sizeof levels[0];
int in_use = 0;
bool refused = false;

#ifdef INPAINT_CPU_LEVELS
// What the level has beyond the lower ones; GCC's names do not hold all of it.
bool has_v3() {
  constexpr unsigned kF16c = 1u << 29, kMovbe = 1u << 22, kLzcnt = 1u << 5;
  unsigned a, b, c, d, extended_a, extended_b, extended_c, extended_d;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & kF16c) != 0 && (c & kMovbe) != 0 &&
         __get_cpuid(0x80000001, &extended_a, &extended_b, &extended_c, &extended_d) != 0 &&
         (extended_c & kLzcnt) != 0 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}

bool has_v4() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}
#endif

#if defined(INPAINT_CPU_NATIVE) && defined(__x86_64__)
void say(const char* text) { static_cast<void>(!write(STDERR_FILENO, text, strlen(text))); }

void refuse_other_processors() {
  const struct {
    const char* name;
    bool runs;
  } sets[] = {
#define INPAINT_SUPPORTED(macro, name) {name, __builtin_cpu_supports(name) != 0},
      INPAINT_INSTRUCTION_SETS(INPAINT_SUPPORTED)};
  for (size_t i = 0; i < kInstructionSets; ++i) {
    if (!kCompiledWith[i] || sets[i].runs) continue;
    say("error: this program was compiled for a processor with ");
    say(sets[i].name);
    say(", which this one lacks; build it here, or for all processors with -DINPAINT_NATIVE=OFF\n");
    _exit(1);
  }
}
#endif

// Before all constructors without such a number.
__attribute__((constructor(101))) void choose_level() {
#ifdef __x86_64__
  __builtin_cpu_init();
#endif
#if defined(INPAINT_CPU_NATIVE) && defined(__x86_64__)
  refuse_other_processors();
#endif
#ifdef INPAINT_CPU_LEVELS
  const bool none = levels[0].kernels == nullptr;
  levels[1].runs = has_v3() && (none || levels[1].kernels != nullptr);
  levels[2].runs = has_v3() && has_v4() && (none || levels[2].kernels != nullptr);
#endif
  for (int i = 0; i < kLevels; ++i)
    if (levels[i].runs) in_use = i;
  if (const char* const wanted = getenv("INPAINT_CPU_LEVEL")) {
    refused = true;
    for (int i = in_use; i >= 0 && refused; --i) {
      if (!levels[i].runs || strcmp(wanted, levels[i].name) != 0) continue;
      in_use = i;
      refused = false;
    }
  }
#ifdef INPAINT_CPU_LEVELS
  inpaint_kernels_in_use = levels[in_use].kernels;
#endif
}

}  // namespace

bool cpu_level_allows(CpuLevel level) { return kLevels == 1 || in_use >= static_cast<int>(level); }

std::string_view cpu_level() { return levels[in_use].name; }

std::vector<std::string_view> cpu_levels() {
  std::vector<std::string_view> names;
  for (const auto& level : levels)
    if (level.runs) names.emplace_back(level.name);
  return names;
}

std::string cpu_level_problem() {
  if (!refused) return "";
  const char* const wanted = getenv("INPAINT_CPU_LEVEL");
  std::string problem = std::string("INPAINT_CPU_LEVEL=") + (wanted == nullptr ? "" : wanted) +
                        ": no level that this program and this processor have; there " +
                        (cpu_levels().size() == 1 ? "is " : "are ");
  for (const std::string_view name : cpu_levels())
    problem += std::string(name == cpu_levels().front() ? "" : ", ") + std::string(name);
  return problem;
}

}  // namespace inpaint
