// A program as INPAINT_NATIVE makes them, on a machine with AVX2; levels_test.py runs it on others.
#include <cstdio>

#include "core/cpu/level.h"

int main() {
  if (inpaint::cpu_level() == "native") std::puts("ran");
}
