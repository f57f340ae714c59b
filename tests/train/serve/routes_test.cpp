#include "train/serve/routes.h"

#include <doctest/doctest.h>

#include "tests/harness/error_message.h"
#include "train/serve/assets.h"
#include "train/serve/request_fault.h"

using namespace inpaint;

namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

constexpr int kPort = 8765;
constexpr int64_t kMostBytes = 1000;

int status(const std::string& method, const std::string& path, Headers headers, int port = kPort) {
  try {
    routed({method, path, std::move(headers)}, port, kMostBytes);
  } catch (const RequestFault& fault) {
    return fault.status();
  }
  return 200;
}

int status_of_host(const std::string& host, int port = kPort) {
  return status("GET", "/", {{"Host", host}}, port);
}

Headers form(const std::string& length, const Headers& more = {}) {
  Headers headers = {{"host", "localhost:8765"},
                     {"content-type", "multipart/form-data; boundary=b"},
                     {"content-length", length}};
  headers.insert(headers.end(), more.begin(), more.end());
  return headers;
}

}  // namespace

TEST_CASE("routes: Host has to be this machine's own name with the port") {
  for (const char* host : {"localhost:8765", "LocalHost:8765", "127.0.0.1:8765", "[::1]:8765"})
    CHECK_MESSAGE(status_of_host(host) == 200, host);
  for (const char* host :
       {"", "localhost", "localhost:80", "localhost:87650", "localhost:8765.evil.example",
        "evil.example:8765", "evil.example", "127.0.0.1", "127.0.0.2:8765", "localhost.evil.example:8765",
        "localhost:8765:8765", "user@localhost:8765", "0.0.0.0:8765", "127.1:8765", " localhost:8765"})
    CHECK_MESSAGE(status_of_host(host) == 403, host);
  CHECK(status_of_host("localhost", 80) == 200);
  CHECK(status("GET", "/", {}) == 403);
  CHECK(status("GET", "/", {{"Host", "localhost:8765"}, {"host", "localhost:8765"}}) == 400);
}

TEST_CASE("routes: Origin has to be absent or the server's own") {
  const auto with = [](const std::string& origin, const std::string& host = "localhost:8765") {
    return status("POST", "/fill",
                  {{"Host", host},
                   {"Origin", origin},
                   {"Content-Type", "multipart/form-data; boundary=b"},
                   {"Content-Length", "5"}});
  };
  CHECK(with("http://localhost:8765") == 200);
  CHECK(with("http://127.0.0.1:8765", "127.0.0.1:8765") == 200);
  for (const char* origin :
       {"", "null", "https://localhost:8765", "http://localhost", "http://localhost:8766",
        "http://evil.example", "http://localhost:8765.evil.example", "http://127.0.0.1:8765",
        "http://localhost:8765/"})
    CHECK_MESSAGE(with(origin) == 403, origin);
  CHECK(status("GET", "/", {{"Host", "localhost:8765"}, {"Origin", "http://evil.example"}}) == 403);
}

TEST_CASE("routes: paths and methods") {
  const Headers host = {{"Host", "localhost:8765"}};
  for (const char* path : {"/", "/page.css", "/page.js", "/healthz"}) {
    CHECK(status("GET", path, host) == 200);
    CHECK(status("HEAD", path, host) == 200);
    CHECK(status("POST", path, host) == 405);
    CHECK(methods_of(path) == "GET, HEAD");
  }
  CHECK(status("GET", "/fill", host) == 405);
  CHECK(status("OPTIONS", "/fill", host) == 405);
  CHECK(methods_of("/fill") == "POST");
  for (const char* path :
       {"", "//", "/page.html", "/../etc/passwd", "/page.css/", "/PAGE.CSS", "/fill/", "/assets"}) {
    CHECK_MESSAGE(status("GET", path, host) == 404, path);
    CHECK(methods_of(path).empty());
  }
}

TEST_CASE("routes: the length and the type of a body") {
  CHECK(status("POST", "/fill", form("1000")) == 200);
  CHECK(routed({"POST", "/fill", form("1000")}, kPort, kMostBytes).body_bytes == 1000);
  CHECK(status("POST", "/fill", form("1001")) == 413);
  CHECK(status("POST", "/fill", form("9007199254740993")) == 400);
  for (const char* length : {"", "-1", "+1", "1 ", "0x10", "99999999999999999999"})
    CHECK_MESSAGE(status("POST", "/fill", form(length)) == 400, length);
  CHECK(status("POST", "/fill", form("1", {{"Content-Length", "2"}})) == 400);
  CHECK(status("POST", "/fill", form("1", {{"Transfer-Encoding", "chunked"}})) == 411);
  Headers without = form("1");
  without.pop_back();
  CHECK(status("POST", "/fill", without) == 411);
  Headers text = form("1");
  text[1].second = "text/plain";
  CHECK(status("POST", "/fill", text) == 415);
  text.erase(text.begin() + 1);
  CHECK(status("POST", "/fill", text) == 415);
}

TEST_CASE("routes: number and size of headers") {
  Headers headers = {{"Host", "localhost:8765"}};
  while (headers.size() < kMaxHeaders) headers.emplace_back("X", "y");
  CHECK(status("GET", "/", headers) == 200);
  headers.emplace_back("X", "y");
  CHECK(status("GET", "/", headers) == 431);
  CHECK(status("GET", "/", {{"Host", "localhost:8765"}, {"X", std::string(kMaxHeaderBytes - 19, 'x')}}) ==
        200);
  CHECK(status("GET", "/", {{"Host", "localhost:8765"}, {"X", std::string(kMaxHeaderBytes - 18, 'x')}}) ==
        431);
}

TEST_CASE("routes: the page is whole and asks for nothing outside") {
  const std::string page = page_answer(Route::kPage).body;
  CHECK(page == serve_asset("page.html"));
  CHECK(page_answer(Route::kStyle).type == "text/css; charset=utf-8");
  CHECK(page_answer(Route::kScript).body == serve_asset("page.js"));
  CHECK(page.starts_with("<!doctype html>"));
  CHECK(page.ends_with("</html>\n"));
  for (const char* inlined : {"<style", " style=", " onclick=", "<script>", "https://"})
    CHECK_MESSAGE(!contains(page, inlined), inlined);
}
