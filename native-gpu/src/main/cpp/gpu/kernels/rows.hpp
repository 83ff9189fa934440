// Operations on the rows of a step. All pointers are to the device's memory; what may be null says so.
#pragma once

#include "../../cpu/formats.hpp"
#include "../runtime/runtime.hpp"
#include "quantized.hpp"

namespace cairn::gpu {

// For each row: y + bias, normed by `post`, added to x; then x normalized by `next`.
struct AddNorm {
  float* x;  // [rows][ld]
  size_t ld;
  float* y;           // [rows][ld]; null: nothing is added
  const float* bias;  // [n], or null
  const float* post;  // [n], or null
  const float* next;  // [n], or null
  float eps;
  int n, rows;
  float* normalized;        // [rows][ld], or null
  QuantizedRows quantized;  // of n inputs; null: not wanted
  const int* from;          // row r of the outputs is of x's row from[r]; null: r
};
void add_norm(const AddNorm& a, Queue queue);

// g[row][i] · u[row][i] with the activation of g; n a multiple of 32 where it is quantized.
struct Gate {
  float* g;  // [rows][ld], the result too where it is not quantized
  const float* u;
  size_t ld;
  int n, rows;
  bool gelu;
  QuantizedRows quantized;  // null: not wanted
};
void gate(const Gate& g, Queue queue);

// Rows that are added, in order, to what a slot has pooled; `fresh`: it begins anew.
struct PoolTask {
  int slot, row, count, fresh;
};
struct PoolRows {
  const PoolTask* tasks;  // [count]
  int count;
  const float* x;  // [rows][ld]
  size_t ld;
  int n;
  float* pooled;  // [slots][ld]
};
void pool_rows(const PoolRows& p, Queue queue);

// x[rows][ld] of n inputs, a multiple of 32, into int8.
void quantize_rows(const float* x, size_t ld, int n, int rows, QuantizedRows out, Queue queue);

// x[row] = the row's token of the embedding, times `scale`.
struct Embed {
  WeightType type;
  const uint8_t* panels;
  int n;  // its width
  float scale;
  const int* slots;      // [rows]
  const int* positions;  // [rows]
  const int* history;    // [slots][historyStride]
  size_t historyStride;
  int rows;
  float* x;  // [rows][ld]
  size_t ld;
};
void embed(const Embed& e, Queue queue);

// cosines[pairs] and then sines[pairs] of each row's position, times the magnitude:
// out[row][2 · pairs]
struct Angles {
  const int* positions;       // [rows]
  const double* frequencies;  // [pairs]
  int pairs, rows;
  double magnitude;
  float* out;
};
void make_angles(const Angles& a, Queue queue);

// One number each: rows of a table of blocks that a step changes.
struct BlockUpdate {
  int slot, index, block;
};
void update_tables(const BlockUpdate* updates, int count, int* tables, size_t stride, Queue queue);

// Blocks of every layer copied to others: bytes of one layer's block, and from one layer to the next.
struct BlockCopy {
  int from, to;
};
void copy_blocks(const BlockCopy* copies, int count, uint8_t* store, size_t blockBytes,
                 size_t layerBytes, int layers, Queue queue);

}  // namespace cairn::gpu
