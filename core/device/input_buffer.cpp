#include "core/device/input_buffer.h"

#ifdef INPAINT_CUDA
#include "core/device/cuda_check.h"
#include "core/device/event.h"
#endif

namespace inpaint {

#ifdef INPAINT_CUDA

struct InputBuffer::Streams {
  explicit Streams(const Context& ctx) : copied{Event(ctx), Event(ctx)}, used{Event(ctx), Event(ctx)} {
    INPAINT_CUDA_CHECK(cudaStreamCreateWithFlags(&upload, cudaStreamNonBlocking));
  }
  ~Streams() { cudaStreamDestroy(upload); }
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;

  cudaStream_t upload = nullptr;
  Event copied[kPlaces], used[kPlaces];
};

InputBuffer::InputBuffer(const Context& ctx, std::span<const Shape> shapes, std::span<const DType> dtypes)
    : streams_(std::make_unique<Streams>(ctx)) {
  INPAINT_CHECK(shapes.size() == dtypes.size(), "{} shapes, {} types", shapes.size(), dtypes.size());
  for (Arena& arena : arenas_) {
    for (size_t i = 0; i < shapes.size(); ++i) arena.reserve(shapes[i], dtypes[i]);
    arena.allocate(ctx.device());
  }
}

void InputBuffer::put(const Context& ctx, std::span<const Tensor> host) {
  Streams& s = *streams_;
  s.copied[place_].wait();  // the batch before: on the GPU long ago, unless the caller is far ahead
  s.used[place_].record(ctx);
  place_ = (place_ + 1) % kPlaces;
  INPAINT_CUDA_CHECK(cudaStreamWaitEvent(s.upload, s.used[place_].cuda()));
  for (size_t i = 0; i < host.size(); ++i) {
    const Tensor device = tensor(place_, static_cast<int>(i));
    const Shape &here = host[i].shape, &there = device.shape;
    INPAINT_CHECK(host[i].dtype == device.dtype && here[0] >= 1 && here[0] <= there[0] &&
                      here.elements() * there[0] == there.elements() * here[0],
                  "input {}: {} of {} in the place of {} of {}", i, to_string(here), to_string(host[i].dtype),
                  to_string(there), to_string(device.dtype));
    INPAINT_CUDA_CHECK(cudaMemcpyAsync(device.data, host[i].data, static_cast<size_t>(host[i].bytes()),
                                       cudaMemcpyHostToDevice, s.upload));
  }
  INPAINT_CUDA_CHECK(cudaEventRecord(s.copied[place_].cuda(), s.upload));
  INPAINT_CUDA_CHECK(cudaStreamWaitEvent(ctx.stream(), s.copied[place_].cuda()));
}

#else
struct InputBuffer::Streams {};

InputBuffer::InputBuffer(const Context&, std::span<const Shape>, std::span<const DType>) {
  throw Error("an InputBuffer in a program built without CUDA");
}

void InputBuffer::put(const Context&, std::span<const Tensor>) {}
#endif

InputBuffer::~InputBuffer() = default;

Tensor InputBuffer::tensor(int place, int array) const { return arenas_[place].tensor(array); }

}  // namespace inpaint
