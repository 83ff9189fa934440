// The attention part of a layer: rotation, the KV store, and the products over it.
#include <algorithm>

#include "activation.hpp"
#include "forward.hpp"
#include "kv.hpp"

namespace cairn {

void Forward::store_kv(int layer, const Row& row, int h, const float* k, const float* v) {
  const int n = model_.desc().headLength, tiles = config_.blockTokens / kv::kTileTokens;
  const int32_t block = row.slot->blocks[static_cast<size_t>(row.position / config_.blockTokens)];
  const int tile = h * tiles + row.position % config_.blockTokens / kv::kTileTokens;
  uint8_t* to = kv_block(layer) + static_cast<size_t>(block) * kvBlockBytes_;
  kv::store(config_.kvType, kernels_.to_half, k, v, n, row.position % kv::kTileTokens,
            to + static_cast<size_t>(tile) * kv::tile_bytes(config_.kvType, n));
}

float* Forward::angles(size_t row, bool windowed) const {
  const size_t n = 2 * static_cast<size_t>(model_.desc().ropeDimensions);
  return angles_ + 2 * row * n + (windowed ? n : 0);
}

void Forward::prepare_attention(const Layer& l, int layer, size_t r, int h) {
  const ModelDesc& d = model_.desc();
  const int n = d.headLength, group = d.heads / d.kvHeads, pairs = d.ropeDimensions / 2;
  const int atQ = h * group * n, atK = h * n;
  float* row = qkv_ + r * ldQkv_;
  float *q = row + atQ, *k = row + kOffset_ + atK, *v = row + vOffset_ + atK;
  if (l.biasQ != nullptr) kernels_.add(q, l.biasQ + atQ, group * n);
  if (l.biasK != nullptr) kernels_.add(k, l.biasK + atK, n);
  if (l.biasV != nullptr) kernels_.add(v, l.biasV + atK, n);
  const float* cosines = angles(r, l.window > 0);
  auto place = [&](float* head, const float* norm) {
    if (norm != nullptr) kernels_.rms_norm(head, norm, d.eps, head, n);
    kernels_.rotate(head, cosines, cosines + d.ropeDimensions, pairs, d.ropeHalves);
  };
  for (int i = 0; i < group; i++) place(q + i * n, l.normQ);
  for (int i = 0; i < group * n; i++) q[i] *= d.attentionScale;
  place(k, l.normK);
  store_kv(layer, rows_[r], h, k, v);
}

void Forward::attend(int layer) {
  const ModelDesc& d = model_.desc();
  const Layer& l = model_.layers()[static_cast<size_t>(layer)];
  const int rows = static_cast<int>(rows_.size()), n = d.headLength, group = d.heads / d.kvHeads;
  const int width = d.heads * n, share = group * n;
  // for all rows first: a row may attend to keys that another row of the step stores
  pool_.for_rows(rows, [&](size_t r) {
    for (int h = 0; h < d.kvHeads; h++) prepare_attention(l, layer, r, h);
  });
  const bool quantized = inputs_of({&l.attnOutput}).blocks;
  const bool inShares = quantized && share % activation::kBlock == 0;
  const size_t perHead = kvBlockBytes_ / static_cast<size_t>(d.kvHeads);
  const int tasks = static_cast<int>(runs_.size()) * d.kvHeads;
  auto first_of = [&](const Row& row) {
    return l.window > 0 ? std::max(0, row.position + 1 - l.window) : 0;
  };
  auto view_of = [&](const Run& run, int head) {
    return KvView{kv_block(layer) + static_cast<size_t>(head) * perHead,
                  kvBlockBytes_,
                  rows_[static_cast<size_t>(run.first)].slot->blocks.data(),
                  config_.blockTokens / kv::kTileTokens,
                  n,
                  config_.kvType,
                  d.attentionCap};
  };
  pool_.run(tasks, [&](int task, int) {
    const Run& run = runs_[static_cast<size_t>(task / d.kvHeads)];
    const int h = task % d.kvHeads;
    AttendRow rows[kRunRows];
    for (int i = 0; i < run.count; i++) {
      const size_t r = static_cast<size_t>(run.first + i);
      const int at = h * share;
      rows[i] = {qkv_ + r * ldQkv_ + at, heads_ + r * ldHeads_ + at, rows_[r].position,
                 first_of(rows_[r])};
    }
    KvView view = view_of(run, h);
    const int next = task + pool_.threads();
    if (next < tasks) {
      const Run& later = runs_[static_cast<size_t>(next / d.kvHeads)];
      const Row& row = rows_[static_cast<size_t>(later.first)];
      const KvView its = view_of(later, next % d.kvHeads);
      const int tile = first_of(row) / kv::kTileTokens;
      view.following[0] = its.tile(tile);
      if (row.position / kv::kTileTokens > tile) view.following[1] = its.tile(tile + 1);
    }
    kernels_.attend(rows, run.count, group, view);
    for (int i = 0; inShares && i < run.count; i++) {
      const size_t r = static_cast<size_t>(run.first + i);
      kernels_.quantize(rows[i].out, share,
                        blocks_of(acts_, r, width, h * share / activation::kBlock),
                        static_cast<int>(r % activation::kTileRows));
    }
  });
  if (quantized && !inShares)
    pool_.for_rows(rows, [&](size_t r) {
      kernels_.quantize(heads_ + r * ldHeads_, width, acts_, static_cast<int>(r));
    });
}

}  // namespace cairn
