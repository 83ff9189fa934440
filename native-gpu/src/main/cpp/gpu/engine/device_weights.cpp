#include "device_weights.hpp"

#include <algorithm>
#include <cstring>

namespace cairn::gpu {

DeviceWeights::DeviceWeights(int device)
    : device_(device),
      stream_(std::make_unique<Stream>()),
      stage_(std::make_unique<PinnedMemory>(kStageBytes)) {}

uint8_t* DeviceWeights::take(size_t bytes) {
  const std::lock_guard lock(mutex_);
  parts_.emplace_back(bytes);
  return parts_.back().as<uint8_t>();
}

void DeviceWeights::put(uint8_t* to, const void* from, size_t bytes) {
  const std::lock_guard lock(mutex_);
  use_device(device_);
  const auto* source = static_cast<const uint8_t*>(from);
  while (bytes > 0) {
    if (staged_ == kStageBytes) flush();
    const size_t part = std::min(bytes, kStageBytes - staged_);
    uint8_t* place = stage_->as<uint8_t>() + staged_;
    std::memcpy(place, source, part);
    stream_->upload(to, place, part);
    staged_ += part;
    to += part;
    source += part;
    bytes -= part;
  }
}

void DeviceWeights::flush() {
  stream_->synchronize();
  staged_ = 0;
}

void DeviceWeights::finish() {
  flush();
  stage_ = nullptr;
  stream_ = nullptr;
}

}  // namespace cairn::gpu
