// What an evaluation painted, as PNG files, so that other programs can compute their own metrics on it:
//
//   <folder>/<method>/<file>   a folder for each method: model, harmonic, ...
//   <folder>/truth/<file>      the true pictures
//   <folder>/masks/<file>      grey: 255 missing, 0 known
//
// <file> is a picture's number, with zeros before it, and its name, where it has one: 0012_street_3.png. All
// folders have the same names.
#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>

#include "train/score/hole_batch.h"

namespace inpaint {

class FillFiles {
 public:
  // The files go into <folder>.unfinished until commit. count: pictures of the source. UserError when
  // `folder` holds anything, or when the unfinished one is there: of an evaluation that was cut off, or that
  // still runs.
  FillFiles(const std::filesystem::path& folder, int64_t count);
  ~FillFiles();  // without commit: nothing is left
  FillFiles(const FillFiles&) = delete;
  FillFiles& operator=(const FillFiles&) = delete;

  void add_given(const Context& ctx, const HoleBatch& batch);  // the true pictures, and the masks
  void add_painted(const Context& ctx, const HoleBatch& batch, const std::string& method);

  // Once, and last: brings everything to the disk and gives the folder its name.
  void commit();

 private:
  void write(const Context& ctx, const HoleBatch& batch, const std::string& folder, const Tensor& pictures);

  std::filesystem::path folder_, unfinished_;
  int digits_;
  std::set<std::string> made_;
  bool committed_ = false;
};

// The name of a picture's file. Signs that some systems do not take in a name become '_', a long name is cut.
std::string fill_file_name(int64_t number, int digits, const std::string& picture);

}  // namespace inpaint
