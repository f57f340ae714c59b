#include "core/ranks/nccl_link.h"

#include <nccl.h>

#include <cstring>

#include "core/base/error.h"

namespace inpaint {
namespace {

void check_nccl(ncclResult_t result, const char* what, ncclComm_t comm = nullptr) {
  if (result == ncclSuccess) return;
  const std::string last = ncclGetLastError(comm);
  throw Error(std::string("NCCL: ") + what + ": " + ncclGetErrorString(result) +
              (last.empty() ? "" : " (" + last + ")"));
}

ncclDataType_t type_of(DType dtype) {
  if (dtype == DType::kF64) return ncclFloat64;
  if (dtype == DType::kF32) return ncclFloat32;
  throw Error("NCCL: ranks exchange f32 and f64 values");
}

class NcclLink final : public DeviceLink {
 public:
  NcclLink(const ncclUniqueId& id, int rank, int count) {
    check_nccl(ncclCommInitRank(&comm_, count, id, rank), "ncclCommInitRank");
  }
  ~NcclLink() override {
    if (comm_ != nullptr) ncclCommDestroy(comm_);
  }

  std::string name() const override {
    int version = 0;
    check_nccl(ncclGetVersion(&version), "ncclGetVersion");
    return "NCCL " + std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) + "." +
           std::to_string(version % 100);
  }

  // A group that has been begun is ended, also when a part of it is refused.
  void exchange(std::span<const Part> go, std::span<const Part> come, CUstream_st* stream) override {
    ncclResult_t refused = ncclSuccess;
    check_nccl(ncclGroupStart(), "ncclGroupStart", comm_);
    for (const auto& [peer, values, count, dtype] : go)
      if (refused == ncclSuccess)
        refused = ncclSend(values, static_cast<size_t>(count), type_of(dtype), peer, comm_, stream);
    for (const auto& [peer, values, count, dtype] : come)
      if (refused == ncclSuccess)
        refused = ncclRecv(values, static_cast<size_t>(count), type_of(dtype), peer, comm_, stream);
    const ncclResult_t ended = ncclGroupEnd();
    check_nccl(refused, "ncclSend and ncclRecv", comm_);
    check_nccl(ended, "ncclGroupEnd", comm_);
  }

  void check() override {
    ncclResult_t error = ncclSuccess;
    check_nccl(ncclCommGetAsyncError(comm_, &error), "ncclCommGetAsyncError", comm_);
    check_nccl(error, "an exchange between ranks", comm_);
  }

  void abandon() override {
    ncclCommAbort(comm_);
    comm_ = nullptr;
  }

 private:
  ncclComm_t comm_ = nullptr;
};

}  // namespace
}  // namespace inpaint

extern "C" {

void inpaint_make_nccl_id(std::string& bytes) {
  ncclUniqueId id;
  inpaint::check_nccl(ncclGetUniqueId(&id), "ncclGetUniqueId");
  bytes.assign(id.internal, sizeof(id.internal));
}

inpaint::DeviceLink* inpaint_open_nccl_link(const std::string& bytes, int rank, int count) {
  ncclUniqueId id;
  std::memcpy(id.internal, bytes.data(), sizeof(id.internal));
  return new inpaint::NcclLink(id, rank, count);
}
}
