// The transport of MPI. The only file that includes <mpi.h>: a library of its own, which a program loads when
// a launcher has started it as one of several ranks (open_ranks.cpp).
#include <mpi.h>

#include <chrono>
#include <cstdlib>
#include <string_view>
#include <thread>
#include <vector>

#include "core/ranks/transport.h"

namespace inpaint {
namespace {

class MpiTransport final : public Transport {
 public:
  MpiTransport() {
    int provided = 0;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &count_);
  }

  int rank() const override { return rank_; }
  int count() const override { return count_; }

  // The first words of the library's own description.
  std::string name() const override {
    char text[MPI_MAX_LIBRARY_VERSION_STRING] = {};
    int length = 0;
    MPI_Get_library_version(text, &length);
    std::string_view line(text, static_cast<size_t>(length));
    line = line.substr(0, line.find_first_of(",\n"));
    std::string name;
    for (const char c : line) name += c == '\t' ? ' ' : c;
    return name;
  }

  Request send(int to, const void* memory, int64_t bytes, int tag) override {
    const Request place = free_place();
    MPI_Isend(memory, static_cast<int>(bytes), MPI_BYTE, to, tag, MPI_COMM_WORLD, &requests_[place]);
    return place;
  }
  Request receive(int from, void* memory, int64_t bytes, int tag) override {
    const Request place = free_place();
    MPI_Irecv(memory, static_cast<int>(bytes), MPI_BYTE, from, tag, MPI_COMM_WORLD, &requests_[place]);
    return place;
  }
  bool is_done(Request request) override {
    int done = 0;
    MPI_Test(&requests_[request], &done, MPI_STATUS_IGNORE);
    if (done != 0) free_.push_back(request);
    return done != 0;
  }

  void finish() override { MPI_Finalize(); }

  // Only when main has said why this process ends, and the launcher had time to read that.
  void fail() override {
    on_exit(
        [](int status, void*) {
          std::this_thread::sleep_for(std::chrono::milliseconds(200));
          MPI_Abort(MPI_COMM_WORLD, status);
        },
        nullptr);
  }

 private:
  Request free_place() {
    if (free_.empty()) {
      requests_.push_back(MPI_REQUEST_NULL);
      return static_cast<Request>(requests_.size()) - 1;
    }
    const Request place = free_.back();
    free_.pop_back();
    return place;
  }

  int rank_ = 0, count_ = 1;
  std::vector<MPI_Request> requests_;
  std::vector<Request> free_;  // places of requests_ that are done
};

}  // namespace
}  // namespace inpaint

extern "C" inpaint::Transport* inpaint_mpi_transport() { return new inpaint::MpiTransport; }
