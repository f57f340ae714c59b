// The link of NCCL: what a program asks of libinpaint_nccl.so (nccl_link.cpp), the only file that includes
// <nccl.h>.
//
// NCCL adds values in an order that follows from its version, its settings and how the GPUs are wired, and
// promises no order. So it is asked to move bytes and nothing else (ncclSend and ncclRecv, grouped), and the
// sums are our own, in the order of the ranks (kernels/ranks). A sum then reads and sends as many bytes of a
// GPU as NCCL's all-reduce in a ring, 2 (K - 1) / K of the array; what is given up are sums inside an NVLink
// switch, and, over several machines, sums of a machine's GPUs before the network: there a slice goes once to
// each GPU, and not once to each machine.
#pragma once

#include <memory>
#include <string>

#include "core/ranks/device_link.h"

namespace inpaint {

// The two functions of the library, by their names. Errors are thrown.
inline constexpr const char* kMakeNcclId = "inpaint_make_nccl_id";
inline constexpr const char* kOpenNcclLink = "inpaint_open_nccl_link";

// What the ranks find each other by: one of them makes it, all open the link with it.
using MakeNcclId = void (*)(std::string& id);
// Returns when all `count` ranks have called it, each with another GPU current.
using OpenNcclLink = DeviceLink* (*)(const std::string& id, int rank, int count);

}  // namespace inpaint
