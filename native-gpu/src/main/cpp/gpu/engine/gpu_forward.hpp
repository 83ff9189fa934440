// One pass of the model over the rows of a step, as launches in a queue.
#pragma once

#include <initializer_list>
#include <vector>

#include "../../cpu/model.hpp"
#include "../kernels/products.hpp"
#include "step_plan.hpp"

namespace cairn::gpu {

class GpuForward {
 public:
  // Allocates the KV store and the buffers, and clears what has to start as zero.
  GpuForward(const Model& model, const EngineConfig& config, const Properties& device, Stream& stream);

  static size_t kv_bytes(const ModelDesc& d, const EngineConfig& c);
  static size_t scratch_bytes(const ModelDesc& d, const EngineConfig& c);

  // Launches the kernels of a step whose plan is at `plan`, but for the changes of tables.
  void run(const StepShape& shape, const uint8_t* plan, LogitResult* results, Queue queue);
  void update_tables(const BlockUpdate* updates, int count, Queue queue);
  // tokens of a slot
  int* history(int slot) const {
    return history_ + static_cast<size_t>(slot) * historyStride_;
  }

  // what a slot has pooled, [embedding]
  const float* pooled(int slot) const { return pooled_ + static_cast<size_t>(slot) * ldDim_; }

  // Rows of the output head that are computed together.
  static constexpr int kHeadRows = 64;

 private:
  struct Layout;
  // What products take of a row: its floats, its quantized blocks.
  struct Inputs {
    bool floats = false, blocks = false;
  };
  // The parts of a plan.
  struct Step {
    StepShape shape;
    const uint8_t* plan;
    const int *slots, *positions, *jobRows;
    const LogitJob* jobs;
    const AttendTask* tasks;
    const PoolTask* pools;
  };

  static Inputs inputs_of(std::initializer_list<const Matrix*> matrices);
  void multiply(const Matrix& m, const float* x, size_t ldx, QuantizedRows q, int rows, float* y,
                size_t ldy, Queue queue);
  void embed(const Step& step, Queue queue);
  void layer(int index, const Step& step, Queue queue);
  void attention(int index, const Step& step, Queue queue);
  // adds y to x, and normalizes x by `next` where it is given
  void add_to_x(const float* bias, const float* post, const float* next, Inputs inputs, int rows,
                Queue queue);
  // adds up the outputs of the final norm of slots that are pooled
  void pool(const Step& step, Queue queue);
  void head(const Step& step, LogitResult* results, Queue queue);

  const Model& model_;
  const EngineConfig config_;
  const Properties device_;
  const size_t kvBlockBytes_, kvLayerBytes_, tableStride_, historyStride_;
  DeviceMemory kv_, scratch_;
  size_t ldDim_, ldQkv_, ldHeads_, ldFfn_, ldLogits_, kOffset_, vOffset_;
  float *x_, *xn_, *y_, *qkv_, *heads_, *gate_, *up_, *angles_[2], *headX_, *logits_, *pooled_;
  QuantizedRows rows_, ffnRows_;
  double* frequencies_[2];
  int *tables_, *history_;
  DrawScratch draws_;
};

}  // namespace cairn::gpu
