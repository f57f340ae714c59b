#include "train/learner/device_figures.h"

#include <algorithm>

#include "core/device/copy.h"

namespace inpaint {

DeviceFigures::DeviceFigures(const Context& ctx) : ctx_(ctx), there_(ctx) {}

int DeviceFigures::add(int64_t count) {
  const auto place = static_cast<int>(size_);
  size_ += count;
  return place;
}

void DeviceFigures::allocate() {
  device_memory_ = Buffer(bytes(), ctx_.device());
  host_memory_ = Buffer::staging(bytes(), ctx_.device());
  device_ = device_memory_.tensor({size_}, DType::kF64);
  host_ = host_memory_.tensor({size_}, DType::kF64);
}

Tensor DeviceFigures::tensor(int place, int64_t count) const { return device_.slice(place, count); }

void DeviceFigures::set(int place, double value) {
  host_.as<double>()[place] = value;
  upload(ctx_, host_.slice(place, 1), tensor(place));
}

double DeviceFigures::sum(int place, int64_t pictures, int64_t n) const {
  double sum = 0;
  for (int m = 0; m * n < pictures; ++m) sum += value(place + m);
  return sum;
}

double DeviceFigures::mean(int place, int64_t pictures, int64_t n) const {
  double mean = 0;
  for (int m = 0; m * n < pictures; ++m)
    mean += value(place + m) *
            (static_cast<double>(std::min(n, pictures - m * n)) / static_cast<double>(pictures));
  return mean;
}

void DeviceFigures::read_back() {
  download_later(ctx_, device_, host_);
  there_.record(ctx_);
  is_due_ = true;
}

void DeviceFigures::wait() {
  if (is_due_) there_.wait();
  is_due_ = false;
}

}  // namespace inpaint
