// Reads memory as fast as the device can: the ceiling of decoding.
#pragma once

#include "../runtime/runtime.hpp"

namespace cairn::gpu {

// Bytes a second of the fastest of several passes over so many bytes.
double read_bandwidth(size_t bytes, int passes);

}  // namespace cairn::gpu
