// The attention part of a layer: rotation, the KV store, and the products over it.
#include <cmath>

#include "forward.hpp"
#include "kv.hpp"

namespace cairn {

void Forward::rotate(float* head, const float* angles) const {
  const int pairs = model_.desc().ropeDimensions / 2;
  const bool halves = model_.desc().ropeHalves;
  for (int i = 0; i < pairs; i++) {
    float& a = head[halves ? i : 2 * i];
    float& b = head[halves ? i + pairs : 2 * i + 1];
    const float c = angles[2 * i], s = angles[2 * i + 1], x = a, y = b;
    a = x * c - y * s;
    b = x * s + y * c;
  }
}

void Forward::store_kv(int layer, const Row& row, const float* k, const float* v) {
  const ModelDesc& d = model_.desc();
  const int n = d.headLength, valueStride = kv::value_stride(n);
  const size_t block = kv::block_elements(d.kvHeads, n, config_.blockTokens);
  const size_t tiles = static_cast<size_t>(config_.blockTokens / kv::kTileTokens);
  const int32_t number = row.slot->blocks[static_cast<size_t>(row.position / config_.blockTokens)];
  const size_t tile = static_cast<size_t>(row.position % config_.blockTokens / kv::kTileTokens);
  const size_t token = static_cast<size_t>(row.position % kv::kTileTokens);
  auto* base = reinterpret_cast<uint16_t*>(kv_.data()) +
               (static_cast<size_t>(layer) * static_cast<size_t>(config_.kvBlocks) +
                static_cast<size_t>(number)) *
                   block;
  uint16_t halves[kv::kMaxHeadLength];
  for (int h = 0; h < d.kvHeads; h++) {
    uint16_t* to = base + (static_cast<size_t>(h) * tiles + tile) * kv::tile_elements(n);
    kernels_.to_half(k + h * n, halves, n);
    for (int i = 0; i < n; i++) to[static_cast<size_t>(i * kv::kTileTokens) + token] = halves[i];
    kernels_.to_half(v + h * n, to + kv::kTileTokens * n + static_cast<size_t>(valueStride) * token,
                     n);
  }
}

void Forward::attend(int layer) {
  const ModelDesc& d = model_.desc();
  const int rows = static_cast<int>(rows_.size()), n = d.headLength, group = d.heads / d.kvHeads;
  const float scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(n)));
  pool_.for_rows(rows, [&](size_t r) {
    float* q = qkv_ + static_cast<size_t>(r) * ldQkv_;
    float* k = q + kOffset_;
    const float* angles = angles_ + static_cast<size_t>(r) * static_cast<size_t>(d.ropeDimensions);
    for (int h = 0; h < d.heads; h++) rotate(q + h * n, angles);
    for (int i = 0; i < d.heads * n; i++) q[i] *= scale;
    for (int h = 0; h < d.kvHeads; h++) rotate(k + h * n, angles);
    store_kv(layer, rows_[static_cast<size_t>(r)], k, q + vOffset_);
  });
  const size_t block = kv::block_elements(d.kvHeads, n, config_.blockTokens);
  const size_t perHead = block / static_cast<size_t>(d.kvHeads);
  const auto* base = reinterpret_cast<const uint16_t*>(kv_.data()) +
                     static_cast<size_t>(layer) * static_cast<size_t>(config_.kvBlocks) * block;
  pool_.run(rows * d.kvHeads, [&](int task, int) {
    const int r = task / d.kvHeads, h = task % d.kvHeads;
    const Row& row = rows_[static_cast<size_t>(r)];
    const KvView view{base + static_cast<size_t>(h) * perHead, block, row.slot->blocks.data(),
                      config_.blockTokens / kv::kTileTokens, n};
    kernels_.attend(qkv_ + static_cast<size_t>(r) * ldQkv_ + h * group * n, group, row.position,
                    view, heads_ + static_cast<size_t>(r) * ldHeads_ + h * group * n);
  });
}

}  // namespace cairn
