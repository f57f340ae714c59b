// What one training step enqueues on a GPU, at the sizes of real training: the nodes of its CUDA graph by
// kernel, against the tables beside this file. Every node takes time on a GPU, even one that does little. A
// product of cuDNN or cuBLASLt counts as one, whatever kernels they make of it.
//
// With INPAINT_RECORD=1 in the environment the tables are written anew.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "tests/cuda_executor/executor.h"
#include "train/model/model.h"
#include "train/step/training_step.h"

using namespace inpaint;

namespace {

// Work is enqueued and not done, in a device as large as an H100.
struct DryRun {
  DryRun() {
    executor::set_dry_run(true);
    executor::set_device_memory(size_t{80} << 30);
  }
  ~DryRun() {
    executor::set_device_memory(size_t{4} << 30);
    executor::set_dry_run(false);
  }
};

// adam_cuda.cu adam_kernel, of "void inpaint::(anonymous namespace)::adam_kernel<1>(...) at adam_cuda.cu:9"
std::string short_name(const std::string& node) {
  const size_t at = node.rfind(" at ");
  if (at == std::string::npos) return node;
  const std::string file = node.substr(at + 4, node.find(':', at) - at - 4);
  std::string function = node.substr(0, at);
  const std::string unnamed = "(anonymous namespace)::";
  for (size_t scope; (scope = function.find(unnamed)) != std::string::npos;)
    function.erase(scope, unnamed.size());
  function.resize(function.find_first_of("<("));
  return file + " " + function.substr(function.find_last_of(": ") + 1);
}

std::string table_of(const std::vector<std::string>& nodes) {
  std::map<std::string, int> counts;
  for (const std::string& node : nodes) ++counts[short_name(node)];
  std::ostringstream text;
  for (const auto& [name, count] : counts) text << count << ' ' << name << '\n';
  text << nodes.size() << " in all\n";
  return text.str();
}

// The table of a step in bf16, which alternates between two places for its input: each is recorded at its
// second turn.
std::string nodes_of(const ModelOptions& options, int64_t batch, int64_t side) {
  const DryRun dry;
  Context ctx(Gpu{}, 1);
  Model model(options, DType::kBF16, Parameters::Use::kTraining, ctx.device());
  const auto step = make_training_step(ctx, model, batch, {});
  std::vector<uint8_t> pictures(static_cast<size_t>(batch * side * side * 3)),
      mask(static_cast<size_t>(batch * side * side));
  std::vector<int32_t> offsets(static_cast<size_t>(batch * 2));
  const Tensor host_pictures{{batch, side, side, 3}, DType::kU8, Device::kCpu, pictures.data()},
      host_mask{{batch, side, side}, DType::kU8, Device::kCpu, mask.data()},
      host_offsets{{batch, 2}, DType::kI32, Device::kCpu, offsets.data()};
  for (int turn = 0; turn < 4; ++turn) {
    step->load({host_pictures, {host_mask, host_offsets}});
    step->train(0);
    step->losses();
  }
  return table_of(executor::newest_graph());
}

void compare_with_record(const std::string& name, const std::string& table) {
  const std::string path = std::string(INPAINT_LEDGER) + "/" + name;
  if (std::getenv("INPAINT_RECORD") != nullptr) std::ofstream(path) << table;
  std::ifstream file(path);
  std::stringstream recorded;
  recorded << file.rdbuf();
  CHECK(table == recorded.str());
}

}  // namespace

TEST_CASE("ledger: nodes of a step of the context encoder, 128 x 128 in colour, batch 64, bf16") {
  ModelOptions options;
  options.context_encoder = {.image_size = 128, .image_channel = 3, .base_channels = 64, .bottleneck = 4000};
  compare_with_record("context_encoder.txt", nodes_of(options, 64, 128));
}

TEST_CASE("ledger: nodes of a step of the harmonic U-Net, 128 x 128 in colour, batch 16, bf16") {
  ModelOptions options{.kind = ModelKind::kHarmonicUnet};
  options.harmonic_unet = {.image_size = 128};
  compare_with_record("harmonic_unet.txt", nodes_of(options, 16, 128));
}
