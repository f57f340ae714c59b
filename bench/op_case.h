// One op at one shape of training: how to run it, what it costs by its contract, and how to see that its
// result is right. The same description serves both devices.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/device/context.h"

namespace inpaint::bench {

// A tensor of a case. Inputs hold random numbers, outputs NaN until they are written. The host keeps what was
// last put in or fetched; the op sees the device's memory, which on the CPU is another buffer too.
class CaseTensor {
 public:
  // An output.
  CaseTensor(const Context& ctx, const Shape& shape, DType dtype);
  // Uniform in [middle - half_width, middle + half_width]; whole numbers for the integer types. `part` tells
  // the tensors of one case apart.
  CaseTensor(const Context& ctx, const Shape& shape, DType dtype, uint32_t part, double middle,
             double half_width);

  const Tensor& device() const { return device_; }
  int64_t bytes() const { return device_.bytes(); }
  int64_t elements() const { return device_.elements(); }
  double operator[](int64_t i) const;  // of the host's copy
  void set(int64_t i, double value);   // of the host's copy
  void fetch(const Context& ctx) const;
  void put(const Context& ctx) const;

 private:
  Buffer host_memory_, device_memory_;
  Tensor host_, device_;
};

struct OpCase {
  std::string name;
  int64_t flop = 0;           // of its matrix products
  int64_t needed_flop = 0;    // without the products with padding, which need not be made
  int64_t bytes = 0;          // each input read once, each output written once
  double per_step = 0;        // runs in a training step with the default settings
  std::function<void()> run;  // enqueues it once

  // Compares results of the first run with the formula in double, at the first, the last and some elements
  // between. Says what is wrong; empty when nothing is.
  std::function<std::string()> wrong;
  std::vector<std::shared_ptr<CaseTensor>> outputs;
};

// A case is made when its turn comes, and its memory is free afterwards.
struct CaseMaker {
  std::string name;
  std::function<OpCase(Context& ctx)> make;  // plans the workspace of ctx too
};

// --- for the files that describe cases ---

using CasePointer = std::shared_ptr<CaseTensor>;

// A result in double and the sum of its terms' absolute values, which rounding is proportional to.
struct Expected {
  double value = 0, magnitude = 0;
  void add(double term) {
    value += term;
    magnitude += term < 0 ? -term : term;
  }
};

// The message when element i of a fetched output is further from the expected value than rounding explains;
// empty otherwise. On a GPU with Fp32Products::kTf32 the factors of products are rounded to 10 bits.
std::string compare(const Context& ctx, const char* tensor, const CaseTensor& got, int64_t i,
                    const Expected& want);

// Fetches the output and compares some of its elements; want(i) is the expected value of element i.
std::string compare_some(const Context& ctx, const char* tensor, const CaseTensor& got,
                         const std::function<Expected(int64_t i)>& want);

}  // namespace inpaint::bench
