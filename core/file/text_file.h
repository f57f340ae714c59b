// Text files as people write them, with whatever editor they have.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace inpaint {

// The text without a UTF-8 byte order mark. UserError for UTF-16, with how to convert it, and for a file of
// more than `limit` bytes.
std::string read_written_text(const std::filesystem::path& path, int64_t limit);

// The lines, without the ends LF or CR LF.
std::vector<std::string_view> lines_of(std::string_view text);

}  // namespace inpaint
