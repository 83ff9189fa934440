// Attention over the paged keys and values of cpu/kv.hpp, on the device.
#pragma once

#include "../../cpu/kv.hpp"
#include "../runtime/runtime.hpp"

namespace cairn::gpu {

// The KV store of one layer, and which blocks are whose.
struct PagedStore {
  KvType type;
  uint8_t* base;      // of the layer
  size_t blockBytes;  // from a block to the next
  int headLength, kvHeads, tilesPerBlock;
  const int* tables;  // [slots][stride]
  size_t stride;

  GPU_DEVICE uint8_t* tile(int slot, int head, int index) const {
    const int block = tables[static_cast<size_t>(slot) * stride + static_cast<size_t>(index / tilesPerBlock)];
    return base + static_cast<size_t>(block) * blockBytes +
           static_cast<size_t>(head * tilesPerBlock + index % tilesPerBlock) *
               kv::tile_bytes(type, headLength);
  }
};

// Biases, norms of heads and rotation of queries, keys and values; keys and values into the store.
struct PlaceHeads {
  PagedStore store;
  float* q;  // [rows][ld], changed in place
  const float *k, *v;  // [rows][ld]
  size_t ld;
  int heads, rows;
  const float *biasQ, *biasK, *biasV;  // or null
  const float *normQ, *normK;          // or null
  float eps, scale;                    // queries are multiplied by it
  const float* angles;                 // [rows][2 · pairs]
  int pairs;
  bool halves;
  const int* slots;      // [rows]
  const int* positions;  // [rows]
};
void place_heads(const PlaceHeads& p, Queue queue);

// Queries of consecutive rows of one sequence: query i is of row + i / group and of head i % group
// of the key head's group.
struct AttendTask {
  int row, first, count;
};

struct Attend {
  PagedStore store;
  const float* q;  // [rows][ldq]
  size_t ldq;
  float* out;  // [rows][ldo]
  size_t ldo;
  int group;   // query heads of a key head
  int window;  // positions attended to; 0: all
  float cap;
  const AttendTask* tasks;
  int taskCount, queries;  // the most of a task: 1, 4 or 8
  const int* slots;
  const int* positions;
};
void attend(const Attend& a, Queue queue);

// Queries of a task for rows that have so many together.
constexpr int queries_of_a_task(int most) { return most <= 1 ? 1 : most <= 4 ? 4 : 8; }

}  // namespace cairn::gpu
