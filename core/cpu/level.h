// The level of the processor's instruction set that the CPU kernels use. A program holds them for several
// levels of x86-64 (cmake/InpaintLevels.cmake), and runs on a processor of any:
//
//   x86-64      SSE2, which every x86-64 processor has; what is no CPU kernel is compiled for it
//   x86-64-v3   and AVX2, FMA, BMI, F16C, LZCNT, MOVBE
//   x86-64-v4   and AVX-512 F, BW, CD, DQ, VL
//
// The level is chosen once, before main and the constructors of global objects: the highest that the
// processor and its system have, or the one that the environment variable INPAINT_CPU_LEVEL names. The
// register tiles (kernels/cpu/tile_cpu.h) go no higher; the best set that the level allows is chosen.
//
// A program may hold one level alone, as it was compiled: `native` with INPAINT_NATIVE, else `compiled` (on
// other processors, with sanitizers). Where the processor lacks an instruction set that `native` was compiled
// with, the program ends before main, with one line and exit code 1.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace inpaint {

enum class CpuLevel { kBaseline, kV3, kV4 };

// Whether the level in use is this one or a higher one. A level that is alone allows all.
bool cpu_level_allows(CpuLevel level);

// The name of the level in use.
std::string_view cpu_level();

// The names of the levels that this program holds and this processor has, lowest first.
std::vector<std::string_view> cpu_levels();

// What is wrong with INPAINT_CPU_LEVEL, else "": it names none of cpu_levels(), and the highest is in use.
// Programs ask for it first.
std::string cpu_level_problem();

}  // namespace inpaint
