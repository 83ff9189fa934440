// One pass of the model over the rows of a step.
#pragma once

#include <initializer_list>
#include <memory>
#include <vector>

#include "arena.hpp"
#include "kernels/kernels.hpp"
#include "model.hpp"
#include "slots.hpp"
#include "step_runner.hpp"
#include "thread_pool.hpp"

namespace cairn {

class Forward {
 public:
  Forward(const Model& model, const Kernels& kernels, const EngineConfig& config);

  static size_t kv_bytes(const ModelDesc& d, const EngineConfig& c);
  static size_t scratch_bytes(const ModelDesc& d, const EngineConfig& c);

  // Called once by the thread that will run steps.
  void enter() { pool_.enter(); }
  ThreadPool& pool() { return pool_; }
  int pinned_threads() const { return pool_.pinned(); }

  // Runs the chunks and fills `outputs`; appends sampled tokens to the slots' histories.
  void run(StepJob& step, std::vector<Slot>& slots);

  // Rows of the output head that are computed together.
  static constexpr int kHeadRows = 32;

 private:
  struct Row {
    Slot* slot;
    int32_t chunk, position;
  };
  // Rows of one chunk that attend together.
  struct Run {
    int32_t first, count;
  };
  // A row whose logits are wanted: for the next token, or for prompt token position + 1.
  struct LogitRow {
    int32_t row;
    bool sample;
    bool finite;
    int32_t token;
    const std::vector<uint64_t>* allowed;
    Logprobs logprobs;
  };
  // A chunk of a slot that is pooled, and its first row.
  struct PooledChunk {
    int32_t chunk, row;
  };
  struct Product {
    const Matrix* matrix;
    float* y;
    size_t ldy;
  };
  // What products take of a row: its floats, its quantized blocks.
  struct Inputs {
    bool floats = false, blocks = false;
  };
  struct Layout;

  static constexpr int kRunRows = 16;

  uint8_t* kv_block(int layer) const {
    return kv_.data() + static_cast<size_t>(layer) * static_cast<size_t>(config_.kvBlocks) *
                            kvBlockBytes_;
  }
  void gather(StepJob& step, std::vector<Slot>& slots);
  void embed();
  void layer(int index);
  void attend(int layer);
  // of row r and key head h: adds biases, norms heads, rotates them and stores key and value
  void prepare_attention(const Layer& l, int layer, size_t r, int h);
  // gate and up products, and what they combine to
  void feed_forward(const Layer& l);
  // [2][ropeDimensions]: cosines and sines of the row's position, as `rotate` takes them
  float* angles(size_t row, bool windowed) const;
  void make_angles(int32_t position, bool windowed, float* out) const;
  // adds `bias` to y and norms it where they are given, adds it to x, and normalizes x by `next`
  // where it is given
  void add_to_x(const float* bias, const float* norm, const float* next, Inputs inputs);
  // x normalized to out, and row `row` of the quantized rows where products take them
  void normalize(const float* x, const float* norm, float* out, Inputs inputs, size_t row);
  void store_kv(int layer, const Row& row, int h, const float* k, const float* v);
  // the place of a row's K-blocks from `block` on; the kernels take row % activation::kTileRows
  static uint8_t* blocks_of(uint8_t* acts, size_t row, int width, int block);
  static Inputs inputs_of(std::initializer_list<const Matrix*> matrices);
  void multiply_panels(const Product& product, int rows, const float* x, size_t ldx,
                       const uint8_t* acts, int panel0, int panel1, int thread);
  void multiply(int rows, const float* x, size_t ldx, const uint8_t* acts, const Product* products,
                int count);
  void head();
  // adds up the outputs of the final norm of slots that are pooled
  void pool_rows(StepJob& step);
  void finish_row(LogitRow& r, float* logits, Sampler& sampler);
  void collect(StepJob& step);
  void collect_drafted(const ChunkJob& chunk, const LogitRow& row, size_t drafted,
                       ChunkOutput& out);

  const Model& model_;
  const Kernels& kernels_;
  const EngineConfig config_;
  ThreadPool pool_;
  Arena kv_;
  Arena scratch_;
  std::vector<Sampler> samplers_;

  const size_t kvBlockBytes_;  // of one layer
  std::vector<Row> rows_;
  std::vector<Run> runs_;
  std::vector<LogitRow> logitRows_;
  std::vector<PooledChunk> pooled_;
  size_t ldDim_, ldQkv_, ldHeads_, ldFfn_, ldLogits_;
  size_t kOffset_, vOffset_;
  float *x_, *xn_, *qkv_, *heads_, *y_, *gate_, *up_, *angles_, *headX_, *logits_;
  uint8_t *acts_, *ffnActs_;
};

}  // namespace cairn
