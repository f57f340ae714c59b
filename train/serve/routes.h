// Which requests the server takes, judged by their heads: before a byte of the body is read.
//
//   GET  /            the page, with /page.css and /page.js
//   GET  /healthz     that the server runs, with what, and its limits
//   POST /fill        fill_request.h
//
// A page of another site can send requests here from the user's browser, and can give its own name this
// machine's address (DNS rebinding). So Host has to be this machine's own name with the server's port, and
// Origin, which browsers send with every post, has to be absent or the server's own.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "train/serve/answer.h"

namespace inpaint {

constexpr size_t kMaxHeaders = 64;
constexpr size_t kMaxHeaderBytes = 16384;  // names and values

struct RequestHead {
  std::string method;
  std::string path;                                          // decoded, without the query
  std::vector<std::pair<std::string, std::string>> headers;  // in their order; one name may come twice
};

enum class Route { kPage, kStyle, kScript, kHealth, kFill };

struct RoutedRequest {
  Route route;
  std::string content_type;  // of a form; these two for kFill alone
  int64_t body_bytes;
};

// RequestFault: 400, 403 (Host or Origin), 404, 405, 411 (no Content-Length), 413, 415, 431.
RoutedRequest routed(const RequestHead& head, int port, int64_t max_body_bytes);

// The Allow header of a path; empty for one that is not there.
std::string methods_of(const std::string& path);

// A header's value, or nullptr; the name in any case.
const std::string* header_named(const RequestHead& head, std::string_view name);

// A file of the page.
Answer page_answer(Route route);

}  // namespace inpaint
