#include "tools/export_options.h"

#include "tools/options.h"
#include "train/settings/flags.h"

namespace inpaint {
namespace {

// What the tensors of a network have their names and shapes from.
constexpr const char* kNetworkFlags[] = {"model",         "model_size",    "image_size",
                                         "image_channel", "base_channels", "bottleneck"};

struct ExportLine {
  Options options{"inpaint_export",
                  "Makes an ONNX file of a checkpoint, or a checkpoint of weights from PyTorch."};
  ExportSettings s;
  NetworkFlags given;

  ExportLine() {
    options.text("checkpoint", "PATH",
                 "model: a checkpoint, a folder of which the newest counts, or FOLDER/best", s.checkpoint);
    options.text("onnx", "FILE", "write the model with all that painting takes: uint8 pictures in and out",
                 s.onnx);
    options.text("weights", "FILE",
                 "write what painting needs alone, in bf16: a small checkpoint for all programs that paint",
                 s.weights);
    options.text("from_torch", "FILE",
                 "a state_dict as safetensors, with a checkpoint's names or the generator's", s.from_torch);
    options.text("out", "DIR", "folder for the checkpoint that it becomes", s.out);
    for (const char* const name : kNetworkFlags)
      options.text(name, "NAME", fmt::format("of --from_torch: {}", find_flag(name)->help), given[name]);
  }
};

}  // namespace

std::optional<ExportSettings> parse_export_options(int argc, const char* const* argv) {
  ExportLine line;
  if (!line.options.parse(argc, argv)) return std::nullopt;
  for (const auto& [name, text] : line.given)
    if (!text.empty()) line.s.network.emplace(name, text);
  return line.s;
}

ProgramTable export_table() {
  return {ExportLine().options.table(),
          {},
          {{"Write a model for ONNX Runtime and others:",
            "inpaint_export --checkpoint checkpoints/mine128/gpu0 --onnx model.onnx"},
           {"Keep what painting needs alone:",
            "inpaint_export --checkpoint checkpoints/mine128/gpu0 --weights mine.safetensors"}}};
}

}  // namespace inpaint
