// The pages docs/kernels/*.md. Their code stands in the files that they link to, and their tables say what
// the naive and the fast kernels move at one size, as the executor counts it. Each page holds its table
// between the lines kBegin and kEnd.
//
// The sizes are so small that the cut into blocks is an H100's, although the executor launches fewer blocks.
//
// With INPAINT_RECORD=1 in the environment the tables are written anew.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "bench/naive/naive_kernels.h"
#include "kernels/conv/conv2d_direct_cuda.h"
#include "kernels/conv/conv2d_few_cuda.h"
#include "tests/cuda_executor/executor.h"
#include "tests/harness/op_check.h"

using namespace inpaint;
using namespace inpaint::test;
using executor::Traffic;

namespace {

constexpr const char *kBegin = "<!-- counted by tests/docs/kernel_pages_test.cpp -->\n",
                     *kEnd = "<!-- end -->\n";

// The tables are of what GCC 12 makes of the code. Another compiler combines other loads.
constexpr bool kCountsAsRecorded = executor::kCountsTraffic && __GNUC__ == 12;

const Backend kGpu{"cuda", DType::kBF16, MatrixBackend::kEigen, Device::kCuda, true};

GuardedTensor values(const Shape& shape, DType dtype, uint32_t part, double mean = 0, double deviation = 1) {
  return random_tensor(shape, kGpu.of(dtype), kSeed, part, mean, deviation);
}

// adam_kernel, of "void inpaint::(anonymous namespace)::adam_kernel<1>(...) at adam_cuda.cu:9"
std::string short_name(const std::string& kernel) {
  const size_t end = kernel.find("_kernel") + 7;
  return kernel.substr(kernel.rfind(':', end) + 1, end - kernel.rfind(':', end) - 1);
}

std::string with_commas(int64_t number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

class Table {
 public:
  Table() {
    text_ << "| kernel | launches | bytes read | sectors | an access | different | bytes written | sectors | "
             "an access | different | atomic additions | dynamic shared memory |\n"
          << "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";
  }

  // The kernels of what `run` enqueues, and their sum in a row named `name`.
  template <typename F>
  void count(const std::string& name, const Context& ctx, F&& run) {
    ctx.synchronize();
    executor::set_traffic_count(true);
    run();
    ctx.synchronize();
    Traffic sum;
    const auto add = [](Traffic::Accesses& to, const Traffic::Accesses& more) {
      to.bytes += more.bytes;
      to.of_warps += more.of_warps;
      to.sectors += more.sectors;
      to.different_sectors += more.different_sectors;
      to.of_threads += more.of_threads;
    };
    const std::vector<Traffic> kernels = executor::take_traffic();
    executor::set_traffic_count(false);
    for (const Traffic& kernel : kernels) {
      row("`" + short_name(kernel.kernel) + "`", kernel);
      sum.launches += kernel.launches;
      sum.dynamic_shared_bytes = std::max(sum.dynamic_shared_bytes, kernel.dynamic_shared_bytes);
      add(sum.reads, kernel.reads);
      add(sum.writes, kernel.writes);
      add(sum.atomics, kernel.atomics);
    }
    row("**" + name + "**", sum);
  }

  // What any implementation has to move: each input once, each output once.
  void needed(int64_t read, int64_t written) {
    text_ << "\nHas to be read: " << with_commas(read)
          << " bytes. Has to be written: " << with_commas(written)
          << " bytes. Together: " << with_commas((read + written) / 32) << " sectors.\n";
  }

  std::string text() const { return text_.str(); }

 private:
  void row(const std::string& name, const Traffic& t) {
    const auto accesses = [&](const Traffic::Accesses& a) {
      text_ << " | " << with_commas(a.bytes) << " | " << with_commas(a.sectors) << " | ";
      if (a.of_warps > 0)
        text_ << fmt::format("{:.1f}", static_cast<double>(a.sectors) / static_cast<double>(a.of_warps));
      text_ << " | " << with_commas(a.different_sectors);
    };
    text_ << "| " << name << " | " << t.launches;
    accesses(t.reads);
    accesses(t.writes);
    text_ << " | " << with_commas(t.atomics.of_threads) << " | " << with_commas(t.dynamic_shared_bytes)
          << " |\n";
  }

  std::ostringstream text_;
};

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

void compare_with_page(const std::string& name, const std::string& table) {
  const std::string path = std::string(INPAINT_KERNEL_PAGES) + "/" + name;
  std::string page = read(path);
  const size_t begin = page.find(kBegin), end = page.find(kEnd);
  REQUIRE_MESSAGE((begin != std::string::npos && end != std::string::npos), path, " has no table");
  const size_t first = begin + std::string(kBegin).size();
  const std::string stated = page.substr(first, end - first);
  if (std::getenv("INPAINT_RECORD") != nullptr) {
    std::ofstream(path) << page.replace(first, end - first, table);
    return;
  }
  CHECK(stated == table);
}

std::string trimmed(const std::string& line) {
  const size_t first = line.find_first_not_of(' ');
  return first == std::string::npos ? "" : line.substr(first, line.find_last_not_of(' ') - first + 1);
}

// The lines of code in a page that stand in none of the files that it links to.
std::vector<std::string> invented_lines(const std::filesystem::path& page) {
  const std::string text = read(page);
  std::set<std::string> lines;
  const auto for_each_line = [](const std::string& of, const auto& f) {
    std::istringstream stream(of);
    for (std::string line; std::getline(stream, line);) f(trimmed(line));
  };
  const std::regex link(R"(\]\(([^)]+\.(?:cu|h))\))"), code("```cpp\n([^`]*)```");
  for (std::sregex_iterator found(text.begin(), text.end(), link), end; found != end; ++found)
    for_each_line(read(page.parent_path() / (*found)[1].str()),
                  [&](const std::string& line) { lines.insert(line); });
  std::vector<std::string> invented;
  for (std::sregex_iterator found(text.begin(), text.end(), code), end; found != end; ++found)
    for_each_line((*found)[1].str(), [&](const std::string& line) {
      if (!lines.contains(line)) invented.push_back(line);
    });
  return invented;
}

int64_t bytes(std::initializer_list<const GuardedTensor*> tensors) {
  int64_t sum = 0;
  for (const GuardedTensor* tensor : tensors) sum += tensor->elements() * size_of(tensor->dtype());
  return sum;
}

}  // namespace

TEST_CASE("docs/kernels/adam.md: 32,768 parameters, all of them weights, with a bf16 copy and half_squares" *
          doctest::skip(!kCountsAsRecorded)) {
  const Shape shape{32768};
  const GuardedTensor grad = values(shape, DType::kF32, 0), w = values(shape, DType::kF32, 1),
                      m = values(shape, DType::kF32, 2), v = values(shape, DType::kF32, 3, 100, 1),
                      copy = values(shape, DType::kBF16, 4), half_squares = values({1}, DType::kF64, 5),
                      rate = values({1}, DType::kF64, 6, 1, 0);
  const auto ctx = kGpu.context();
  ctx->reserve_workspace(
      std::max(adam_workspace_bytes(*ctx, shape[0]), naive::adam_workspace_bytes(*ctx, shape[0])));
  const AdamArrays arrays{
      .grad = grad, .param = w, .m = m, .v = v, .weights_bf16 = copy, .half_squares = half_squares};
  const Tensor on_device = rate;
  const AdamOptions options{.weight_decay = 1e-6};
  Table table;
  table.count("naive", *ctx, [&] { naive::adam(*ctx, options, on_device, shape[0], arrays); });
  table.count("fast", *ctx, [&] { adam(*ctx, options, on_device, shape[0], arrays); });
  table.needed(bytes({&grad, &w, &m, &v}), bytes({&w, &m, &v, &copy}));
  compare_with_page("adam.md", table.text());
}

TEST_CASE("docs/kernels/batch-norm.md: 2,048 rows of 64 channels in bf16, ReLU" *
          doctest::skip(!kCountsAsRecorded)) {
  const Shape shape{2, 32, 32, 64}, channels{64};
  const auto of_channel = [&](uint32_t part, double middle) {
    return values(channels, DType::kF32, part, middle, 0.01);
  };
  const GuardedTensor x = values(shape, DType::kBF16, 0), dy = values(shape, DType::kBF16, 1),
                      y = values(shape, DType::kBF16, 2), dx = values(shape, DType::kBF16, 3),
                      mean = of_channel(4, 0), variance = of_channel(5, 1), gamma = of_channel(6, 1),
                      beta = of_channel(7, 0), dgamma = of_channel(8, 0), dbeta = of_channel(9, 0);
  const auto ctx = kGpu.context();
  ctx->reserve_workspace(
      std::max(batch_norm_workspace_bytes(*ctx, shape), naive::batch_norm_workspace_bytes(*ctx, shape)));
  const Tensor xs = x, ys = y, dys = dy, dxs = dx, ms = mean, vs = variance, gs = gamma, bs = beta;
  const BatchNormGrads grads{dgamma.pointer(), dbeta.pointer(), GradMode::kOverwrite};
  constexpr Activation kAct = Activation::kRelu;
  Table table;
  table.count("statistics, naive", *ctx, [&] { naive::batch_norm_statistics(*ctx, xs, ms, vs); });
  table.count("statistics, fast", *ctx, [&] { batch_norm_statistics(*ctx, xs, ms, vs); });
  table.count("forward, naive", *ctx,
              [&] { naive::batch_norm_forward(*ctx, xs, ms, vs, gs, bs, 1e-5, kAct, ys); });
  table.count("forward, fast", *ctx, [&] { batch_norm_forward(*ctx, xs, ms, vs, gs, bs, 1e-5, kAct, ys); });
  table.count("backward, naive", *ctx,
              [&] { naive::batch_norm_backward(*ctx, xs, ms, vs, gs, bs, 1e-5, kAct, dys, dxs, grads); });
  table.count("backward, fast", *ctx,
              [&] { batch_norm_backward(*ctx, xs, ms, vs, gs, bs, 1e-5, kAct, dys, dxs, grads); });
  // Over the three ops; the channels' own arrays, some hundred bytes each, left out.
  table.needed(bytes({&x, &x, &x, &dy}), bytes({&y, &dx}));
  compare_with_page("batch-norm.md", table.text());
}

TEST_CASE("docs/kernels/total-variation.md: two pictures of 64 x 64 RGB in bf16" *
          doctest::skip(!kCountsAsRecorded)) {
  const Shape shape{2, 64, 64, 3};
  const GuardedTensor x = values(shape, DType::kBF16, 0), dx = values(shape, DType::kBF16, 1),
                      loss = values({1}, DType::kF64, 2);
  const auto ctx = kGpu.context();
  ctx->reserve_workspace(total_variation_workspace_bytes(*ctx, shape));
  const Tensor xs = x, dxs = dx, sum = loss;
  Table table;
  table.count("naive", *ctx,
              [&] { naive::total_variation(*ctx, xs, 1e-6, sum, &dxs, GradMode::kOverwrite); });
  table.count("fast", *ctx, [&] { total_variation(*ctx, xs, 1e-6, sum, &dxs, GradMode::kOverwrite); });
  table.needed(bytes({&x}), bytes({&dx}));
  compare_with_page("total-variation.md", table.text());
}

TEST_CASE("docs/kernels/few-channel-convolution.md: a picture of 64 x 64 RGB to 64 channels in bf16" *
          doctest::skip(!kCountsAsRecorded)) {
  const Conv2dShape s{1, 64, 64, 3, 64};
  const GuardedTensor x = values(s.x(), DType::kBF16, 0), w = values(s.weight(), DType::kBF16, 1),
                      y = values(s.y(), DType::kBF16, 2), dx = values(s.x(), DType::kBF16, 3),
                      dw = values(s.weight(), DType::kF32, 4);
  const auto ctx = kGpu.context();
  const int64_t workspace_bytes =
      std::max(cuda::conv2d_direct_backward_weight_workspace_bytes(s, DType::kBF16),
               cuda::conv2d_few_backward_weight_workspace_bytes(s));
  ctx->reserve_workspace(workspace_bytes);
  void* const workspace = ctx->workspace(workspace_bytes);
  const Tensor xs = x, ws = w, ys = y, dxs = dx, dws = dw;
  constexpr GradMode kMode = GradMode::kOverwrite;
  Table table;
  table.count("forward, naive", *ctx, [&] { naive::conv2d_forward(*ctx, s.window, xs, ws, ys); });
  table.count("forward, direct", *ctx, [&] { cuda::conv2d_direct_forward(*ctx, s, xs, ws, ys); });
  table.count("forward, tensor cores", *ctx, [&] { cuda::conv2d_few_forward(*ctx, s, xs, ws, ys); });
  table.count("input gradient, naive", *ctx,
              [&] { naive::conv2d_backward_data(*ctx, s.window, ys, ws, dxs); });
  table.count("input gradient, direct", *ctx,
              [&] { cuda::conv2d_direct_backward_data(*ctx, s, ys, ws, dxs); });
  table.count("input gradient, tensor cores", *ctx,
              [&] { cuda::conv2d_few_backward_data(*ctx, s, ys, ws, dxs); });
  table.count("weight gradient, naive", *ctx,
              [&] { naive::conv2d_backward_weight(*ctx, s.window, xs, ys, dws, kMode); });
  table.count("weight gradient, direct", *ctx,
              [&] { cuda::conv2d_direct_backward_weight(*ctx, s, xs, ys, dws, kMode, workspace); });
  table.count("weight gradient, tensor cores", *ctx,
              [&] { cuda::conv2d_few_backward_weight(*ctx, s, xs, ys, dws, kMode, workspace); });
  table.needed(bytes({&x, &w}), bytes({&y}));
  compare_with_page("few-channel-convolution.md", table.text());
}

TEST_CASE("docs/kernels: the code of the pages is in the files that they link to") {
  int pages = 0;
  for (const auto& entry : std::filesystem::directory_iterator(INPAINT_KERNEL_PAGES)) {
    ++pages;
    for (const std::string& line : invented_lines(entry.path()))
      FAIL_CHECK(entry.path().filename().string(), ": not in a file it links to: ", line);
  }
  CHECK(pages == 5);
}
