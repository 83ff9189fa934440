// The weights of one model, packed for the kernels.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "arena.hpp"
#include "formats.hpp"

namespace cairn {

// One tensor of the file; `in` inputs of `out` rows. Absent where bytes is 0.
struct TensorDesc {
  int32_t type = 0;
  int64_t offset = 0, bytes = 0, in = 0, out = 0;
};

// Tensors of a ModelDesc in order: the model's four, then nine for each layer.
enum ModelTensor { kEmbedding, kOutputNorm, kOutput, kRopeFactors, kModelTensors };
enum LayerTensor { kAttnNorm, kQ, kK, kV, kAttnOutput, kFfnNorm, kGate, kUp, kDown, kLayerTensors };

struct ModelDesc {
  std::string path;
  int64_t fileBytes = 0, modifiedMillis = 0;
  int32_t embedding = 0, layers = 0, heads = 0, kvHeads = 0, headLength = 0;
  int32_t feedForward = 0, vocabulary = 0;
  int32_t ropeDimensions = 0;
  bool ropeHalves = false;
  float eps = 0, ropeBase = 0, ropeScale = 1;
  std::vector<TensorDesc> tensors;

  const TensorDesc& of(ModelTensor t) const { return tensors[t]; }
  const TensorDesc& of(int layer, LayerTensor t) const {
    return tensors[static_cast<size_t>(kModelTensors + layer * kLayerTensors + t)];
  }
};

// out[n] = Σ w[n][k] · in[k]
struct Matrix {
  WeightType type = WeightType::F32;
  int n = 0, k = 0;
  uint8_t* panels = nullptr;

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
  Matrix q, k, v, attnOutput, gate, up, down;
};

// called with bytes read and bytes in all; false stops the load
using Progress = std::function<bool(int64_t, int64_t)>;

class Model {
 public:
  // Checks every number of the description. Throws Failure(MODEL).
  explicit Model(const ModelDesc& desc);

  // bytes that load() will allocate
  size_t weight_bytes() const { return weightBytes_; }
  void load(const Progress& progress);

  const ModelDesc& desc() const { return desc_; }
  const std::vector<Layer>& layers() const { return layers_; }
  const Matrix& embedding() const { return embedding_; }
  const Matrix& output() const { return tied() ? embedding_ : output_; }
  const float* output_norm() const { return outputNorm_; }
  // 1 / (base^(2i/d) · factor_i · scale) of each rotated pair
  const std::vector<double>& rope_frequencies() const { return ropeFrequencies_; }

 private:
  class File;

  bool tied() const { return desc_.of(kOutput).bytes == 0; }
  Matrix plan(const TensorDesc& t, int n, int k, const char* name);
  void check_vector(const TensorDesc& t, int n, const char* name) const;
  void read_matrix(const File& file, const TensorDesc& t, Matrix& m);
  const float* read_vector(const File& file, const TensorDesc& t);
  void make_rope(const File& file);

  ModelDesc desc_;
  size_t weightBytes_ = 0;
  std::vector<Layer> layers_;
  Matrix embedding_, output_;
  const float* outputNorm_ = nullptr;
  std::vector<double> ropeFrequencies_;
  std::unique_ptr<Arena> arena_;
  Progress progress_;
  int64_t done_ = 0, total_ = 0;
};

}  // namespace cairn
