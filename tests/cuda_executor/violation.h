// Findings. A kernel thread that breaks a rule is stopped for good, and its launch with it; the runtime then
// fails with the error a GPU would give, and the text says what it was.
#pragma once

#include <cuda_runtime_api.h>

#include <string>

namespace inpaint::executor {

struct Violation {
  cudaError_t error;
  std::string message;
};

void report(Violation violation);                   // adds to the list, and writes it to stderr
cudaError_t sticky_error();                         // of the first violation not taken yet, or cudaSuccess
const std::string& first_violation();               // its text, or empty
std::string program_of(const void* code_address);   // the path of the program or shared library it is in
std::string source_line(const void* code_address);  // "function at file:line" of code of this program

}  // namespace inpaint::executor
