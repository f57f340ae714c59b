// Stand-in for NCCL: ranks are threads of this process, each with a device. What a rank sends between
// ncclGroupStart and ncclGroupEnd is one call. A call is work of its stream, which ends when the calls of the
// same number of all ranks have begun. They have to fit: each send has a receive of its size and type, and
// none of them has a buffer that another one writes.

#include <nccl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/cuda_executor/device_memory.h"
#include "tests/cuda_executor/libraries/library_memory.h"
#include "tests/cuda_executor/proofs/leaks.h"
#include "tests/cuda_executor/runtime/runtime.h"
#include "tests/cuda_executor/streams.h"

namespace inpaint::executor {
namespace {

struct Transfer {
  bool sends;
  int peer;
  std::byte* memory;
  size_t count;
  ncclDataType_t type;

  Element element() const { return type == ncclFloat32 ? Element::kFloat : Element::kDouble; }
  size_t bytes() const { return count * size_of(element()); }
  bool overlaps(const Transfer& other) const {
    return memory < other.memory + other.bytes() && other.memory < memory + bytes();
  }
};
using Call = std::vector<Transfer>;

std::string to_string(const Transfer& t) {
  return (t.sends ? "sends " : "receives ") + std::to_string(t.count) +
         (t.type == ncclFloat32 ? " float32 " : " float64 ") + (t.sends ? "to" : "from") + " rank " +
         std::to_string(t.peer);
}

// The calls of one number, of all ranks.
struct Meeting {
  size_t number;
  std::vector<const Call*> calls;  // by rank
  size_t here = 0;
  bool is_over = false;
};

// The ranks of a communicator.
struct Clique {
  std::vector<int> devices;   // by rank; kNoDevice: it has not come
  std::vector<size_t> begun;  // by rank: calls
  std::map<size_t, std::shared_ptr<Meeting>> meetings;
  bool is_aborted = false;

  explicit Clique(size_t count) : devices(count, kNoDevice), begun(count, 0) {}
  bool is_complete() const { return std::count(devices.begin(), devices.end(), kNoDevice) == 0; }
  std::shared_ptr<Meeting> begin(int rank, const Call& call);

 private:
  void exchange(const Meeting& meeting) const;
  void deliver(const Meeting& meeting, int from, int to) const;
};

std::shared_ptr<Meeting> Clique::begin(int rank, const Call& call) {
  const size_t number = begun[static_cast<size_t>(rank)]++;
  std::shared_ptr<Meeting>& place = meetings[number];
  if (!place) place = std::make_shared<Meeting>(Meeting{number, std::vector<const Call*>(begun.size())});
  const std::shared_ptr<Meeting> meeting = place;
  meeting->calls[static_cast<size_t>(rank)] = &call;
  if (++meeting->here < begun.size()) return meeting;
  exchange(*meeting);
  meeting->is_over = true;
  meetings.erase(number);
  return meeting;
}

void Clique::exchange(const Meeting& meeting) const {
  const int count = static_cast<int>(begun.size());
  for (int from = 0; from < count; ++from)
    for (int to = 0; to < count; ++to) deliver(meeting, from, to);
}

void Clique::deliver(const Meeting& meeting, int from, int to) const {
  Call sends, receives;
  std::ranges::copy_if(*meeting.calls[static_cast<size_t>(from)], std::back_inserter(sends),
                       [&](const Transfer& t) { return t.sends && t.peer == to; });
  std::ranges::copy_if(*meeting.calls[static_cast<size_t>(to)], std::back_inserter(receives),
                       [&](const Transfer& t) { return !t.sends && t.peer == from; });
  for (size_t i = 0; i < std::max(sends.size(), receives.size()); ++i) {
    const Transfer* const sent = i < sends.size() ? &sends[i] : nullptr;
    const Transfer* const received = i < receives.size() ? &receives[i] : nullptr;
    if (sent == nullptr || received == nullptr || sent->count != received->count ||
        sent->type != received->type) {
      const auto says = [&](int rank, const Transfer* t, const char* otherwise) {
        return "rank " + std::to_string(rank) + " " + (t == nullptr ? otherwise : to_string(*t));
      };
      return report(
          {cudaErrorLaunchFailure, "NCCL: call " + std::to_string(meeting.number) +
                                       " of the ranks differs: " + says(from, sent, "sends nothing there") +
                                       ", " + says(to, received, "receives nothing from it")});
    }
    std::vector<double> values;
    {
      const OnDevice on(devices[static_cast<size_t>(from)]);
      values = read_elements("ncclSend", sent->element(), sent->memory, static_cast<int64_t>(sent->count));
    }
    const OnDevice on(devices[static_cast<size_t>(to)]);
    write_elements(received->element(), received->memory, values);
  }
}

}  // namespace
}  // namespace inpaint::executor

using namespace inpaint::executor;

struct ncclComm {
  std::shared_ptr<Clique> clique;
  int rank, device;
  // Held by each call that has not been done, and by the graphs that hold one.
  std::shared_ptr<const int> uses = std::make_shared<const int>(0);
};

namespace {

struct Live {
  std::set<ncclComm_t> comms;
  std::map<int64_t, std::shared_ptr<Clique>> joining;  // by the number in the id
  int64_t ids = 0;
  Live() {
    add_leak_source([this] { return count_text(comms.size(), "NCCL communicators"); });
  }
};
Live& all() {
  static auto* const all = new Live;
  return *all;
}

std::condition_variable_any& joined() {
  static auto* const condition = new std::condition_variable_any;
  return *condition;
}

thread_local std::string last_error;

ncclResult_t refuse(ncclResult_t result, std::string text) {
  last_error = std::move(text);
  return result;
}

struct Id {
  int64_t process, number;
};

// What this thread has between ncclGroupStart and ncclGroupEnd.
struct Group {
  int depth = 0;
  ncclComm_t comm = nullptr;
  cudaStream_t stream = nullptr;
  Call call;
};
thread_local Group group;

ncclResult_t enqueue_call(Group&& g) {
  if (g.call.empty()) return ncclSuccess;
  for (const Transfer& one : g.call)
    for (const Transfer& other : g.call)
      if (!one.sends && &one != &other && one.overlaps(other))
        report({cudaErrorLaunchFailure, "NCCL: rank " + std::to_string(g.comm->rank) + " " + to_string(one) +
                                            " into memory of which it " + to_string(other)});
  const cudaError_t error = runtime_call([&] {
    const CUstream_st* const stream = handles().stream(g.stream);
    if (stream == nullptr || stream->device != g.comm->device) return cudaErrorInvalidResourceHandle;
    return enqueue_run(g.stream, {"NCCL"},
                       [clique = g.comm->clique, rank = g.comm->rank, uses = g.comm->uses,
                        call = std::make_shared<const Call>(std::move(g.call)),
                        meeting = std::shared_ptr<Meeting>()]() mutable {
                         if (clique->is_aborted) return true;
                         if (!meeting) {
                           meeting = clique->begin(rank, *call);
                           note_progress();
                         }
                         if (!meeting->is_over) return false;
                         meeting = nullptr;  // a graph runs it again
                         return true;
                       });
  });
  return error == cudaSuccess ? ncclSuccess : refuse(ncclUnhandledCudaError, cudaGetErrorString(error));
}

ncclResult_t add(const Transfer& transfer, ncclComm_t comm, cudaStream_t stream) {
  const std::lock_guard lock(runtime_lock());
  if (all().comms.count(comm) == 0) return refuse(ncclInvalidArgument, "no such communicator");
  if (transfer.peer < 0 || transfer.peer >= static_cast<int>(comm->clique->devices.size()))
    return refuse(ncclInvalidArgument, "no such rank: " + std::to_string(transfer.peer));
  if (transfer.type != ncclFloat32 && transfer.type != ncclFloat64)
    return refuse(ncclInvalidArgument, "a type that the stand-in does not know");
  if (!group.call.empty() && (group.comm != comm || group.stream != stream))
    return refuse(ncclInvalidUsage, "the stand-in's groups are of one communicator and one stream");
  group.comm = comm;
  group.stream = stream;
  group.call.push_back(transfer);
  if (group.depth > 0) return ncclSuccess;
  return enqueue_call(std::exchange(group, {}));
}

ncclResult_t leave(ncclComm_t comm) {
  all().comms.erase(comm);
  delete comm;
  return ncclSuccess;
}

}  // namespace

ncclResult_t ncclGetVersion(int* version) {
  *version = 22809;
  return ncclSuccess;
}

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  const std::lock_guard lock(runtime_lock());
  const Id made{getpid(), ++all().ids};
  std::memset(id->internal, 0, sizeof(id->internal));
  std::memcpy(id->internal, &made, sizeof(made));
  return ncclSuccess;
}

// Returns when all ranks have come.
ncclResult_t ncclCommInitRank(ncclComm_t* comm, int count, ncclUniqueId bytes, int rank) {
  constexpr std::chrono::seconds kPatience{60};
  Id id;
  std::memcpy(&id, bytes.internal, sizeof(id));
  if (id.process != getpid())
    return refuse(ncclSystemError, "the executor's ranks are threads of one process");
  if (rank < 0 || rank >= count) return refuse(ncclInvalidArgument, "no such rank");
  std::unique_lock lock(runtime_lock());
  std::shared_ptr<Clique>& place = all().joining[id.number];
  if (!place) place = std::make_shared<Clique>(static_cast<size_t>(count));
  const std::shared_ptr<Clique> clique = place;
  std::vector<int>& devices = clique->devices;
  if (devices.size() != static_cast<size_t>(count) || devices[static_cast<size_t>(rank)] != kNoDevice)
    return refuse(ncclInvalidUsage, "two ranks of one number, or ranks of two minds about their count");
  if (std::count(devices.begin(), devices.end(), current_device()) > 0) clique->is_aborted = true;
  devices[static_cast<size_t>(rank)] = current_device();
  joined().notify_all();
  if (!joined().wait_for(lock, kPatience, [&] { return clique->is_complete() || clique->is_aborted; }))
    return refuse(ncclSystemError, "not all ranks have come");
  all().joining.erase(id.number);
  if (clique->is_aborted) return refuse(ncclInvalidUsage, "duplicate GPU: two ranks on one device");
  *comm = new ncclComm{clique, rank, current_device()};
  all().comms.insert(*comm);
  return ncclSuccess;
}

ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  const std::lock_guard lock(runtime_lock());
  if (all().comms.count(comm) == 0) return refuse(ncclInvalidArgument, "no such communicator");
  finish_everything(comm->device);
  if (comm->uses.use_count() > 1)
    report({cudaErrorIllegalState, "NCCL: a graph holds calls of a communicator that is destroyed"});
  return leave(comm);
}

ncclResult_t ncclCommAbort(ncclComm_t comm) {
  const std::lock_guard lock(runtime_lock());
  if (all().comms.count(comm) == 0) return refuse(ncclInvalidArgument, "no such communicator");
  comm->clique->is_aborted = true;
  return leave(comm);
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t* error) {
  const std::lock_guard lock(runtime_lock());
  if (all().comms.count(comm) == 0) return refuse(ncclInvalidArgument, "no such communicator");
  *error = comm->clique->is_aborted ? ncclRemoteError : ncclSuccess;
  return ncclSuccess;
}

const char* ncclGetErrorString(ncclResult_t result) {
  constexpr const char* kTexts[] = {"no error",
                                    "unhandled cuda error",
                                    "unhandled system error",
                                    "internal error",
                                    "invalid argument",
                                    "invalid usage",
                                    "remote process exited or there was a network error",
                                    "NCCL operation in progress"};
  return kTexts[result];
}

const char* ncclGetLastError(ncclComm_t) { return last_error.c_str(); }

ncclResult_t ncclSend(const void* memory, size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                      cudaStream_t stream) {
  auto* const bytes = static_cast<std::byte*>(const_cast<void*>(memory));
  return add({true, peer, bytes, count, type}, comm, stream);
}

ncclResult_t ncclRecv(void* memory, size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                      cudaStream_t stream) {
  return add({false, peer, static_cast<std::byte*>(memory), count, type}, comm, stream);
}

ncclResult_t ncclGroupStart() {
  ++group.depth;
  return ncclSuccess;
}

ncclResult_t ncclGroupEnd() {
  if (group.depth == 0) return refuse(ncclInvalidUsage, "ncclGroupEnd without ncclGroupStart");
  if (--group.depth > 0) return ncclSuccess;
  const std::lock_guard lock(runtime_lock());
  return enqueue_call(std::exchange(group, {}));
}
