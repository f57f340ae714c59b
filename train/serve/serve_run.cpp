#include "train/serve/serve_run.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "core/base/json_text.h"
#include "core/base/signal_thread.h"
#include "train/fill/model_filler.h"
#include "train/serve/fill_answer.h"
#include "train/serve/http_server.h"

namespace inpaint {

int run_serve(const ServeSettings& settings) {
  constexpr auto kLook = std::chrono::milliseconds(50);  // at signals and clocks
  ModelFiller filler(settings.checkpoint, settings.device, settings.gpu, settings.threads);
  ServerLimits limits;
  limits.body_bytes = settings.max_upload << 20;
  limits.bodies_bytes = 4 * limits.body_bytes;
  const int64_t max_pixels = settings.max_pixels * 1'000'000;
  const std::string health =
      JsonObject()
          .add("status", std::string_view("ok"))
          .add("model", std::string_view(filler.model_name()))
          .add("finish", names_of(settings.finish)[static_cast<size_t>(settings.finish)])
          .add("max_upload_bytes", limits.body_bytes)
          .add("max_pixels", max_pixels)
          .text();
  const StopSignal stop;
  HttpServer server(settings.port, limits, health + "\n",
                    [&](const std::string& content_type, std::span<const uint8_t> body) {
                      return answer_fill(content_type, body, max_pixels, settings.finish, filler);
                    });
  fmt::print("http://127.0.0.1:{}/\n", server.port());
  std::fflush(stdout);
  while (stop.received() == 0) {
    std::this_thread::sleep_for(kLook);
    server.drop_overdue();
  }
  return stop.exit_code();
}

}  // namespace inpaint
