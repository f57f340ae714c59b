// What the server answers to a request.
#pragma once

#include <string>

namespace inpaint {

struct Answer {
  int status = 200;
  std::string type{};  // of the body, as a Content-Type header
  std::string body{};
  int retry_seconds = 0;  // a Retry-After header; 0: none
  std::string allow{};    // an Allow header: the methods that this path takes; empty: none
};

}  // namespace inpaint
