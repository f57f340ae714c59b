// The server over sockets, with a fill that takes as long as a test wants.
#include "train/serve/http_server.h"

#include <doctest/doctest.h>

#include <atomic>
#include <latch>
#include <memory>
#include <thread>

#include "tests/harness/error_message.h"
#include "tests/harness/http_client.h"
#include "train/serve/assets.h"

using namespace inpaint;
using namespace std::chrono_literals;

namespace {

Answer size_of_body(const std::string& type, std::span<const uint8_t> body) {
  return {.type = "text/plain", .body = type + " " + std::to_string(body.size())};
}

// A server that is looked after as run_serve does.
class RunningServer {
 public:
  explicit RunningServer(const ServerLimits& limits = {}, HttpServer::Fill fill = size_of_body)
      : server_(std::make_unique<HttpServer>(0, limits, "{}\n", std::move(fill))),
        port_(server_->port()),
        keeper_([this] {
          while (!stops_) {
            server_->drop_overdue();
            std::this_thread::sleep_for(10ms);
          }
        }) {}
  ~RunningServer() { stop(); }

  void stop() {
    stops_ = true;
    if (keeper_.joinable()) keeper_.join();
    server_.reset();
  }
  int port() const { return port_; }
  HttpReply get(const std::string& path) { return reply_to(port_, http_request(port_, "GET", path)); }

 private:
  std::unique_ptr<HttpServer> server_;
  const int port_;
  std::atomic<bool> stops_ = false;
  std::thread keeper_;
};

// Fills that wait until they are let go.
struct HeldFills {
  std::latch begun{1}, may_end{1};
  std::atomic<int> done = 0;

  HttpServer::Fill fill() {
    return [this](const std::string&, std::span<const uint8_t>) {
      if (done++ == 0) begun.count_down();
      may_end.wait();
      return Answer{.type = "text/plain", .body = "filled"};
    };
  }
};

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

TEST_CASE("http server: the page, its headers, health") {
  RunningServer server;
  const HttpReply page = server.get("/");
  CHECK(page.status == 200);
  CHECK(page.body == serve_asset("page.html"));
  CHECK(page.header("Content-Type") == "text/html; charset=utf-8");
  const std::string policy = page.header("Content-Security-Policy");
  for (const char* part :
       {"default-src 'none'", "script-src 'self';", "style-src 'self';", "frame-ancestors 'none'"})
    CHECK_MESSAGE(contains(policy, part), policy);
  CHECK_FALSE(contains(policy, "unsafe"));
  CHECK(page.header("X-Content-Type-Options") == "nosniff");
  CHECK(page.header("Referrer-Policy") == "no-referrer");
  CHECK(server.get("/page.js").body == serve_asset("page.js"));
  CHECK(server.get("/healthz").body == "{}\n");
  const HttpReply missing = server.get("/etc/passwd");
  CHECK(missing.status == 404);
  CHECK(missing.body.starts_with("{\"error\":"));
  CHECK(missing.header("X-Content-Type-Options") == "nosniff");
  const HttpReply wrong = reply_to(server.port(), http_request(server.port(), "DELETE", "/fill"));
  CHECK(wrong.status == 405);
  CHECK(wrong.header("Allow") == "POST");
  const HttpReply head = reply_to(server.port(), http_request(server.port(), "HEAD", "/"));
  CHECK(head.status == 200);
  CHECK(head.body == "");
}

TEST_CASE("http server: a form reaches the fill whole, in one piece or byte by byte") {
  RunningServer server;
  const std::string big(3'000'000, 'x');
  const size_t size = form_body({{"image", big}}).size();
  const HttpReply whole = reply_to(server.port(), post_request(server.port(), {{"image", big}}));
  CHECK(whole.status == 200);
  CHECK(whole.body == fmt::format("{} {}", kFormType, size));
  ClientSocket slow(server.port());
  for (const char byte : post_request(server.port(), {{"image", "abc"}})) REQUIRE(slow.send({&byte, 1}));
  CHECK(http_reply(slow.receive()).body ==
        fmt::format("{} {}", kFormType, form_body({{"image", "abc"}}).size()));
}

TEST_CASE("http server: other sites, wrong requests and too large bodies are refused with a reason") {
  ServerLimits limits;
  limits.body_bytes = 1000;
  std::atomic<int> fills = 0;
  RunningServer server(limits, [&](const std::string& type, std::span<const uint8_t> body) {
    ++fills;
    return size_of_body(type, body);
  });
  const int port = server.port();
  CHECK(reply_to(port, "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n").status == 403);
  CHECK(reply_to(port, "GET / HTTP/1.1\r\n\r\n").status >= 400);
  CHECK(reply_to(port, post_request(port, {{"image", "x"}}, "Origin: http://evil.example\r\n")).status ==
        403);
  CHECK(reply_to(port, post_request(port, {{"image", std::string(900, 'x')}})).status == 413);
  // The whole body is sent before the answer is read, as browsers do.
  const HttpReply large = reply_to(port, post_request(port, {{"image", std::string(5'000'000, 'x')}}));
  CHECK(large.status == 413);
  CHECK(contains(large.body, "at most 1000"));
  CHECK(
      reply_to(port, post_request(port, {{"image", std::string(5'000'000, 'x')}}, "Expect: 100-continue\r\n"))
          .status == 413);
  CHECK(reply_to(port, http_request(port, "POST", "/fill", "Content-Length: 1\r\n", "x")).status == 415);
  CHECK(reply_to(port, http_request(
                           port, "POST", "/fill",
                           "Content-Type: multipart/form-data; boundary=b\r\nTransfer-Encoding: chunked\r\n",
                           "1\r\nx\r\n0\r\n\r\n"))
            .status == 411);
  CHECK(reply_to(port, http_request(port, "GET", "/", "X: " + std::string(100'000, 'x') + "\r\n")).status ==
        431);
  std::string many;
  for (int k = 0; k < 100; ++k) many += "X: y\r\n";
  CHECK(reply_to(port, http_request(port, "GET", "/", many)).status == 431);
  for (const char* noise :
       {"\r\n\r\n\r\n", "GET\r\n\r\n", "\x16\x03\x01\x02\r\n\r\n", "GET / HTTP/9.9\r\n\r\n"}) {
    ClientSocket socket(port);
    socket.send(noise);
  }
  CHECK(fills == 0);
  CHECK(server.get("/healthz").status == 200);
}

TEST_CASE("http server: up to 1 GiB of a refused body is read before the answer, what is longer is not") {
  ServerLimits limits;
  limits.body_bytes = 1000;
  limits.silence = 1s;
  RunningServer server(limits);
  const auto reply_to_head = [&](int64_t bytes) {  // of a body that does not come
    const std::string more = fmt::format("Content-Type: {}\r\nContent-Length: {}\r\n", kFormType, bytes);
    return reply_to(server.port(), http_request(server.port(), "POST", "/fill", more)).status;
  };
  CHECK(reply_to_head((int64_t{1} << 30) + 1) == 413);
  CHECK(reply_to_head(int64_t{1} << 30) == 0);  // dropped, since it was silent
}

TEST_CASE("http server: half a million headers stop at a limit and disturb nobody") {
  RunningServer server;
  ClientSocket client(server.port());
  client.send(fmt::format("GET / HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n", server.port()));
  int sent = 0;
  while (sent < 500'000 && client.send(fmt::format("x-{}: y\r\n", sent))) ++sent;
  CHECK(sent < 500'000);
  CHECK(server.get("/healthz").status == 200);
}

TEST_CASE("http server: one fill at a time, a short queue, then 503 with Retry-After") {
  HeldFills fills;
  ServerLimits limits;
  limits.waiting_fills = 2;
  RunningServer server(limits, fills.fill());
  std::vector<std::unique_ptr<ClientSocket>> clients;
  const auto post = [&] {
    clients.push_back(std::make_unique<ClientSocket>(server.port()));
    clients.back()->send(post_request(server.port(), {{"image", "x"}}));
  };
  post();
  fills.begun.wait();
  post();
  post();
  HttpReply refused;
  const auto begin = std::chrono::steady_clock::now();
  do {  // until both stand in the queue; a post that does takes its place is answered at the end
    REQUIRE(seconds_since(begin) < 30);
    std::this_thread::sleep_for(20ms);
    ClientSocket probe(server.port());
    probe.send(http_request(server.port(), "POST", "/fill",
                            "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 1\r\n"
                            "Expect: 100-continue\r\n"));
    try {
      refused = http_reply(probe.receive(500));
    } catch (const std::runtime_error&) {  // it was asked to send its body: the queue is not full yet
    }
  } while (refused.status == 0);
  CHECK(refused.status == 503);
  CHECK(refused.header("Retry-After") != "");
  CHECK(contains(refused.body, "busy"));
  CHECK(server.get("/healthz").status == 200);
  CHECK(fills.done == 1);
  fills.may_end.count_down();
  for (const auto& client : clients) CHECK(http_reply(client->receive()).body == "filled");
  CHECK(fills.done == 3);
}

TEST_CASE("http server: bodies of all clients together are limited, and given back") {
  ServerLimits limits;
  limits.bodies_bytes = 100'000;
  RunningServer server(limits);
  const std::string request = post_request(server.port(), {{"image", std::string(80'000, 'x')}});
  {
    ClientSocket first(server.port());
    first.send(std::string_view(request).substr(0, 70'000));
    std::this_thread::sleep_for(200ms);
    const HttpReply second = reply_to(server.port(), request);
    CHECK(second.status == 429);
    CHECK(second.header("Retry-After") != "");
    first.send(std::string_view(request).substr(70'000));
    CHECK(http_reply(first.receive()).status == 200);
  }
  for (int k = 0; k < 3; ++k) CHECK(reply_to(server.port(), request).status == 200);
}

TEST_CASE("http server: slow clients do not stop it, and are dropped") {
  ServerLimits limits;
  limits.silence = 1s;
  limits.transfer = 3s;
  RunningServer server(limits);
  const std::string request = post_request(server.port(), {{"image", std::string(1000, 'x')}});
  std::vector<std::unique_ptr<ClientSocket>> silent;
  for (size_t k = 0; k < 16; ++k) {
    silent.push_back(std::make_unique<ClientSocket>(server.port()));
    silent.back()->send(std::string_view(request).substr(0, k * 20));  // nothing, half a head, half a body
  }
  const auto begin = std::chrono::steady_clock::now();
  CHECK(server.get("/").status == 200);
  CHECK(reply_to(server.port(), request).status == 200);
  for (const auto& client : silent) client->receive(30'000);  // returns when the server has closed

  // Never silent, and never done: a byte every 100 ms.
  ClientSocket dribbling(server.port()), in_head(server.port());
  dribbling.send(std::string_view(request).substr(0, request.size() - 1000));
  const auto dribble_begin = std::chrono::steady_clock::now();
  bool takes = true, head_takes = true;
  in_head.send("GET / HTTP/1.1\r\nX: ");
  while ((takes || head_takes) && seconds_since(dribble_begin) < 30) {
    takes = takes && dribbling.send("x");
    head_takes = head_takes && in_head.send("x");
    std::this_thread::sleep_for(100ms);
  }
  CHECK_FALSE(takes);
  CHECK_FALSE(head_takes);
  CHECK(seconds_since(dribble_begin) > 2.5);
  MESSAGE("dropped after " << seconds_since(dribble_begin) << " s, all in " << seconds_since(begin) << " s");
  CHECK(server.get("/healthz").status == 200);
}

TEST_CASE("http server: a fill may take longer than a client may be silent") {
  ServerLimits limits;
  limits.silence = 1s;
  limits.transfer = 1s;
  RunningServer server(limits, [](const std::string& type, std::span<const uint8_t> body) {
    std::this_thread::sleep_for(2500ms);
    return size_of_body(type, body);
  });
  CHECK(reply_to(server.port(), post_request(server.port(), {{"image", "x"}})).status == 200);
}

TEST_CASE("http server: clients that go away leave it whole") {
  HeldFills fills;
  RunningServer server({}, fills.fill());
  for (int k = 0; k < 3; ++k) {
    ClientSocket client(server.port());
    client.send(post_request(server.port(), {{"image", "x"}}));
    if (k == 0) fills.begun.wait();
  }
  for (size_t cut = 1; cut < 400; cut += 7) {
    ClientSocket client(server.port());
    client.send(post_request(server.port(), {{"image", std::string(500, 'x')}}).substr(0, cut));
  }
  fills.may_end.count_down();
  CHECK(server.get("/healthz").status == 200);
}

TEST_CASE("http server: 200 requests at once are all answered") {
  RunningServer server;
  std::atomic<int> filled = 0, busy = 0, pages = 0;
  std::vector<std::thread> clients;
  for (int k = 0; k < 200; ++k)
    clients.emplace_back([&, k] {
      if (k % 5 == 0) {
        pages += server.get("/page.js").body == serve_asset("page.js");
        return;
      }
      const HttpReply reply =
          reply_to(server.port(), post_request(server.port(), {{"image", std::string(100'000, 'x')}}));
      filled += reply.status == 200;
      busy += reply.status == 503 && reply.header("Retry-After") != "";
    });
  for (std::thread& client : clients) client.join();
  CHECK(pages == 40);
  CHECK(filled > 0);
  CHECK(filled + busy == 160);
}

TEST_CASE("http server: when it ends, the fill that is made is answered, and those that wait are refused") {
  HeldFills fills;
  RunningServer server({}, fills.fill());
  ClientSocket first(server.port()), second(server.port());
  first.send(post_request(server.port(), {{"image", "x"}}));
  fills.begun.wait();
  second.send(post_request(server.port(), {{"image", "x"}}));
  std::this_thread::sleep_for(200ms);
  std::thread stopping([&] { server.stop(); });
  const HttpReply refused = http_reply(second.receive());
  CHECK(refused.status == 503);
  CHECK(contains(refused.body, "stopping"));
  fills.may_end.count_down();
  CHECK(http_reply(first.receive()).body == "filled");
  stopping.join();
  CHECK(fills.done == 1);
}

TEST_CASE("http server: a port that is taken is the user's to mend") {
  RunningServer server;
  const std::string message = error_message([&] { HttpServer(server.port(), {}, "", size_of_body); });
  CHECK(contains(message, fmt::format("127.0.0.1:{}: ", server.port())));
  CHECK(contains(message, "--port 0"));
}
