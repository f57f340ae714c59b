#include "tools/serve_options.h"

#include "core/base/error.h"
#include "tools/options.h"

namespace inpaint {
namespace {

constexpr WholeRange kPort{0, 65535}, kThreads{0, 1024}, kGpu{0, 255}, kUpload{1, 1024}, kPixels{1, 256};

struct ServeLine {
  Options options{
      "inpaint_serve",
      "Serves a page, to this machine alone, on which the missing part of a picture is marked and filled; "
      "POST /fill does the same for scripts."};
  ServeSettings s;

  ServeLine() {
    options.whole("port", "of 127.0.0.1; 0: a free one, which is printed", kPort, s.port);
    options.text("checkpoint", "PATH",
                 "model: a checkpoint, a folder of which the newest counts, or FOLDER/best; none: holes are "
                 "filled smoothly "
                 "(harmonically); without it the built-in model paints",
                 s.checkpoint);
    options.choice("finish",
                   "patches: copy texture from the known part at the end; a request may say otherwise",
                   s.finish);
    options.choice("device", "that the model paints on; auto takes the GPU where the program can use one",
                   s.device);
    options.whole("gpu", "GPU number", kGpu, s.gpu);
    options.whole("threads", "0: one per core this process may use", kThreads, s.threads);
    options.whole("max_upload", "MiB that a request may have", kUpload, s.max_upload);
    options.whole("max_pixels", "millions of pixels that a picture may have", kPixels, s.max_pixels);
  }
};

}  // namespace

std::optional<ServeSettings> parse_serve_options(int argc, const char* const* argv) {
  ServeLine line;
  if (!line.options.parse(argc, argv)) return std::nullopt;
  return line.s;
}

ProgramTable serve_table() {
  return {ServeLine().options.table(),
          {},
          {{"Print the address of a page that fills with a model:",
            "inpaint_serve --checkpoint checkpoints/mine128/gpu0"}}};
}

}  // namespace inpaint
