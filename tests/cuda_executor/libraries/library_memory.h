// Device memory as the host code that stands in for a library uses it: read after a check, written and
// said so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace inpaint::executor {

enum class Element { kBF16, kFloat, kDouble };
size_t size_of(Element type);

// To the type's precision and range, to the nearest.
double rounded(Element type, double value);

// The elements as numbers. A violation, and zeros, when they do not lie in one allocation or nothing has
// written one of them. `what` names the reader.
std::vector<double> read_elements(const char* what, Element type, const void* pointer, int64_t count);

// Rounds and stores them. A violation when they do not lie in one allocation.
void write_elements(Element type, void* pointer, const std::vector<double>& values);

// Memory a library works in: filled with NaN before and after its work, so that it cannot be
// somebody's values.
class Scratch {
 public:
  Scratch(void* pointer, int64_t bytes) : pointer_(pointer), bytes_(bytes) { scribble(); }
  ~Scratch() { scribble(); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

 private:
  void scribble() const;

  void* pointer_;
  int64_t bytes_;
};

}  // namespace inpaint::executor
