// The HTTP server of the page and of /fill, on this machine's own address 127.0.0.1 (libmicrohttpd).
//
// One thread talks to all clients and never waits for one of them; another one fills, one picture at a time,
// with a short queue before it. Every connection serves one request.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "train/serve/answer.h"

namespace inpaint {

struct ServerLimits {
  int64_t body_bytes = int64_t{64} << 20;     // of one request
  int64_t bodies_bytes = int64_t{256} << 20;  // received and not yet answered, all requests together
  unsigned connections = 128;
  size_t waiting_fills = 4;                    // besides the one that is made
  std::chrono::milliseconds silence{10'000};   // of a client, while it sends or receives
  std::chrono::milliseconds transfer{60'000};  // for a whole request to arrive, and for an answer to be taken
};

class HttpServer {
 public:
  // What answers a form: its Content-Type and its body. Is called by the filling thread; must not throw.
  using Fill = std::function<Answer(const std::string& content_type, std::span<const uint8_t> body)>;

  // port 0: a free one. health: the body of /healthz, in JSON. UserError when the port cannot be had.
  HttpServer(int port, const ServerLimits& limits, std::string health, Fill fill);
  // Takes no more connections, refuses the fills that wait (503), finishes the one that is made, and sends
  // the answers, for a second at most.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  int port() const;
  // Ends the connections that have taken longer than limits.transfer. To be called several times a second.
  void drop_overdue();

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace inpaint
