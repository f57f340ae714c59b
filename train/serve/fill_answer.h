// From the form of a request to the answer with the filled picture.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "train/fill/hole_filler.h"
#include "train/serve/answer.h"
#include "train/serve/request_fault.h"

namespace inpaint {

// {"error": "..."} with the fault's status; 429 and 503 say when to try again.
Answer fault_answer(const RequestFault& fault);

// Reads the request, fills, and answers with the picture in its own format or with a fault. Never throws:
// what is not the client's fault becomes 503 (no memory) or 500, with a line on standard error.
Answer answer_fill(const std::string& content_type, std::span<const uint8_t> body, int64_t max_pixels,
                   Finish default_finish, HoleFiller& filler) noexcept;

}  // namespace inpaint
