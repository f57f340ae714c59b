// Times every op of a training step at its shapes of training, each layer and direction by itself (Google
// Benchmark): time, GFLOP/s, GB/s, and the share of what the machine can do: of the rate of a large matrix
// product or of a large copy, whichever bounds the op, both measured in this run before each case. The line
// after a case is a library's way to do the same: oneDNN's products where ours are the register tiles, else a
// copy of as many bytes.
//
// No result is timed that was not compared with the formula first; a wrong one makes the exit code 2. --check
// compares alone; --layers prints a table over the layers of a training step. Options of Google Benchmark are
// passed on (--benchmark_filter, --benchmark_out).
#include <benchmark/benchmark.h>

#include <cstdio>
#include <optional>

#include "bench/device_timer.h"
#include "bench/layer_cases.h"
#include "bench/machine_rates.h"
#include "bench/naive/naive_cases.h"
#include "bench/op_cases.h"
#include "bench/timing.h"
#include "core/base/error.h"
#include "tools/main_guard.h"
#include "tools/options.h"

namespace inpaint::bench {
namespace {

struct BenchOptions {
  std::string device = "cpu", precision = "fp32", caches = "warm";
  int gpu = 0, threads = 0, rounds = 5;
  int64_t batch_size = 64;
  bool layers = false, check = false;
  ContextEncoderOptions network{.image_channel = 3};

  DType dtype() const { return precision == "bf16" ? DType::kBF16 : DType::kF32; }
};

// The ceilings an op is held against, as measured now.
struct Ceilings {
  double flop_per_second, bytes_per_second;

  double floor_s(const OpCase& made) const {
    return std::max(static_cast<double>(made.needed_flop) / flop_per_second,
                    static_cast<double>(made.bytes) / bytes_per_second);
  }
  const char* bound(const OpCase& made) const {
    const double flop_s = static_cast<double>(made.needed_flop) / flop_per_second,
                 bytes_s = static_cast<double>(made.bytes) / bytes_per_second;
    return flop_s > bytes_s ? "products" : "copy";
  }
};

class Bench {
 public:
  explicit Bench(const BenchOptions& options)
      : options_(options),
        ctx_(make_context(options, Context::default_backend())),
        library_(make_context(options, MatrixBackend::kOneDnn)) {
    if (options.check) return;
    product_rate_.emplace(ctx_, options.dtype());
    copy_rate_.emplace(ctx_);
  }

  Ceilings ceilings() const { return {product_rate_->measure(), copy_rate_->measure()}; }

  std::vector<CaseMaker> layers() const {
    return layer_cases(options_.network, options_.batch_size, options_.dtype());
  }

  std::vector<CaseMaker> all_cases() const {
    std::vector<CaseMaker> all = layers();
    for (CaseMaker& maker : op_cases(options_.network, options_.batch_size, options_.dtype()))
      all.push_back(std::move(maker));
#ifdef INPAINT_CUDA
    if (options_.device == "cuda")
      for (CaseMaker& maker : naive_cases(options_.network, options_.batch_size, options_.dtype()))
        all.push_back(std::move(maker));
#endif
    return all;
  }

  void check_all() {
    const std::vector<CaseMaker> all = all_cases();
    for (const CaseMaker& maker : all) is_right(maker.make(ctx_));
    fmt::print("{} results compared\n", all.size());
  }

  void register_all() {
    for (const CaseMaker& maker : all_cases()) {
      for (const Caches caches : {Caches::kWarm, Caches::kCold}) {
        const char* const name = caches == Caches::kWarm ? "warm" : "cold";
        if (options_.caches != "both" && options_.caches != name) continue;
        add(maker.name, name,
            [this, maker, caches](benchmark::State& state) { time_op(state, maker, ctx_, caches); });
        add(maker.name, std::string(name) + "/library",
            [this, maker, caches](benchmark::State& state) { time_library(state, maker, caches); });
      }
    }
  }

  // Time, rate and share of each layer and direction, and their sum over a step.
  void print_layers() {
    fmt::print("{:<42} {:>5} {:>9} {:>9} {:>8} {:>8} {:>6}  {}\n", "layer and direction", "runs", "ms each",
               "ms a step", "GFLOP/s", "GB/s", "share", "bound by");
    double sum_ms = 0, floor_ms = 0;
    for (const CaseMaker& maker : layers()) {
      const OpCase made = maker.make(ctx_);
      if (!is_right(made)) continue;
      const Ceilings now = ceilings();
      DeviceTimer timer(ctx_, Caches::kWarm, made.run);
      std::vector<double> seconds;
      for (int i = 0; i < options_.rounds; ++i) seconds.push_back(timer.seconds());
      const double s = median(seconds);
      fmt::print("{:<42} {:>5g} {:>9.3f} {:>9.2f} {:>8.1f} {:>8.1f} {:>5.0f}%  {}\n", made.name,
                 made.per_step, s * 1e3, s * made.per_step * 1e3, static_cast<double>(made.flop) / s * 1e-9,
                 static_cast<double>(made.bytes) / s * 1e-9, 100 * now.floor_s(made) / s, now.bound(made));
      sum_ms += s * made.per_step * 1e3;
      floor_ms += now.floor_s(made) * made.per_step * 1e3;
    }
    const Ceilings now = ceilings();
    fmt::print(
        "layers of a step {:.1f} ms, at the machine's rates {:.1f} ms ({:.0f}%): {:.0f} GFLOP/s, {:.1f} "
        "GB/s\n",
        sum_ms, floor_ms, 100 * floor_ms / sum_ms, now.flop_per_second * 1e-9, now.bytes_per_second * 1e-9);
  }

  int exit_code() const { return wrong_ ? kExitFailure : kExitDone; }

 private:
  using Body = std::function<void(benchmark::State&)>;
  static constexpr int kGpuRounds = 7;

  static Context make_context(const BenchOptions& o, MatrixBackend backend) {
    if (o.device == "cuda")
      return Context({o.gpu, o.precision == "tf32" ? Fp32Products::kTf32 : Fp32Products::kExact}, o.threads);
    return Context(o.threads, backend == MatrixBackend::kOneDnn && !Context::has_one_dnn()
                                  ? MatrixBackend::kEigen
                                  : backend);
  }

  void add(const std::string& name, const std::string& variant, Body body) {
    auto* const made = benchmark::RegisterBenchmark((name + "/" + variant).c_str(), std::move(body))
                           ->UseManualTime()
                           ->Unit(benchmark::kMicrosecond);
    if (options_.device == "cuda")
      made->Iterations(kGpuRounds);  // each is many runs already
    else
      made->MinTime(0.2);
  }

  // Runs it once and compares.
  bool is_right(const OpCase& made) {
    made.run();
    const std::string message = made.wrong();
    if (message.empty()) return true;
    fmt::print(stderr, "{}: wrong result: {}\n", made.name, message);
    wrong_ = true;
    return false;
  }

  void time_op(benchmark::State& state, const CaseMaker& maker, Context& ctx, Caches caches) {
    const OpCase made = maker.make(ctx);
    if (!is_right(made)) return state.SkipWithError("wrong result");
    time(state, made, made.run, caches);
  }

  void time_library(benchmark::State& state, const CaseMaker& maker, Caches caches) {
    const OpCase made = maker.make(ctx_);
    if (made.flop > 0 && options_.device == "cpu" && options_.precision == "fp32")
      return time_op(state, maker, library_, caches);
    const int64_t half = std::max<int64_t>(made.bytes / 2, 1);
    const Buffer from(half, ctx_.device()), to(half, ctx_.device());
    time(
        state, made,
        [&] { copy_bytes(ctx_, from.tensor({half}, DType::kU8), to.tensor({half}, DType::kU8)); }, caches);
  }

  void time(benchmark::State& state, const OpCase& made, const std::function<void()>& run, Caches caches) {
    const Ceilings now = ceilings();
    DeviceTimer timer(ctx_, caches, run);
    std::vector<double> seconds;
    for (auto _ : state) {
      seconds.push_back(timer.seconds());
      state.SetIterationTime(seconds.back());
    }
    const double s = median(seconds);
    state.counters["p10_us"] = quantile(seconds, 0.1) * 1e6;
    state.counters["median_us"] = s * 1e6;
    state.counters["p90_us"] = quantile(seconds, 0.9) * 1e6;
    if (made.flop > 0) state.counters["GFLOP/s"] = static_cast<double>(made.flop) / s * 1e-9;
    state.counters["GB/s"] = static_cast<double>(made.bytes) / s * 1e-9;
    state.counters["share"] = now.floor_s(made) / s;
    state.counters["copy_GB/s"] = now.bytes_per_second * 1e-9;
    state.counters["product_GFLOP/s"] = now.flop_per_second * 1e-9;
    state.SetLabel(now.bound(made));
  }

  BenchOptions options_;
  Context ctx_, library_;
  std::optional<ProductRate> product_rate_;  // where something is timed
  std::optional<CopyRate> copy_rate_;
  bool wrong_ = false;
};

// False when there is nothing to run.
bool parse(int argc, const char* const* argv, BenchOptions& o) {
  Options line("bench_kernels", "Time of each op and layer at its shapes of training.");
  std::vector<std::string_view> devices{"cpu"};
  if (Context::has_cuda()) devices.push_back("cuda");
  ContextEncoderOptions& network = o.network;
  line.choice("device", "that is timed; cuda in a program built with it", devices, o.device);
  line.whole("gpu", "number of the GPU", {0, 1024}, o.gpu);
  line.choice("precision", "tf32 is a GPU's", {"fp32", "tf32", "bf16"}, o.precision);
  line.choice("caches", "with what an op finds in them", {"warm", "cold", "both"}, o.caches);
  line.whole("batch_size", "images per batch", {2, 4096}, o.batch_size);
  line.whole_of("image_size", "pixels along a side", {64, 128, 256}, network.image_size);
  line.whole_of("image_channel", "1 grey, 3 RGB", {1, 3}, network.image_channel);
  line.whole("base_channels", "of the network's widest maps", {1, 1024}, network.base_channels);
  line.whole("bottleneck", "features between the two linear layers", {1, 65536}, network.bottleneck);
  line.whole("threads", "0: all cores", {0, 1024}, o.threads);
  line.whole("rounds", "runs of each layer with --layers", {1, 1000}, o.rounds);
  line.truth("check", "compare all results and time nothing", o.check);
  line.truth("layers", "print a table over the layers of a training step", o.layers);
  if (!line.parse(argc, argv)) return false;
  if (o.precision == "tf32" && o.device == "cpu")
    user_error("command line: --precision=tf32 needs --device cuda");
  return true;
}

int run(int argc, const char* const* argv) {
  std::vector<char*> arguments;  // Google Benchmark takes its options out of the list
  for (int i = 0; i < argc; ++i) arguments.push_back(const_cast<char*>(argv[i]));
  arguments.push_back(nullptr);
  benchmark::Initialize(&argc, arguments.data());
  BenchOptions o;
  if (!parse(argc, arguments.data(), o)) return kExitDone;
  Bench bench(o);
  if (o.check) {
    bench.check_all();
  } else if (o.layers) {
    bench.print_layers();
  } else {
    bench.register_all();
    benchmark::RunSpecifiedBenchmarks();
  }
  return bench.exit_code();
}

}  // namespace
}  // namespace inpaint::bench

int main(int argc, char** argv) { return inpaint::run_main(argc, argv, inpaint::bench::run); }
