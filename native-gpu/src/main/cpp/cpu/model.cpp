#include "model.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <mutex>

#include "half.hpp"
#include "kv.hpp"
#include "math.hpp"
#include "status.hpp"

namespace cairn {
namespace {

[[noreturn]] void refuse(const std::string& message) { throw Failure(Status::MODEL, message); }

}  // namespace

void Matrix::row(int index, float* out) const {
  const size_t width = static_cast<size_t>(k);
  if (panels == nullptr)
    return read_row(type, width, rows + static_cast<size_t>(index) * row_bytes(type, width), out);
  read_column(type, width,
              panels + static_cast<size_t>(index / kPanelColumns) * panel_bytes(type, width),
              index % kPanelColumns, out);
}

Matrix::Panels Matrix::panels_from(int first, int last, uint8_t* scratch) const {
  const size_t width = static_cast<size_t>(k), at = static_cast<size_t>(first);
  if (panels != nullptr) return {panels + at * panel_bytes(type, width), last - first};
  pack_panel(type, width, rows + at * kPanelColumns * row_bytes(type, width),
             std::min(kPanelColumns, n - first * kPanelColumns), scratch);
  return {scratch, 1};
}

Model::Model(const ModelDesc& desc, WeightStore store, int threads) : desc_(desc), store_(store) {
  const ModelDesc& d = desc_;
  constexpr int32_t kMost = 1 << 24;
  for (int32_t v :
       {d.embedding, d.layers, d.heads, d.kvHeads, d.headLength, d.feedForward, d.vocabulary})
    if (v < 1 || v > kMost)
      refuse("a dimension of the model is " + std::to_string(v) + ", expected 1 to 16777216");
  if (d.heads % d.kvHeads != 0)
    refuse("the model has " + std::to_string(d.heads) +
           " query heads, expected a multiple of its " + std::to_string(d.kvHeads) + " key heads");
  if (d.headLength > kv::kMaxHeadLength)
    refuse("heads have " + std::to_string(d.headLength) + " elements, expected at most " +
           std::to_string(kv::kMaxHeadLength));
  if (d.ropeDimensions < 2 || d.ropeDimensions > d.headLength || d.ropeDimensions % 2 != 0)
    refuse("rotated elements of a head are " + std::to_string(d.ropeDimensions) +
           ", expected an even number from 2 to " + std::to_string(d.headLength));
  for (const RopeDesc& r : {d.rope, d.windowedRope})
    if (!(r.base >= 1 && r.base <= 1e30f) || !(r.scale > 1e-6f && r.scale <= 1e9f))
      refuse("rope base or rope scale of the model is out of range");
  if (!(d.eps >= 0 && d.eps <= 1) || !(d.ropeMagnitude > 0 && d.ropeMagnitude <= 1e6f) ||
      !(d.attentionScale > 0 && d.attentionScale <= 1e6f) ||
      !(d.embeddingScale > 0 && d.embeddingScale <= 1e6f) ||
      !(d.attentionCap >= 0 && d.attentionCap <= 1e9f) || !(d.logitCap >= 0 && d.logitCap <= 1e9f))
    refuse("epsilon, a scale or a cap of the model is out of range");
  if (!(d.yarn.share >= 0 && d.yarn.share <= 1) || d.yarn.originalContext < 1 ||
      (d.yarn.share > 0 && !(d.yarn.betaFast > 0 && d.yarn.betaSlow > 0 && d.rope.base > 1)))
    refuse("YaRN's numbers are out of range");
  if (d.window < 0 || d.windowed.size() != static_cast<size_t>(d.layers))
    refuse("the model's window is " + std::to_string(d.window) + " in a list of " +
           std::to_string(d.windowed.size()) + " layers, expected " + std::to_string(d.layers));
  if (d.tensors.size() !=
      static_cast<size_t>(kModelTensors) + static_cast<size_t>(d.layers) * kLayerTensors)
    refuse("the list of tensors does not fit the number of layers");

  check_vector(d.of(kOutputNorm), d.embedding, "output_norm");
  if (d.of(kRopeFactors).bytes > 0)
    check_vector(d.of(kRopeFactors), d.ropeDimensions / 2, "rope_freqs");
  layers_.resize(static_cast<size_t>(d.layers));
  for (int i = 0; i < d.layers; i++) check_layer(i);
  if (!tied()) output_ = plan(d.of(kOutput), d.vocabulary, d.embedding, "output");
  embedding_ = plan(d.of(kEmbedding), d.vocabulary, d.embedding, "token_embd");
  weightBytes_ += static_cast<size_t>(threads) * scratchBytes_;
}

void Model::check_layer(int index) {
  const ModelDesc& d = desc_;
  const int qDim = d.heads * d.headLength, kvDim = d.kvHeads * d.headLength;
  Layer& l = layers_[static_cast<size_t>(index)];
  check_vector(d.of(index, kAttnNorm), d.embedding, "attn_norm");
  check_vector(d.of(index, kFfnNorm), d.embedding, "ffn_norm");
  auto check_optional = [&](LayerTensor t, int n, const char* name) {
    if (d.of(index, t).bytes != 0) check_vector(d.of(index, t), n, name);
  };
  check_optional(kBiasQ, qDim, "attn_q.bias");
  check_optional(kBiasK, kvDim, "attn_k.bias");
  check_optional(kBiasV, kvDim, "attn_v.bias");
  check_optional(kBiasOutput, d.embedding, "attn_output.bias");
  check_optional(kNormQ, d.headLength, "attn_q_norm");
  check_optional(kNormK, d.headLength, "attn_k_norm");
  check_optional(kPostAttnNorm, d.embedding, "post_attention_norm");
  check_optional(kPostFfnNorm, d.embedding, "post_ffw_norm");
  l.q = plan(d.of(index, kQ), qDim, d.embedding, "attn_q");
  l.k = plan(d.of(index, kK), kvDim, d.embedding, "attn_k");
  l.v = plan(d.of(index, kV), kvDim, d.embedding, "attn_v");
  l.attnOutput = plan(d.of(index, kAttnOutput), d.embedding, qDim, "attn_output");
  l.gate = plan(d.of(index, kGate), d.feedForward, d.embedding, "ffn_gate");
  l.up = plan(d.of(index, kUp), d.feedForward, d.embedding, "ffn_up");
  l.down = plan(d.of(index, kDown), d.embedding, d.feedForward, "ffn_down");
  if (d.windowed[static_cast<size_t>(index)]) l.window = d.window;
}

static void check_place(const TensorDesc& t, const ModelDesc& d, size_t expected,
                        const std::string& name) {
  if (t.bytes < 0 || static_cast<size_t>(t.bytes) != expected)
    refuse("tensor " + name + " has " + std::to_string(t.bytes) + " bytes, expected " +
           std::to_string(expected));
  if (t.offset < 0 || t.offset > d.fileBytes || t.bytes > d.fileBytes - t.offset)
    refuse("tensor " + name + " ends beyond the file's " + std::to_string(d.fileBytes) + " bytes");
}

Matrix Model::plan(const TensorDesc& t, int n, int k, const char* name) {
  if (!is_supported(t.type))
    refuse("tensor " + std::string(name) + " has type " + std::to_string(t.type) + ", expected " +
           kWeightTypeNames);
  if (t.in != k || t.out != n)
    refuse("tensor " + std::string(name) + " is " + std::to_string(t.in) + " by " +
           std::to_string(t.out) + ", expected " + std::to_string(k) + " by " + std::to_string(n));
  Matrix m;
  m.type = static_cast<WeightType>(t.type);
  m.n = n;
  m.k = k;
  if (static_cast<size_t>(k) % block_length(m.type) != 0)
    refuse("tensor " + std::string(name) + " has rows of " + std::to_string(k) +
           ", expected a multiple of " + std::to_string(block_length(m.type)));
  check_place(t, desc_, static_cast<size_t>(n) * row_bytes(m.type, static_cast<size_t>(k)), name);
  if (store_ == WeightStore::PACKED) {
    weightBytes_ += Arena::aligned(m.bytes());
  } else {
    mappedBytes_ += static_cast<size_t>(t.bytes);
    scratchBytes_ = std::max(
        scratchBytes_, Arena::aligned(panel_bytes(m.type, static_cast<size_t>(k))));
  }
  total_ += t.bytes;
  return m;
}

void Model::check_vector(const TensorDesc& t, int n, const char* name) const {
  if (t.type != 0 && t.type != 1)
    refuse("tensor " + std::string(name) + " has type " + std::to_string(t.type) +
           ", expected F32 or F16");
  check_place(t, desc_, static_cast<size_t>(n) * (t.type == 0 ? 4 : 2), name);
  const_cast<Model*>(this)->weightBytes_ += Arena::aligned(static_cast<size_t>(n) * 4 + 64);
}

void Model::read_panels(const TensorDesc& t, const Matrix& m, int panel0, int panel1) const {
  const size_t width = static_cast<size_t>(m.k), stride = row_bytes(m.type, width);
  const size_t each = panel_bytes(m.type, width);
  std::vector<uint8_t> store(m.panels == nullptr ? 0 : stride * kPanelColumns);
  std::vector<uint8_t> panel(memory_ == nullptr ? 0 : each);
  for (int p = panel0; p < panel1; p++) {
    const int first = p * kPanelColumns, count = std::min(kPanelColumns, m.n - first);
    const size_t at = static_cast<size_t>(first) * stride;
    const uint8_t* rows = m.rows == nullptr ? store.data() : m.rows + at;
    if (m.panels != nullptr) {
      file_->read(t.offset + static_cast<int64_t>(at), store.data(),
                  static_cast<size_t>(count) * stride);
      uint8_t* place = m.panels + static_cast<size_t>(p) * each;
      pack_panel(m.type, width, rows, count, memory_ == nullptr ? place : panel.data());
      if (memory_ != nullptr) memory_->put(place, panel.data(), each);
    }
    if (!scales_are_finite(m.type, width, rows, count))
      refuse("model file " + desc_.path + " has a quantization scale that is not finite in rows " +
             std::to_string(first) + " to " + std::to_string(first + count - 1) +
             " of the tensor at byte " + std::to_string(t.offset));
  }
}

void Model::read_matrix(const TensorDesc& t, Matrix& m) {
  if (store_ == WeightStore::PACKED)
    m.panels = memory_ == nullptr ? arena_->take(m.bytes()) : memory_->take(m.bytes());
  else
    m.rows = file_->map() + t.offset;
  constexpr int kPanelsPerTask = 8;
  const int panels = m.panel_count(), tasks = (panels + kPanelsPerTask - 1) / kPanelsPerTask;
  std::mutex mutex;
  std::exception_ptr failure;
  pool_->run(tasks, [&](int task, int) {
    try {
      const int first = task * kPanelsPerTask;
      read_panels(t, m, first, std::min(panels, first + kPanelsPerTask));
    } catch (...) {
      const std::lock_guard lock(mutex);
      failure = std::current_exception();
    }
  });
  if (failure) std::rethrow_exception(failure);
  done_ += t.bytes;
  if (!progress_(done_, total_)) refuse("the load was stopped");
}

std::vector<float> Model::read_floats(const TensorDesc& t) const {
  const bool half = t.type == 1;
  std::vector<float> out(static_cast<size_t>(t.bytes) / (half ? 2 : 4));
  if (!half) {
    file_->read(t.offset, out.data(), out.size() * 4);
    return out;
  }
  std::vector<uint16_t> values(out.size());
  file_->read(t.offset, values.data(), values.size() * 2);
  for (size_t i = 0; i < out.size(); i++) out[i] = half_to_float(values[i]);
  return out;
}

const float* Model::read_vector(const TensorDesc& t) {
  const std::vector<float> values = read_floats(t);
  const size_t bytes = values.size() * 4, padded = bytes + 64;
  uint8_t* out = memory_ == nullptr ? arena_->take(padded) : memory_->take(padded);
  if (memory_ == nullptr)
    std::copy(values.begin(), values.end(), reinterpret_cast<float*>(out));
  else
    memory_->put(out, values.data(), bytes);
  return reinterpret_cast<const float*>(out);
}

const float* Model::read_optional(const TensorDesc& t) {
  return t.bytes == 0 ? nullptr : read_vector(t);
}

double Model::rope_magnitude() const {
  const double scale = static_cast<double>(desc_.rope.scale);
  const bool yarn = desc_.yarn.share > 0 && scale > 1;
  return static_cast<double>(desc_.ropeMagnitude) * (yarn ? 1.0 + 0.1 * math::log(scale) : 1.0);
}

void Model::make_rope() {
  const std::vector<float> values = read_floats(desc_.of(kRopeFactors));
  const float* factors = values.empty() ? nullptr : values.data();
  for (int i = 0; factors != nullptr && i < desc_.ropeDimensions / 2; i++)
    if (!(factors[i] > 1e-6f && factors[i] < 1e9f))
      refuse("frequency factor " + std::to_string(i) + " of the model is " +
             std::to_string(factors[i]) + ", expected a positive number");
  ropeFrequencies_[0] = frequencies(desc_.rope, factors);
  ropeFrequencies_[1] = frequencies(desc_.windowedRope, factors);
}

std::vector<double> Model::frequencies(const RopeDesc& rope, const float* factors) const {
  const double base = static_cast<double>(rope.base), scale = static_cast<double>(rope.scale);
  const int n = desc_.ropeDimensions;
  const YarnDesc& yarn = desc_.yarn;
  // the pair that turns so many times within the original context
  auto pair_of = [&](float turns) {
    const double perTurn = yarn.originalContext / (2 * 3.141592653589793);
    return n * math::log(perTurn / static_cast<double>(turns)) / (2 * math::log(base));
  };
  double low = 0, high = 0;
  if (yarn.share > 0) {
    low = std::max(0.0, std::floor(pair_of(yarn.betaFast)));
    high = std::min(n - 1.0, std::ceil(pair_of(yarn.betaSlow)));
  }
  std::vector<double> result;
  for (int i = 0; i < n / 2; i++) {
    const double own = i == 0 ? 1.0 : math::pow(base, -2.0 * i / n);
    double f = own / scale;
    if (yarn.share > 0) {
      const double ramp = (i - low) / std::max(0.001, high - low);
      const double whole = 1 - std::min(1.0, std::max(0.0, ramp));
      const double kept = whole * static_cast<double>(yarn.share);
      f = f * (1 - kept) + own * kept;
    }
    if (factors != nullptr) f /= static_cast<double>(factors[i]);
    result.push_back(f);
  }
  return result;
}

void Model::load(const Progress& progress, ThreadPool& pool, WeightMemory* memory) {
  progress_ = progress;
  pool_ = &pool;
  memory_ = memory;
  file_ = std::make_unique<ModelFile>(desc_.path, desc_.fileBytes, desc_.modifiedMillis);
  if (memory == nullptr) arena_ = std::make_unique<Arena>(weightBytes_ + 8192, "the weights");
  if (store_ == WeightStore::MAPPED)
    scratch_ = arena_->take(static_cast<size_t>(pool.threads()) * scratchBytes_);
  for (int i = 0; i < desc_.layers; i++) {
    Layer& l = layers_[static_cast<size_t>(i)];
    l.attnNorm = read_vector(desc_.of(i, kAttnNorm));
    l.ffnNorm = read_vector(desc_.of(i, kFfnNorm));
    l.biasQ = read_optional(desc_.of(i, kBiasQ));
    l.biasK = read_optional(desc_.of(i, kBiasK));
    l.biasV = read_optional(desc_.of(i, kBiasV));
    l.biasOutput = read_optional(desc_.of(i, kBiasOutput));
    l.normQ = read_optional(desc_.of(i, kNormQ));
    l.normK = read_optional(desc_.of(i, kNormK));
    l.postAttnNorm = read_optional(desc_.of(i, kPostAttnNorm));
    l.postFfnNorm = read_optional(desc_.of(i, kPostFfnNorm));
    read_matrix(desc_.of(i, kQ), l.q);
    read_matrix(desc_.of(i, kK), l.k);
    read_matrix(desc_.of(i, kV), l.v);
    read_matrix(desc_.of(i, kAttnOutput), l.attnOutput);
    read_matrix(desc_.of(i, kGate), l.gate);
    read_matrix(desc_.of(i, kUp), l.up);
    read_matrix(desc_.of(i, kDown), l.down);
  }
  outputNorm_ = read_vector(desc_.of(kOutputNorm));
  if (!tied()) read_matrix(desc_.of(kOutput), output_);
  read_matrix(desc_.of(kEmbedding), embedding_);
  make_rope();
  if (store_ == WeightStore::PACKED) file_ = nullptr;
  progress_ = nullptr;
  pool_ = nullptr;
  memory_ = nullptr;
}

}  // namespace cairn
