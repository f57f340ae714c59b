#include "train/serve/routes.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "train/serve/assets.h"
#include "train/serve/form_data.h"
#include "train/serve/request_fault.h"
#include "train/settings/flag_values.h"

namespace inpaint {
namespace {

struct Place {
  std::string_view path;
  Route route;
};

constexpr Place kPlaces[] = {
    {"/", Route::kPage},          {"/page.css", Route::kStyle}, {"/page.js", Route::kScript},
    {"/healthz", Route::kHealth}, {"/fill", Route::kFill},
};

const Place* place_of(std::string_view path) {
  const Place* place = std::ranges::find(kPlaces, path, &Place::path);
  return place == std::end(kPlaces) ? nullptr : place;
}

std::string lower(std::string_view text) {
  std::string small(text);
  std::ranges::transform(small, small.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  return small;
}

// Whether this machine's own name and the port stand there.
bool is_own_host(std::string_view host, int port) {
  const std::string given = lower(host);
  for (const std::string_view name : {"localhost", "127.0.0.1", "[::1]"})
    if (given == fmt::format("{}:{}", name, port) || (port == 80 && given == name)) return true;
  return false;
}

void check_headers(const RequestHead& head) {
  if (head.headers.size() > kMaxHeaders)
    refuse(431, "{} headers; at most {} are taken", head.headers.size(), kMaxHeaders);
  size_t bytes = 0;
  for (const auto& [name, value] : head.headers) bytes += name.size() + value.size();
  if (bytes > kMaxHeaderBytes)
    refuse(431, "{} bytes of headers; at most {} are taken", bytes, kMaxHeaderBytes);
  for (const std::string_view once : {"host", "origin", "content-length", "content-type"})
    if (std::ranges::count_if(head.headers, [&](const auto& h) { return lower(h.first) == once; }) > 1)
      refuse(400, "the header {} is there twice", once);
}

void check_sender(const RequestHead& head, int port) {
  const std::string* host = header_named(head, "host");
  if (host == nullptr || !is_own_host(*host, port))
    refuse(403, "the header Host does not say localhost:{0} or 127.0.0.1:{0}; open the page by one of these",
           port);
  const std::string* origin = header_named(head, "origin");
  if (origin != nullptr && lower(*origin) != "http://" + lower(*host))
    refuse(403, "the request comes from a page of another site");
}

int64_t body_bytes(const RequestHead& head, int64_t max_body_bytes) {
  const std::string* length = header_named(head, "content-length");
  if (length == nullptr || header_named(head, "transfer-encoding") != nullptr)
    refuse(411, "the request does not say its length; send a Content-Length header");
  int64_t bytes = 0;
  constexpr int64_t kMost = int64_t{1} << 53;
  if (!std::ranges::all_of(*length, [](char c) { return c >= '0' && c <= '9'; }) ||
      !parse_whole(*length, {0, kMost}, bytes).empty())
    refuse(400, "the header Content-Length is not a number of bytes");
  if (bytes > max_body_bytes)
    refuse(413, "{} bytes were sent; this server takes at most {} (inpaint_serve --max_upload)", bytes,
           max_body_bytes);
  return bytes;
}

}  // namespace

const std::string* header_named(const RequestHead& head, std::string_view name) {
  const std::string wanted = lower(name);
  for (const auto& [given, value] : head.headers)
    if (lower(given) == wanted) return &value;
  return nullptr;
}

std::string methods_of(const std::string& path) {
  const Place* place = place_of(path);
  return place == nullptr ? "" : place->route == Route::kFill ? "POST" : "GET, HEAD";
}

RoutedRequest routed(const RequestHead& head, int port, int64_t max_body_bytes) {
  check_headers(head);
  check_sender(head, port);
  const Place* place = place_of(head.path);
  if (place == nullptr) refuse(404, "there is nothing here; the page is at /, pictures are posted to /fill");
  const bool posts = head.method == "POST";
  if (place->route == Route::kFill ? !posts : head.method != "GET" && head.method != "HEAD")
    refuse(405, "{} takes {} only", place->path, methods_of(head.path));
  if (place->route != Route::kFill) return {place->route, {}, 0};
  const std::string* type = header_named(head, "content-type");
  form_boundary(type == nullptr ? std::string_view() : *type);
  return {place->route, *type, body_bytes(head, max_body_bytes)};
}

Answer page_answer(Route route) {
  const auto [name, type] = route == Route::kPage    ? std::pair("page.html", "text/html; charset=utf-8")
                            : route == Route::kStyle ? std::pair("page.css", "text/css; charset=utf-8")
                                                     : std::pair("page.js", "text/javascript; charset=utf-8");
  return {.type = type, .body = std::string(serve_asset(name))};
}

}  // namespace inpaint
