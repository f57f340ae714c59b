// The fields of a form as browsers and curl send them: multipart/form-data (RFC 7578). The bytes come from a
// stranger: whatever they are, parsing them takes time and memory in proportion to their number.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace inpaint {

constexpr size_t kMaxFormParts = 256;
constexpr size_t kMaxPartHead = 4096;  // bytes of the headers of one part

struct FormPart {
  std::string name;
  std::span<const uint8_t> bytes;  // of the body that was parsed
};

// The boundary that a Content-Type header states. RequestFault 415 when it is not multipart/form-data, 400
// when it has no boundary of 1 to 70 allowed characters (RFC 2046, 5.1.1).
std::string form_boundary(std::string_view content_type);

// In their order. File names and types of parts are not looked at. RequestFault 400 for a body that is cut
// off or malformed.
std::vector<FormPart> parse_form(std::span<const uint8_t> body, std::string_view boundary);

}  // namespace inpaint
