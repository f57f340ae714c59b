// Times the whole training step against its floor, both measured in this run, in turn:
//   floor = counted FLOP of the step's matrix products / rate of a large matrix product
//           + every update's pass over its network's parameters at Adam's own measured time
// Prints the medians, the ratio, images per second and the peak memory, as one JSON object with --json.
//
// --on_demand measures no floor. It prints "ready" after warming up. For each line that it reads it runs a
// turn and answers with the milliseconds of a step. It prints the JSON object at the end of the input. So a
// caller can alternate it with another program.
//
// --one_step runs a step and ends: something for a profiler to look at.
//
// A turn is --steps_per_turn steps. It ends when the losses of the last one have arrived: on a GPU a step is
// only enqueued when train() returns.
#include <sys/resource.h>

#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/machine_rates.h"
#include "bench/timing.h"
#include "core/base/error.h"
#include "kernels/parameter/adam.h"
#include "tools/main_guard.h"
#include "tools/options.h"
#include "train/holes/hole_placement.h"
#include "train/step/run_options.h"
#include "train/step/training_step.h"

namespace inpaint::bench {
namespace {

struct BenchOptions {
  std::string device = "cpu", precision = "fp32", backend = "auto";
  int64_t batch_size = 16;
  int gpu = 0, threads = 0, rounds = 5, steps_per_turn = 1, warm_up = 1;
  bool on_demand = false, one_step = false, json = false;
  ContextEncoderOptions network{.image_channel = 3};
  ModelKind kind = ModelKind::kContextEncoder;
  ModelSize size = ModelSize::kSmall;
  StepOptions step;

  ModelOptions model() const {
    TrainSettings settings = TrainSettings::of_model(kind);
    settings.model_size = size;
    settings.image_size = static_cast<int>(network.image_size);
    settings.image_channel = static_cast<int>(network.image_channel);
    ModelOptions options = model_options(settings);
    options.context_encoder = network;
    return options;
  }
  Shape pictures() const {
    return {batch_size, network.image_size, network.image_size, network.image_channel};
  }
  DType activation() const { return precision == "bf16" ? DType::kBF16 : DType::kF32; }
};

// False when there is nothing to run.
bool parse(int argc, const char* const* argv, BenchOptions& o) {
  Options line("bench_train", "Time of a training step beside its floor.");
  std::vector<std::string_view> devices{"cpu"};
  if (Context::has_cuda()) devices.push_back("cuda");
  ContextEncoderOptions& network = o.network;
  bool noreuse = false;
  line.choice("device", "that is timed; cuda in a program built with it", devices, o.device);
  line.whole("gpu", "number of the GPU", {0, 1024}, o.gpu);
  line.choice("precision", "tf32 is a GPU's", {"fp32", "tf32", "bf16"}, o.precision);
  line.whole("batch_size", "images per batch", {2, 4096}, o.batch_size);
  line.choice("model", "that is trained", o.kind);
  line.choice("model_size", "of harmonic_unet", o.size);
  line.whole_of("image_size", "pixels along a side", {64, 128, 256}, network.image_size);
  line.whole_of("image_channel", "1 grey, 3 RGB", {1, 3}, network.image_channel);
  line.whole("base_channels", "of the context encoder's widest maps", {1, 1024}, network.base_channels);
  line.whole("bottleneck", "features between its two linear layers", {1, 65536}, network.bottleneck);
  line.whole("threads", "0: all cores", {0, 1024}, o.threads);
  line.choice("matrix_backend", "that multiplies on the CPU", {"auto", "tile", "onednn", "eigen"}, o.backend);
  line.whole("rounds", "timed turns", {1, 1000}, o.rounds);
  line.whole("steps_per_turn", "steps that are timed together", {1, 1000}, o.steps_per_turn);
  line.whole("warm_up", "turns before the first one that counts", {1, 1000}, o.warm_up);
  line.truth("noreuse", "do again what a step could keep", noreuse);
  line.truth("on_demand", "run a turn for each line of the input", o.on_demand);
  line.truth("one_step", "run one step, and print nothing", o.one_step);
  line.truth("json", "print one JSON object", o.json);
  if (!line.parse(argc, argv)) return false;
  o.step.reuse = !noreuse;
  if (o.precision == "tf32" && o.device == "cpu")
    user_error("command line: --precision=tf32 needs --device cuda");
  return true;
}

Context make_context(const BenchOptions& o) {
  if (o.device == "cuda")
    return Context({o.gpu, o.precision == "tf32" ? Fp32Products::kTf32 : Fp32Products::kExact}, o.threads);
  return Context(o.threads, o.backend == "eigen"    ? MatrixBackend::kEigen
                            : o.backend == "tile"   ? MatrixBackend::kTile
                            : o.backend == "onednn" ? MatrixBackend::kOneDnn
                                                    : Context::default_backend());
}

// Random pixels: a processor may run zeros faster.
class RandomBatch {
 public:
  explicit RandomBatch(const BenchOptions& o)
      : pixels_(Buffer::staging(o.pictures().elements(), device_of(o))),
        offsets_(Buffer::staging(o.batch_size * 8, device_of(o))),
        mask_(Buffer::staging(o.pictures().rows(), device_of(o))) {
    const Shape shape = o.pictures();
    const Tensor images = pixels_.tensor(shape, DType::kU8),
                 holes = offsets_.tensor({o.batch_size, 2}, DType::kI32),
                 mask = mask_.tensor({shape[0], shape[1], shape[2]}, DType::kU8);
    const Philox random(1, RandomStream::kProceduralPictures);
    for (int64_t i = 0; i < shape.elements(); ++i)
      images.as<uint8_t>()[i] = static_cast<uint8_t>(random.bits(static_cast<uint64_t>(i))[0]);
    place_holes(HolePlacement::kRandom, Philox(1, RandomStream::kHoleOffsets), 0, o.network.image_size,
                holes);
    mark_squares(holes, mask);
    batch = {images, {mask, holes}};
  }

 private:
  static Device device_of(const BenchOptions& o) { return o.device == "cuda" ? Device::kCuda : Device::kCpu; }
  Buffer pixels_, offsets_, mask_;

 public:
  Batch batch;
};

// One update of a network's parameters, which leaves the weights as they are. The gradients stay in the
// processor's cache, as those of the large weights do in a step.
class AdamTime {
 public:
  AdamTime(const Context& ctx, const Parameters& params)
      : ctx_(ctx),
        params_(params),
        rate_(8, ctx.device()),
        half_squares_(8, ctx.device()),
        grads_(kGradients * size_of(params.dtype()), ctx.device()) {}

  double measure() const {
    const Tensor rate = rate_.tensor({1}, DType::kF64), half_squares = half_squares_.tensor({1}, DType::kF64),
                 grads = grads_.tensor({kGradients}, params_.dtype()), values = params_.values();
    const int64_t weights = params_.spec().elements(ParameterId::Kind::kWeight);
    ctx_.synchronize();
    return seconds_of([&] {
      for (int64_t begin = 0, n; begin < values.elements(); begin += n) {
        n = std::min(kGradients, values.elements() - begin);
        const int64_t decayed = std::clamp<int64_t>(weights - begin, 0, n);
        const Tensor* const all_copies = params_.weights_bf16();
        adam(ctx_, {}, rate, decayed,
             {.grad = grads.slice(0, n),
              .param = values.slice(begin, n),
              .m = params_.moments1().slice(begin, n),
              .v = params_.moments2().slice(begin, n),
              .weights_bf16 = all_copies == nullptr ? Tensor{} : all_copies->slice(begin, decayed),
              .half_squares = half_squares});
      }
      ctx_.synchronize();
    });
  }

 private:
  static constexpr int64_t kGradients = 1 << 20;

  const Context& ctx_;
  const Parameters& params_;
  Buffer rate_, half_squares_, grads_;  // zeroed: the learning rate is 0
};

nlohmann::ordered_json report_of(const BenchOptions& o, const Context& ctx,
                                 const std::vector<double>& steps) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const double step_s = median(steps);
  return {
      {"program", "inpaint"},
      {"device", o.device},
      {"device_name",
       o.device == "cuda" ? nlohmann::ordered_json(ctx.device_name()) : nlohmann::ordered_json()},
      {"precision", o.precision},
      {"threads", ctx.threads()},
      {"batch_size", o.batch_size},
      {"image_size", o.network.image_size},
      {"image_channel", o.network.image_channel},
      {"model", to_string(o.kind)},
      {"model_size", to_string(o.size)},
      {"base_channels", o.network.base_channels},
      {"bottleneck", o.network.bottleneck},
      {"sharing", o.step.reuse},
      {"turns", steps.size()},
      {"steps_per_turn", o.steps_per_turn},
      {"step_ms", step_s * 1e3},
      {"step_ms_p10", quantile(steps, 0.1) * 1e3},
      {"step_ms_p90", quantile(steps, 0.9) * 1e3},
      {"images_per_second", static_cast<double>(o.batch_size) / step_s},
      {"peak_memory_bytes", static_cast<int64_t>(usage.ru_maxrss) * 1024},
  };
}

void answer_lines(const BenchOptions& o, const Context& ctx, const std::function<double()>& step) {
  for (int i = 0; i < o.warm_up; ++i) step();
  std::cout << "ready" << std::endl;
  std::vector<double> steps;
  for (std::string line; std::getline(std::cin, line);) {
    steps.push_back(step());
    std::cout << fmt::format("{:.3f}", steps.back() * 1e3) << std::endl;
  }
  if (steps.empty()) throw UserError("no step was asked for: write a line for each one");
  std::cout << report_of(o, ctx, steps).dump() << std::endl;
}

int run(int argc, const char* const* argv) {
  BenchOptions o;
  if (!parse(argc, argv, o)) return kExitDone;
  const auto start = std::chrono::steady_clock::now();
  Context ctx = make_context(o);
  Model model(o.model(), o.activation(), Parameters::Use::kTraining, ctx.device());
  model.initialize(ctx, 1);
  const auto step = make_training_step(ctx, model, o.batch_size, o.step);
  ctx.synchronize();
  const double start_up_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const RandomBatch random(o);
  const auto step_seconds = [&] {
    const double turn = seconds_of([&] {
      for (int i = 0; i < o.steps_per_turn; ++i) {
        step->load(random.batch);
        step->train(0);
      }
      step->losses();
    });
    return turn / o.steps_per_turn;
  };
  if (o.one_step) {
    step->load(random.batch);
    step->train(0);
    step->losses();
    return 0;
  }
  if (o.on_demand) {
    answer_lines(o, ctx, step_seconds);
    return 0;
  }

  const ProductRate product_rate(ctx, o.activation());
  const AdamTime generator_adam(ctx, model.generator_params),
      discriminator_adam(ctx, model.discriminator_params);
  double first_step_s = 0;  // it touches its memory for the first time
  std::vector<double> steps, rates, generator_s, discriminator_s;
  for (int round = 0; round < o.warm_up + o.rounds; ++round) {
    const double rate = product_rate.measure(), seconds = step_seconds();
    const double generator = generator_adam.measure(), discriminator = discriminator_adam.measure();
    if (round == 0) first_step_s = seconds;
    if (round < o.warm_up) continue;
    rates.push_back(rate);
    steps.push_back(seconds);
    generator_s.push_back(generator);
    discriminator_s.push_back(discriminator);
  }

  const double rate = median(rates), flop = static_cast<double>(step->product_flop());
  const double adam_s = o.kind == ModelKind::kHarmonicUnet ? median(generator_s)
                                                           : o.step.gene_iter * median(generator_s) +
                                                                 o.step.disc_iter * median(discriminator_s);
  const double floor_s = flop / rate + adam_s;
  nlohmann::ordered_json report = report_of(o, ctx, steps);
  report["start_up_ms"] = start_up_s * 1e3;
  report["first_step_ms"] = first_step_s * 1e3;
  report["floor_ms"] = floor_s * 1e3;
  report["ratio"] = median(steps) / floor_s;
  report["product_gflop"] = flop * 1e-9;
  report["product_gflop_per_second"] = rate * 1e-9;
  report["adam_ms"] = adam_s * 1e3;
  if (o.json) {
    fmt::print("{}\n", report.dump(2));
    return 0;
  }
  fmt::print("batch {} of {} x {} x {}, {}, {} threads, median of {} turns\n", o.batch_size,
             o.network.image_size, o.network.image_size, o.network.image_channel, o.precision, ctx.threads(),
             o.rounds);
  fmt::print("start-up     {:9.1f} ms   memory and initial values; the first step then takes {:.1f} ms\n",
             start_up_s * 1e3, first_step_s * 1e3);
  fmt::print("step         {:9.1f} ms   {:.1f} images/s\n", median(steps) * 1e3,
             static_cast<double>(o.batch_size) / median(steps));
  fmt::print("floor        {:9.1f} ms   {:.1f} GFLOP at {:.0f} GFLOP/s, and {:.1f} ms of Adam\n",
             floor_s * 1e3, flop * 1e-9, rate * 1e-9, adam_s * 1e3);
  fmt::print("ratio        {:9.2f}\n", median(steps) / floor_s);
  fmt::print("peak memory  {:9.2f} GiB\n", report["peak_memory_bytes"].get<double>() / (1 << 30));
  return 0;
}

}  // namespace
}  // namespace inpaint::bench

int main(int argc, char** argv) { return inpaint::run_main(argc, argv, inpaint::bench::run); }
