// Times the whole training step against its floor, both measured in this run, in turn:
//   floor = counted FLOP of the step's matrix products / rate of a large matrix product
//           + every update's pass over its network's parameters at Adam's own measured time
// Prints the medians, the ratio, images per second and the peak memory, as one JSON object with --json.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <vector>

#include "kernels/adam.h"
#include "kernels/gemm_cpu.h"
#include "tools/main_guard.h"
#include "train/hole_placement.h"
#include "train/training_step.h"

namespace inpaint {
namespace {

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// FLOP per second of one product of 1536 x 1536 matrices for each thread, the best backend's rate being the
// bar.
class MatrixRate {
 public:
  explicit MatrixRate(const Context& ctx) : ctx_(ctx), memory_(3 * kSide * kSide * 4 * ctx.threads()) {
    std::fill_n(static_cast<float*>(memory_.data()), memory_.bytes() / 4, 0.5f);
  }

  double measure() const {
    constexpr int kProducts = 4;
    const double seconds = seconds_of([&] {
      ctx_.parallel(ctx_.threads(), [&](int64_t index, int) {
        float* a = static_cast<float*>(memory_.data()) + index * 3 * kSide * kSide;
        float* b = a + kSide * kSide;
        float* c = b + kSide * kSide;
        for (int i = 0; i < kProducts; ++i)
          cpu::gemm<float>(ctx_.matrix_backend(), cpu::Transpose::kNo, cpu::Transpose::kNo, kSide, kSide,
                           kSide, a, kSide, b, kSide, 0.0f, c, kSide);
      });
    });
    return 2.0 * kSide * kSide * kSide * kProducts * ctx_.threads() / seconds;
  }

 private:
  static constexpr int64_t kSide = 1536;
  const Context& ctx_;
  Buffer memory_;
};

double adam_seconds(const Context& ctx, const Parameters& params, const Tensor& half_squares) {
  AdamOptions options;
  double no_rate = 0;  // leaves the weights as they are
  const Tensor rate{{1}, DType::kF64, Device::kCpu, &no_rate};
  return seconds_of([&] {
    adam(ctx, options, rate, params.spec().elements(ParameterId::Kind::kWeight), params.grads(),
         params.values(), params.moments1(), params.moments2(), params.weights_bf16(), &half_squares);
  });
}

int run(int argc, const char* const* argv) {
  CLI::App app("Time of a training step beside its floor.");
  std::string device = "cpu", backend = "auto";
  int64_t batch_size = 16;
  int threads = 0, rounds = 5;
  bool json = false;
  ContextEncoderOptions network{.image_channel = 3};
  StepOptions options;
  app.add_option("--device", device, "cpu")->check(CLI::IsMember({"cpu"}))->capture_default_str();
  app.add_option("--batch_size", batch_size, "images per batch")
      ->check(CLI::Range(2, 4096))
      ->capture_default_str();
  app.add_option("--image_size", network.image_size, "pixels along a side")
      ->check(CLI::IsMember({64, 128, 256}))
      ->capture_default_str();
  app.add_option("--image_channel", network.image_channel, "1 or 3")
      ->check(CLI::IsMember({1, 3}))
      ->capture_default_str();
  app.add_option("--threads", threads, "0: all cores")->check(CLI::Range(0, 1024))->capture_default_str();
  app.add_option("--matrix_backend", backend, "auto, tile, onednn or eigen")
      ->check(CLI::IsMember({"auto", "tile", "onednn", "eigen"}))
      ->capture_default_str();
  app.add_option("--rounds", rounds, "timed steps, after one to warm up")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_flag("--reuse,!--noreuse", options.reuse, "do work the step repeats once")->capture_default_str();
  app.add_flag("--json", json, "print one JSON object");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 1;
  }

  const MatrixBackend matrix_backend = backend == "eigen"    ? MatrixBackend::kEigen
                                       : backend == "tile"   ? MatrixBackend::kTile
                                       : backend == "onednn" ? MatrixBackend::kOneDnn
                                                             : Context::default_backend();
  Context ctx(threads, matrix_backend);
  Model model(network, DType::kF32, Parameters::Use::kTraining);
  model.initialize(ctx, 1);
  TrainingStep step(ctx, model, batch_size, options);
  const MatrixRate matrix_rate(ctx);

  // Random pixels: a processor may run zeros faster.
  const Shape shape = model.generator.in_shape(batch_size);
  Buffer pixels(shape.elements()), offsets(batch_size * 8), half_squares(8);
  const Philox random(1, RandomStream::kProceduralPictures);
  for (int64_t i = 0; i < shape.elements(); ++i)
    static_cast<uint8_t*>(pixels.data())[i] = static_cast<uint8_t>(random.bits(static_cast<uint64_t>(i))[0]);
  const Tensor images = pixels.tensor(shape, DType::kU8),
               holes = offsets.tensor({batch_size, 2}, DType::kI32);
  place_holes(HolePlacement::kRandom, Philox(1, RandomStream::kHoleOffsets), 0, network.image_size, holes);

  std::vector<double> steps, rates, generator_adam, discriminator_adam;
  for (int round = 0; round <= rounds; ++round) {
    const double rate = matrix_rate.measure();
    const double seconds = seconds_of([&] {
      step.load(images, holes);
      step.train();
    });
    const Tensor sum = half_squares.tensor({1}, DType::kF64);
    const double ga = adam_seconds(ctx, model.generator_params, sum);
    const double da = adam_seconds(ctx, model.discriminator_params, sum);
    if (round == 0) continue;
    steps.push_back(seconds);
    rates.push_back(rate);
    generator_adam.push_back(ga);
    discriminator_adam.push_back(da);
  }

  const double step_s = median(steps), rate = median(rates);
  const double adam_s =
      options.gene_iter * median(generator_adam) + options.disc_iter * median(discriminator_adam);
  const double floor_s = static_cast<double>(step.product_flop()) / rate + adam_s;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const double peak_gib = static_cast<double>(usage.ru_maxrss) / (1 << 20);
  if (json) {
    const nlohmann::ordered_json report = {
        {"device", device},
        {"threads", ctx.threads()},
        {"batch_size", batch_size},
        {"image_size", network.image_size},
        {"image_channel", network.image_channel},
        {"reuse", options.reuse},
        {"step_ms", step_s * 1e3},
        {"floor_ms", floor_s * 1e3},
        {"ratio", step_s / floor_s},
        {"images_per_second", static_cast<double>(batch_size) / step_s},
        {"product_gflop", static_cast<double>(step.product_flop()) * 1e-9},
        {"matrix_gflop_per_second", rate * 1e-9},
        {"adam_ms", adam_s * 1e3},
        {"peak_memory_gib", peak_gib},
    };
    fmt::print("{}\n", report.dump(2));
    return 0;
  }
  fmt::print("batch {} of {} x {} x {}, fp32, {} threads, median of {} steps\n", batch_size,
             network.image_size, network.image_size, network.image_channel, ctx.threads(), rounds);
  fmt::print("step         {:9.1f} ms   {:.1f} images/s\n", step_s * 1e3,
             static_cast<double>(batch_size) / step_s);
  fmt::print("floor        {:9.1f} ms   {:.1f} GFLOP at {:.0f} GFLOP/s, and {:.1f} ms of Adam\n",
             floor_s * 1e3, static_cast<double>(step.product_flop()) * 1e-9, rate * 1e-9, adam_s * 1e3);
  fmt::print("ratio        {:9.2f}\n", step_s / floor_s);
  fmt::print("peak memory  {:9.2f} GiB\n", peak_gib);
  return 0;
}

}  // namespace
}  // namespace inpaint

int main(int argc, char** argv) { return inpaint::run_main(argc, argv, inpaint::run); }
