// The products of cuDNN, cuBLASLt and our own kernels as a step uses them: captured, in every order, with
// nothing allocated and nothing waited for; and the choice of their algorithms.

#include <doctest/doctest.h>

#include <cstring>
#include <functional>

#include "core/base/philox.h"
#include "core/device/copy.h"
#include "core/device/cuda_check.h"
#include "kernels/conv/conv2d.h"
#include "kernels/conv/cudnn_convolution.h"
#include "kernels/cuda/device_choices_cuda.h"
#include "kernels/linear/linear.h"
#include "tests/cuda_executor/executor.h"
#include "tests/harness/error_message.h"

namespace inpaint {
namespace {

void check_contains(const std::string& text, const char* part) {
  CHECK_MESSAGE(contains(text, part), "'", text, "' does not hold '", part, "'");
}

using cuda::ConvolutionProduct;
using cuda::CudnnConvolution;
using Kind = ConvolutionProduct::Kind;

// Tensors on the GPU, which go with their owner.
class Tensors {
 public:
  explicit Tensors(const Context& ctx) : ctx_(ctx) {}

  Tensor empty(const Shape& shape, DType dtype) {
    buffers_.emplace_back(shape.elements() * size_of(dtype), Device::kCuda);
    return buffers_.back().tensor(shape, dtype);
  }

  Tensor random(const Shape& shape, DType dtype) {
    return made(shape, dtype, [](double normal) { return normal; });
  }
  Tensor signs(const Shape& shape, DType dtype) {
    return made(shape, dtype, [](double normal) { return normal < 0 ? -1.0 : 1.0; });
  }

 private:
  Tensor made(const Shape& shape, DType dtype, const std::function<double(double)>& of_normal) {
    const Philox random(7, RandomStream::kProceduralPictures, static_cast<uint32_t>(buffers_.size()));
    Buffer host(shape.elements() * size_of(dtype));
    const Tensor values = host.tensor(shape, dtype);
    visit_activation_type(dtype, [&]<typename T>(T) {
      for (int64_t i = 0; i < values.elements(); ++i)
        values.as<T>()[i] = static_cast<T>(of_normal(random.normal(static_cast<uint64_t>(i))));
    });
    const Tensor device = empty(shape, dtype);
    upload(ctx_, values, device);
    return device;
  }

  const Context& ctx_;
  std::vector<Buffer> buffers_;
};

std::string bytes_of(const Context& ctx, const std::vector<Tensor>& tensors) {
  std::string all;
  for (const Tensor& tensor : tensors) {
    Buffer host(tensor.bytes());
    download(ctx, tensor, host.tensor(tensor.shape, tensor.dtype));
    all.append(static_cast<const char*>(host.data()), static_cast<size_t>(tensor.bytes()));
  }
  return all;
}

// Runs the work, captured into a graph and replayed, on a context's stream.
void run_captured(const Context& ctx, const std::function<void()>& work) {
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t exec = nullptr;
  INPAINT_CUDA_CHECK(cudaStreamBeginCapture(ctx.stream(), cudaStreamCaptureModeGlobal));
  work();
  INPAINT_CUDA_CHECK(cudaStreamEndCapture(ctx.stream(), &graph));
  INPAINT_CUDA_CHECK(cudaGraphInstantiate(&exec, graph));
  INPAINT_CUDA_CHECK(cudaGraphLaunch(exec, ctx.stream()));
  ctx.synchronize();
  INPAINT_CUDA_CHECK(cudaGraphExecDestroy(exec));
  INPAINT_CUDA_CHECK(cudaGraphDestroy(graph));
}

// Plans with `workspace`, makes the outputs by `products`, at once and captured; gives their bytes.
std::string outputs_of(Context& ctx, int64_t workspace, const std::vector<Tensor>& outputs,
                       const std::function<void()>& products) {
  ctx.reserve_workspace(workspace);
  const auto before = executor::counters();
  products();
  const auto after = executor::counters();
  CHECK(after.allocations == before.allocations);
  CHECK(after.host_waits == before.host_waits);
  const std::string at_once = bytes_of(ctx, outputs);
  run_captured(ctx, products);
  const std::string captured = bytes_of(ctx, outputs);
  // The accumulated gradient is the one output that a second run changes; it is overwritten first.
  CHECK(at_once == captured);
  return captured;
}

void check_in_every_schedule(const std::function<std::string()>& body) {
  executor::in_every_schedule(body);
  CHECK(executor::take_violations().empty());
  CHECK(executor::leaks().empty());
}

TEST_CASE("convolutions: the same bits in every order, captured or not, without allocation or wait") {
  // Few channels and our kernels; tensor cores; no multiple of 8 channels.
  for (const Conv2dShape& s :
       {Conv2dShape{2, 6, 34, 3, 70}, Conv2dShape{2, 6, 34, 3, 72}, Conv2dShape{1, 18, 18, 1, 5},
        Conv2dShape{2, 4, 4, 8, 16}, Conv2dShape{1, 4, 6, 9, 7}})
    for (const DType dtype : {DType::kBF16, DType::kF32, DType::kF64}) {
      CAPTURE(to_string(ConvolutionProduct{Kind::kForward, s, dtype, Fp32Products::kExact}));
      check_in_every_schedule([&] {
        Context ctx(Gpu{}, 1);
        Tensors tensors(ctx);
        const Tensor x = tensors.random(s.x(), dtype), w = tensors.random(s.weight(), dtype),
                     dy = tensors.random(s.y(), dtype), y = tensors.empty(s.y(), dtype),
                     dx = tensors.empty(s.x(), dtype), dw = tensors.empty(s.weight(), parameter_dtype(dtype));
        return outputs_of(ctx, conv2d_workspace_bytes(ctx, s, dtype), {y, dx, dw}, [&] {
          conv2d_forward(ctx, kHalving, x, w, y);
          conv2d_backward_data(ctx, kHalving, dy, w, dx);
          conv2d_backward_weight(ctx, kHalving, x, dy, dw, GradMode::kOverwrite);
          conv2d_backward_weight(ctx, kHalving, x, dy, dw, GradMode::kAccumulate);
        });
      });
    }
}

TEST_CASE("linear products: the same bits in every order, captured or not, without allocation or wait") {
  // No bf16 product in the library; one in the library for all types; few outputs, in packs and one by one.
  for (const LinearShape& s :
       {LinearShape{3, 17, 5}, LinearShape{3, 16, 8}, LinearShape{11, 40, 2}, LinearShape{3, 17, 1}})
    for (const DType dtype : {DType::kBF16, DType::kF32, DType::kF64})
      check_in_every_schedule([&] {
        Context ctx(Gpu{}, 1);
        Tensors tensors(ctx);
        const Tensor x = tensors.random({s.n, s.in}, dtype), w = tensors.random({s.out, s.in}, dtype),
                     dy = tensors.random({s.n, s.out}, dtype), y = tensors.empty({s.n, s.out}, dtype),
                     dx = tensors.empty({s.n, s.in}, dtype),
                     dw = tensors.empty({s.out, s.in}, parameter_dtype(dtype));
        return outputs_of(ctx, linear_workspace_bytes(ctx, s, dtype), {y, dx, dw}, [&] {
          linear_forward(ctx, x, w, y);
          linear_backward_data(ctx, dy, w, dx);
          linear_backward_weight(ctx, x, dy, dw, GradMode::kOverwrite);
          linear_backward_weight(ctx, x, dy, dw, GradMode::kAccumulate);
        });
      });
}

TEST_CASE("products that were not planned say so, and tensors must begin at multiples of 16 bytes") {
  Context ctx(Gpu{}, 1);
  Tensors tensors(ctx);
  const Conv2dShape s{1, 2, 2, 8, 8};
  const Tensor x = tensors.random(s.x(), DType::kF32), w = tensors.random(s.weight(), DType::kF32),
               y = tensors.empty(s.y(), DType::kF32);
  check_contains(error_message<Error>([&] { conv2d_forward(ctx, kHalving, x, w, y); }),
                 "conv2d_forward n 1 h 2 w 2 ci 8 co 8 f32 was not planned");
  const Tensor a = tensors.random({1, 8}, DType::kF32), b = tensors.random({8, 8}, DType::kF32);
  check_contains(error_message<Error>([&] { linear_forward(ctx, a, b, a); }),
                 "linear_forward n 1 in 8 out 8 f32 was not planned");
  ctx.reserve_workspace(std::max(conv2d_workspace_bytes(ctx, s, DType::kF32),
                                 linear_workspace_bytes(ctx, {1, 8, 8}, DType::kF32)));
  Tensor off = tensors.empty(s.y(), DType::kF64);
  off.dtype = DType::kF32;
  off.data = static_cast<float*>(off.data) + 1;
  check_contains(error_message<Error>([&] { conv2d_forward(ctx, kHalving, x, w, off); }),
                 "conv2d y does not begin at a multiple of 16 bytes");
  off.shape = {1, 8};
  check_contains(error_message<Error>([&] { linear_forward(ctx, a, b, off); }), "multiple of 16 bytes");
}

TEST_CASE("engines that round, change from run to run or are compiled at run time are not on the list") {
  const Context ctx(Gpu{}, 1);
  const cuda::CudnnHandle handle(ctx.stream());
  const auto engines = [&](DType dtype, Fp32Products products, int64_t channels) {
    return CudnnConvolution::engines(handle, {Kind::kForward, {1, 4, 4, channels, 8}, dtype, products});
  };
  using Texts = std::vector<std::string>;
  CHECK(engines(DType::kF32, Fp32Products::kExact, 8) == Texts{"1:", "4:"});
  CHECK(engines(DType::kF32, Fp32Products::kTf32, 8) == Texts{"0: 2=0", "0: 2=1", "1:", "4:"});
  CHECK(engines(DType::kBF16, Fp32Products::kExact, 8) == Texts{"0: 2=0", "0: 2=1", "1:", "4:"});
  CHECK(engines(DType::kBF16, Fp32Products::kExact, 9) == Texts{"1:", "4:"});
  CHECK(engines(DType::kF64, Fp32Products::kExact, 8).empty());
}

TEST_CASE("an engine that cannot be used is named, with the product and what cuDNN says") {
  const Context ctx(Gpu{}, 1);
  const cuda::CudnnHandle handle(ctx.stream());
  const ConvolutionProduct product{Kind::kForward, {1, 4, 4, 8, 9}, DType::kF32, Fp32Products::kExact};
  const auto message = [&](const char* engine) {
    return error_message<Error>([&] { CudnnConvolution(handle, product, engine); });
  };
  check_contains(message("0:"),
                 "conv2d_forward n 1 h 4 w 4 ci 8 co 9 f32, engine 0:: "
                 "cudnnBackendFinalize: CUDNN_STATUS_NOT_SUPPORTED (3002): tensor cores");
  check_contains(message("99:"), "there is no engine 99");
  check_contains(message("1: 2=1"), "no such knob");
  for (const char* const text : {"", "1", "x:", "1:2=1", "1: 2", "1: 2=", "1: 2=1 "})
    check_contains(message(text), "is no cuDNN engine");
}

TEST_CASE("the next run takes the engines of the last one, and what does not work is measured anew") {
  const Conv2dShape conv{1, 6, 6, 8, 8};
  const LinearShape linear{2, 24, 8};
  const auto plan = [&](Context& ctx) {  // the allocations it took
    const int64_t before = executor::counters().allocations;
    conv2d_workspace_bytes(ctx, conv, DType::kF32);
    linear_workspace_bytes(ctx, linear, DType::kF32);
    return executor::counters().allocations - before;
  };
  const std::string name =
      to_string(ConvolutionProduct{Kind::kForward, conv, DType::kF32, Fp32Products::kExact});
  const std::string linear_name = "linear_forward n 2 in 24 out 8 f32";
  {
    Context first(Gpu{}, 1);
    CHECK(plan(first) > 0);
    CHECK(plan(first) == 0);
    CHECK(first.attached<cuda::DeviceChoices>().find(name) == "1:");
  }
  {
    Context second(Gpu{}, 1);
    CHECK(plan(second) == 0);
    for (const char* const engine : {"99:", "nonsense"})
      second.attached<cuda::DeviceChoices>().remember(name, engine);
    second.attached<cuda::DeviceChoices>().remember(linear_name, std::string(128, '0'));
  }
  {
    Context third(Gpu{}, 1);
    CHECK(plan(third) > 0);
    CHECK(third.attached<cuda::DeviceChoices>().find(name) == "1:");
    CHECK(third.attached<cuda::DeviceChoices>().find(linear_name) != std::string(128, '0'));
  }
  executor::set_driver_version(CUDART_VERSION + 10);
  {
    Context behind_another_driver(Gpu{}, 1);
    CHECK(plan(behind_another_driver) > 0);
  }
  executor::set_driver_version(CUDART_VERSION);
  CHECK(executor::leaks().empty());
}

TEST_CASE("each of cuBLASLt's algorithms is measured, one that needs a workspace as well") {
  Context ctx(Gpu{}, 1);
  const int64_t before = executor::counters().graph_launches;
  linear_workspace_bytes(ctx, {2, 40, 72}, DType::kF32);
  // Two algorithms for each of three products; each is launched when it is recorded, and once more.
  CHECK(executor::counters().graph_launches - before == 3 * 2 * 2);
}

TEST_CASE("an engine may have a sixteenth of the free memory as its workspace, and 256 MiB on any GPU") {
  const Context ctx(Gpu{}, 1);
  executor::set_device_memory(size_t{80} << 30);
  CHECK(cuda::most_library_workspace_bytes(ctx) == int64_t{5} << 30);
  executor::set_device_memory(size_t{2} << 30);
  CHECK(cuda::most_library_workspace_bytes(ctx) == int64_t{256} << 20);
  executor::set_device_memory(size_t{4} << 30);
}

TEST_CASE("contexts of a process take the same engines where no file can be written") {
  setenv("XDG_CACHE_HOME", "/dev/null", 1);
  const auto plan = [] {  // the allocations it took
    Context ctx(Gpu{}, 1);
    const int64_t before = executor::counters().allocations;
    conv2d_workspace_bytes(ctx, {1, 10, 12, 8, 24}, DType::kF32);
    linear_workspace_bytes(ctx, {2, 56, 40}, DType::kF32);
    return executor::counters().allocations - before;
  };
  CHECK(plan() > 0);
  CHECK(plan() == 0);
  unsetenv("XDG_CACHE_HOME");
}

TEST_CASE("products of few channels: each way can be chosen, needs no new plan, and gives the same values") {
  const Conv2dShape s{1, 4, 36, 3, 16};
  const DType dtype = DType::kBF16;
  const auto product = [&](Kind kind) {
    return to_string(ConvolutionProduct{kind, s, dtype, Fp32Products::kExact});
  };
  // Sums of small integers, which no way rounds.
  const auto products_by = [&](const char* way, const char* weight_way) {
    Context ctx(Gpu{}, 1);
    auto& choices = ctx.attached<cuda::DeviceChoices>();
    choices.remember(product(Kind::kForward), way);
    choices.remember(product(Kind::kBackwardData), way);
    choices.remember(product(Kind::kBackwardWeight), weight_way);
    Tensors tensors(ctx);
    const Tensor x = tensors.signs(s.x(), dtype), w = tensors.signs(s.weight(), dtype),
                 dy = tensors.signs(s.y(), dtype), y = tensors.empty(s.y(), dtype),
                 dx = tensors.empty(s.x(), dtype), dw = tensors.empty(s.weight(), DType::kF32);
    const int64_t before = executor::counters().allocations;
    const int64_t workspace = conv2d_workspace_bytes(ctx, s, dtype);
    CHECK(executor::counters().allocations == before);
    for (const Kind kind : {Kind::kForward, Kind::kBackwardData})
      CHECK(ctx.attached<cuda::DeviceChoices>().find(product(kind)) == way);
    return outputs_of(ctx, workspace, {y, dx, dw}, [&] {
      conv2d_forward(ctx, kHalving, x, w, y);
      conv2d_backward_data(ctx, kHalving, dy, w, dx);
      conv2d_backward_weight(ctx, kHalving, x, dy, dw, GradMode::kOverwrite);
      conv2d_backward_weight(ctx, kHalving, x, dy, dw, GradMode::kAccumulate);
    });
  };
  const std::string direct = products_by("own", "own");
  CHECK(products_by("own tensor cores", "own tensor cores") == direct);
  CHECK(products_by("1:", "1:") == direct);
  CHECK(executor::leaks().empty());
}

TEST_CASE(
    "products of few channels: what our kernels cannot make is measured anew, and no way of cuDNN rounds a "
    "gradient") {
  const Conv2dShape few{1, 4, 4, 3, 12};  // no multiple of 8 channels
  const auto product = [&](Kind kind) {
    return to_string(ConvolutionProduct{kind, few, DType::kBF16, Fp32Products::kExact});
  };
  Context ctx(Gpu{}, 1);
  auto& choices = ctx.attached<cuda::DeviceChoices>();
  choices.remember(product(Kind::kForward), "own tensor cores");
  conv2d_workspace_bytes(ctx, few, DType::kBF16);
  CHECK(choices.find(product(Kind::kForward)) != "own tensor cores");
  CHECK(choices.find(product(Kind::kBackwardWeight)) == "own");
}

}  // namespace
}  // namespace inpaint
