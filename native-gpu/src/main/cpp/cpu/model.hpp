// The weights of one model: packed for the kernels, or in the mapped file.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "arena.hpp"
#include "formats.hpp"
#include "model_file.hpp"
#include "thread_pool.hpp"

namespace cairn {

// One tensor of the file; `in` inputs of `out` rows. Absent where bytes is 0.
struct TensorDesc {
  int32_t type = 0;
  int64_t offset = 0, bytes = 0, in = 0, out = 0;
};

// Tensors of a ModelDesc in order: the model's four, then those of each layer, the optional ones
// from kBiasQ on.
enum ModelTensor { kEmbedding, kOutputNorm, kOutput, kRopeFactors, kModelTensors };
enum LayerTensor {
  kAttnNorm,
  kQ,
  kK,
  kV,
  kAttnOutput,
  kFfnNorm,
  kGate,
  kUp,
  kDown,
  kBiasQ,
  kBiasK,
  kBiasV,
  kBiasOutput,
  kNormQ,
  kNormK,
  kPostAttnNorm,
  kPostFfnNorm,
  kLayerTensors
};

// Frequency base and position divisor of the position embedding.
struct RopeDesc {
  float base = 10000, scale = 1;
};

// YaRN: share 0 where there is none.
struct YarnDesc {
  float share = 0, betaFast = 32, betaSlow = 1;
  int32_t originalContext = 1;
};

struct ModelDesc {
  std::string path;
  int64_t fileBytes = 0, modifiedMillis = 0;
  int32_t embedding = 0, layers = 0, heads = 0, kvHeads = 0, headLength = 0;
  int32_t feedForward = 0, vocabulary = 0;
  int32_t ropeDimensions = 0;
  bool ropeHalves = false;
  float eps = 0, ropeMagnitude = 1;
  RopeDesc rope, windowedRope;
  YarnDesc yarn;
  float attentionScale = 0, attentionCap = 0;  // a cap of 0 is none
  int32_t window = 0;                          // positions a windowed layer attends to
  std::vector<bool> windowed;                  // by layer
  bool gelu = false;
  float embeddingScale = 1, logitCap = 0;
  std::vector<TensorDesc> tensors;

  const TensorDesc& of(ModelTensor t) const { return tensors[t]; }
  const TensorDesc& of(int layer, LayerTensor t) const {
    return tensors[static_cast<size_t>(kModelTensors + layer * kLayerTensors + t)];
  }
};

// Packed: all weights are packed at load, into memory of this process. Mapped: the file stays mapped
// read-only, so that processes share its pages, and a panel is packed when a product needs it.
enum class WeightStore : int32_t { PACKED, MAPPED };

// out[n] = Σ w[n][k] · in[k]
struct Matrix {
  WeightType type = WeightType::F32;
  int n = 0, k = 0;
  uint8_t* panels = nullptr;      // null where the file is mapped
  const uint8_t* rows = nullptr;  // in the mapped file

  // So many panels from one on, in the kernels' layout.
  struct Panels {
    const uint8_t* data;
    int count;
  };
  // Panels from `first` up to `last`; of a mapped file one, packed into `scratch`.
  Panels panels_from(int first, int last, uint8_t* scratch) const;

  int panel_count() const { return (n + kPanelColumns - 1) / kPanelColumns; }
  size_t bytes() const {
    return static_cast<size_t>(panel_count()) * panel_bytes(type, static_cast<size_t>(k));
  }
  // row n as floats: the embedding of a token
  void row(int index, float* out) const;
};

struct Layer {
  const float* attnNorm = nullptr;
  const float* ffnNorm = nullptr;
  // absent where null
  const float *biasQ = nullptr, *biasK = nullptr, *biasV = nullptr, *biasOutput = nullptr;
  const float *normQ = nullptr, *normK = nullptr;  // of each head, before the rotation
  const float *postAttnNorm = nullptr, *postFfnNorm = nullptr;
  int window = 0;  // 0: the whole sequence
  Matrix q, k, v, attnOutput, gate, up, down;
};

// called with bytes read and bytes in all; false stops the load
using Progress = std::function<bool(int64_t, int64_t)>;

// Memory of a device that the CPU does not write itself.
class WeightMemory {
 public:
  virtual ~WeightMemory() = default;
  // Bytes that stay as long as this object does.
  virtual uint8_t* take(size_t bytes) = 0;
  // Copies to what was taken; called by several threads. The source may be reused at once.
  virtual void put(uint8_t* to, const void* from, size_t bytes) = 0;
};

class Model {
 public:
  // Checks every number of the description. Throws Failure(MODEL). A mapped model is used by at
  // most `threads` threads.
  Model(const ModelDesc& desc, WeightStore store, int threads);

  // bytes that load() will allocate
  size_t weight_bytes() const { return weightBytes_; }
  // bytes of the weights that stay in the mapped file
  size_t mapped_bytes() const { return mappedBytes_; }
  // Reads and packs on the pool's threads; progress is called on this one. Where a memory is given,
  // matrices and vectors are there, and their addresses are the device's.
  void load(const Progress& progress, ThreadPool& pool, WeightMemory* memory = nullptr);

  const ModelDesc& desc() const { return desc_; }
  const std::vector<Layer>& layers() const { return layers_; }
  const Matrix& embedding() const { return embedding_; }
  const Matrix& output() const { return tied() ? embedding_ : output_; }
  const float* output_norm() const { return outputNorm_; }
  // where a thread packs panels of a mapped file; null where there is none
  uint8_t* panel_scratch(int thread) const {
    return scratch_ == nullptr ? nullptr : scratch_ + static_cast<size_t>(thread) * scratchBytes_;
  }
  // angle of a position step for each rotated pair: of layers without a window, then with one
  const std::vector<double>& rope_frequencies(bool windowed) const {
    return ropeFrequencies_[windowed ? 1 : 0];
  }
  // what rotated elements are multiplied by
  double rope_magnitude() const;

 private:
  bool tied() const { return desc_.of(kOutput).bytes == 0; }
  Matrix plan(const TensorDesc& t, int n, int k, const char* name);
  void check_vector(const TensorDesc& t, int n, const char* name) const;
  void read_panels(const TensorDesc& t, const Matrix& m, int panel0, int panel1) const;
  void read_matrix(const TensorDesc& t, Matrix& m);
  std::vector<float> read_floats(const TensorDesc& t) const;
  const float* read_vector(const TensorDesc& t);
  // null where the file has none
  const float* read_optional(const TensorDesc& t);
  void check_layer(int index);
  void make_rope();
  std::vector<double> frequencies(const RopeDesc& rope, const float* factors) const;

  ModelDesc desc_;
  const WeightStore store_;
  size_t weightBytes_ = 0, mappedBytes_ = 0;
  size_t scratchBytes_ = 0;  // of each thread
  uint8_t* scratch_ = nullptr;
  std::vector<Layer> layers_;
  Matrix embedding_, output_;
  const float* outputNorm_ = nullptr;
  std::vector<double> ropeFrequencies_[2];
  std::unique_ptr<Arena> arena_;
  std::unique_ptr<ModelFile> file_;  // while it loads, and as long as it is mapped
  Progress progress_;
  ThreadPool* pool_ = nullptr;  // while it loads
  WeightMemory* memory_ = nullptr;
  int64_t done_ = 0, total_ = 0;
};

}  // namespace cairn
