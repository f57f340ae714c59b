// The instruction sets that INPAINT_NATIVE may have compiled all code with, to be looked for when it runs.
#pragma once

#include <cstddef>

namespace inpaint {

// The compiler's macro, and its name for __builtin_cpu_supports.
#define INPAINT_INSTRUCTION_SETS(SET)         \
  SET(__SSE3__, "sse3")                       \
  SET(__SSSE3__, "ssse3")                     \
  SET(__SSE4_1__, "sse4.1")                   \
  SET(__SSE4_2__, "sse4.2")                   \
  SET(__POPCNT__, "popcnt")                   \
  SET(__AVX__, "avx")                         \
  SET(__AVX2__, "avx2")                       \
  SET(__FMA__, "fma")                         \
  SET(__BMI__, "bmi")                         \
  SET(__BMI2__, "bmi2")                       \
  SET(__AVX512F__, "avx512f")                 \
  SET(__AVX512BW__, "avx512bw")               \
  SET(__AVX512CD__, "avx512cd")               \
  SET(__AVX512DQ__, "avx512dq")               \
  SET(__AVX512VL__, "avx512vl")               \
  SET(__AVX512IFMA__, "avx512ifma")           \
  SET(__AVX512VBMI__, "avx512vbmi")           \
  SET(__AVX512VBMI2__, "avx512vbmi2")         \
  SET(__AVX512VNNI__, "avx512vnni")           \
  SET(__AVX512BITALG__, "avx512bitalg")       \
  SET(__AVX512VPOPCNTDQ__, "avx512vpopcntdq") \
  SET(__AVX512BF16__, "avx512bf16")

#define INPAINT_COUNT_SET(macro, name) +1
inline constexpr size_t kInstructionSets = 0 INPAINT_INSTRUCTION_SETS(INPAINT_COUNT_SET);
#undef INPAINT_COUNT_SET

// Which of them the rest of the program is compiled with, in their order. Data alone: reading it runs no code
// that a processor may lack.
extern const bool kCompiledWith[kInstructionSets];

}  // namespace inpaint
