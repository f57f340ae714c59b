// Orders in which a GPU may do its work, for tests that expect the same bits from each.
#pragma once

#include <functional>
#include <string>

namespace inpaint::test {

// Calls body(name of the order) once for each: under every schedule of the executor (two of them under
// sanitizers), which runs blocks, warps and streams as it is told; twice on a GPU, which runs them as
// it likes.
void for_each_order(const std::function<void(const std::string& order)>& body);

}  // namespace inpaint::test
