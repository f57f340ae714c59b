// The level of the CPU kernels (core/cpu/level.h), as the environment and the processor give it;
// tests/levels/ proves the choice on processors of other levels.
#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

#include "core/cpu/level.h"
#include "kernels/cpu/tile_cpu.h"

using namespace inpaint;

TEST_CASE("levels: the best one is in use, or the one that is asked for") {
  CHECK(cpu_level_problem() == "");
  const char* const wanted = std::getenv("INPAINT_CPU_LEVEL");
  CHECK(cpu_level() == (wanted == nullptr ? cpu_levels().back() : wanted));
  CHECK(cpu_level_allows(CpuLevel::kBaseline));
}

TEST_CASE("levels: no register tiles are of a higher level") {
  const std::string level(cpu_level());
  for (const cpu::TileSet* set : cpu::tile_sets()) {
    const std::string name = set->name;
    CAPTURE(name);
    if (level == "x86-64") CHECK(name == "plain");
    if (level == "x86-64-v3") CHECK(!name.starts_with("avx512"));
  }
  CHECK(std::string(cpu::tile_sets().back()->name) == "plain");
}
