#include "forward.hpp"

#include <algorithm>
#include <cstring>

#include "activation.hpp"
#include "kv.hpp"
#include "math.hpp"

namespace cairn {
namespace {

size_t up32(int32_t n) { return (static_cast<size_t>(n) + 31) / 32 * 32; }

// Row stride of a product's output: whole panels, and never a multiple of 4 KiB.
size_t stride(size_t width) { return (width + 31) / 32 * 32 + 16; }

// Gate and up outputs of a row count that stay in the second-level cache until they are combined:
// rows times panels.
constexpr int kGateRowPanels = 1024;

}  // namespace

// Floats of each scratch buffer.
struct Forward::Layout {
  size_t ldDim, ldQkv, ldHeads, ldFfn, ldLogits;
  size_t dim, qkv, heads, ffn, angles, headX, logits, acts, ffnActs;

  Layout(const ModelDesc& d, const EngineConfig& c) {
    const size_t b = static_cast<size_t>(c.maxBatchTokens);
    ldDim = stride(static_cast<size_t>(d.embedding));
    ldQkv = up32(d.heads * d.headLength) + 2 * up32(d.kvHeads * d.headLength) + 16;
    ldHeads = stride(static_cast<size_t>(d.heads * d.headLength));
    ldFfn = stride(static_cast<size_t>(d.feedForward));
    ldLogits = stride(static_cast<size_t>(d.vocabulary));
    dim = b * ldDim * 4;
    qkv = b * ldQkv * 4;
    heads = b * ldHeads * 4;
    ffn = b * ldFfn * 4;
    angles = 2 * b * 2 * static_cast<size_t>(d.ropeDimensions) * 4;
    headX = kHeadRows * ldDim * 4;
    logits = kHeadRows * ldLogits * 4;
    const size_t rows = std::max(b, static_cast<size_t>(kHeadRows));
    acts = activation::bytes(rows, up32(std::max(d.embedding, d.heads * d.headLength)));
    ffnActs = activation::bytes(b, up32(d.feedForward));
  }
  size_t total() const {
    return 3 * dim + qkv + heads + 2 * ffn + angles + headX + logits + acts + ffnActs + 12 * 64;
  }
};

size_t Forward::kv_bytes(const ModelDesc& d, const EngineConfig& c) {
  return static_cast<size_t>(d.layers) * static_cast<size_t>(c.kvBlocks) *
         kv::block_bytes(c.kvType, d.kvHeads, d.headLength, c.blockTokens);
}

size_t Forward::scratch_bytes(const ModelDesc& d, const EngineConfig& c) {
  return Layout(d, c).total() +
         static_cast<size_t>(c.maxSlots) * static_cast<size_t>(c.maxContext + 1 + d.embedding) * 4 +
         static_cast<size_t>(c.maxBatchTokens) *
             (sizeof(LogitRow) + sizeof(Row) + sizeof(Run) + sizeof(PooledChunk)) +
         static_cast<size_t>(c.threads) * Sampler::bytes(d.vocabulary);
}

Forward::Forward(const Model& model, const Kernels& kernels, const EngineConfig& config)
    : model_(model),
      kernels_(kernels),
      config_(config),
      pool_(config.threads, config.pinThreads),
      kv_(kv_bytes(model.desc(), config), "the KV store"),
      scratch_(Layout(model.desc(), config).total(), "a step's activations"),
      kvBlockBytes_(kv::block_bytes(config.kvType, model.desc().kvHeads, model.desc().headLength,
                                    config.blockTokens)) {
  const ModelDesc& d = model.desc();
  const Layout l(d, config);
  ldDim_ = l.ldDim;
  ldQkv_ = l.ldQkv;
  ldHeads_ = l.ldHeads;
  ldFfn_ = l.ldFfn;
  ldLogits_ = l.ldLogits;
  kOffset_ = up32(d.heads * d.headLength);
  vOffset_ = kOffset_ + up32(d.kvHeads * d.headLength);
  auto floats = [&](size_t bytes) { return reinterpret_cast<float*>(scratch_.take(bytes)); };
  x_ = floats(l.dim);
  xn_ = floats(l.dim);
  y_ = floats(l.dim);
  qkv_ = floats(l.qkv);
  heads_ = floats(l.heads);
  gate_ = floats(l.ffn);
  up_ = floats(l.ffn);
  angles_ = floats(l.angles);
  headX_ = floats(l.headX);
  logits_ = floats(l.logits);
  acts_ = scratch_.take(l.acts);
  ffnActs_ = scratch_.take(l.ffnActs);
  for (int i = 0; i < config.threads; i++) samplers_.emplace_back(kernels, d.vocabulary);
  runs_.reserve(static_cast<size_t>(config.maxBatchTokens));
  rows_.reserve(static_cast<size_t>(config.maxBatchTokens));
  logitRows_.reserve(static_cast<size_t>(config.maxBatchTokens));
  pooled_.reserve(static_cast<size_t>(config.maxBatchTokens));
}

void Forward::run(StepJob& step, std::vector<Slot>& slots) {
  gather(step, slots);
  if (!rows_.empty()) {
    embed();
    for (int i = 0; i < model_.desc().layers; i++) layer(i);
  }
  pool_rows(step);
  head();
  collect(step);
}

void Forward::gather(StepJob& step, std::vector<Slot>& slots) {
  rows_.clear();
  runs_.clear();
  logitRows_.clear();
  pooled_.clear();
  step.outputs.assign(step.chunks.size(), ChunkOutput{});
  for (size_t c = 0; c < step.chunks.size(); c++) {
    const ChunkJob& chunk = step.chunks[c];
    Slot& slot = slots[static_cast<size_t>(chunk.slot)];
    if (chunk.restart) slot.blockCount = 0;
    for (int32_t b : chunk.blocks) slot.blocks[static_cast<size_t>(slot.blockCount++)] = b;
    if (slot.failed) {
      step.outputs[c].finite = false;
      continue;
    }
    std::copy(chunk.draft.begin(), chunk.draft.end(),
              slot.history.begin() + chunk.start + chunk.count);
    if (slot.pooling != Pooling::NONE)
      pooled_.push_back({static_cast<int32_t>(c), static_cast<int32_t>(rows_.size())});
    for (int32_t i = 0; i < chunk.rows(); i += kRunRows)
      runs_.push_back({static_cast<int32_t>(rows_.size()) + i,
                       std::min<int32_t>(kRunRows, chunk.rows() - i)});
    for (int32_t i = 0; i < chunk.rows(); i++) {
      const int32_t position = chunk.start + i, row = static_cast<int32_t>(rows_.size());
      rows_.push_back({&slot, static_cast<int32_t>(c), position});
      if (chunk.sample && i >= chunk.count - 1)
        logitRows_.push_back({row, true, true, -1, &chunk.allowed, {}});
      else if (slot.promptLogprobs && position + 1 < slot.prompt)
        logitRows_.push_back({row, false, true, -1, &chunk.allowed, {}});
    }
  }
}

void Forward::embed() {
  const int rows = static_cast<int>(rows_.size());
  const ModelDesc& d = model_.desc();
  pool_.for_rows(rows, [&](size_t r) {
    const Row& row = rows_[static_cast<size_t>(r)];
    float* x = x_ + static_cast<size_t>(r) * ldDim_;
    model_.embedding().row(row.slot->history[static_cast<size_t>(row.position)], x);
    if (d.embeddingScale != 1)
      for (int i = 0; i < d.embedding; i++) x[i] *= d.embeddingScale;
    for (const bool windowed : {false, true})
      if (!windowed || d.window > 0) make_angles(row.position, windowed, angles(r, windowed));
    const Layer& l = model_.layers()[0];
    normalize(x, l.attnNorm, xn_ + r * ldDim_, inputs_of({&l.q, &l.k, &l.v}), r);
  });
}

void Forward::make_angles(int32_t position, bool windowed, float* out) const {
  const ModelDesc& d = model_.desc();
  const double magnitude = model_.rope_magnitude();
  float *cosines = out, *sines = out + d.ropeDimensions;
  for (const double f : model_.rope_frequencies(windowed)) {
    double sin, cos;
    math::sin_cos(position * f, &sin, &cos);
    const float c = static_cast<float>(cos * magnitude), s = static_cast<float>(sin * magnitude);
    if (!d.ropeHalves) {
      *cosines++ = c;
      *sines++ = -s;
    }
    *cosines++ = c;
    *sines++ = s;
  }
}

Forward::Inputs Forward::inputs_of(std::initializer_list<const Matrix*> matrices) {
  Inputs inputs;
  for (const Matrix* m : matrices) (is_float(m->type) ? inputs.floats : inputs.blocks) = true;
  return inputs;
}

void Forward::multiply_panels(const Product& product, int rows, const float* x, size_t ldx,
                              const uint8_t* acts, int panel0, int panel1, int thread) {
  const Matrix& m = *product.matrix;
  for (int p = panel0; p < panel1;) {
    const Matrix::Panels w = m.panels_from(p, panel1, model_.panel_scratch(thread));
    float* y = product.y + static_cast<size_t>(p) * kPanelColumns;
    if (is_float(m.type))
      kernels_.gemm_float(m.type, w.data, m.k, x, ldx, rows, y, product.ldy, 0, w.count);
    else
      kernels_.gemm_blocks(m.type, w.data, m.k / 32, acts, rows, y, product.ldy, 0, w.count);
    p += w.count;
  }
}

void Forward::multiply(int rows, const float* x, size_t ldx, const uint8_t* acts,
                       const Product* products, int count) {
  int panels = 0;
  for (int i = 0; i < count; i++) panels += products[i].matrix->panel_count();
  const int parts = pool_.threads() == 1 ? 1 : std::min(panels, 6 * pool_.threads());
  pool_.run(parts, [&](int task, int thread) {
    int first = static_cast<int>(static_cast<int64_t>(panels) * task / parts);
    int last = static_cast<int>(static_cast<int64_t>(panels) * (task + 1) / parts);
    for (int i = 0; i < count && last > 0; i++) {
      const int n = products[i].matrix->panel_count();
      const int p0 = std::max(first, 0), p1 = std::min(last, n);
      if (p0 < p1) multiply_panels(products[i], rows, x, ldx, acts, p0, p1, thread);
      first -= n;
      last -= n;
    }
  });
}

void Forward::layer(int index) {
  const std::vector<Layer>& layers = model_.layers();
  const Layer& l = layers[static_cast<size_t>(index)];
  const int rows = static_cast<int>(rows_.size());

  const Product qkv[] = {
      {&l.q, qkv_, ldQkv_}, {&l.k, qkv_ + kOffset_, ldQkv_}, {&l.v, qkv_ + vOffset_, ldQkv_}};
  multiply(rows, xn_, ldDim_, acts_, qkv, 3);
  attend(index);
  const Product out[] = {{&l.attnOutput, y_, ldDim_}};
  multiply(rows, heads_, ldHeads_, acts_, out, 1);
  add_to_x(l.biasOutput, l.postAttnNorm, l.ffnNorm, inputs_of({&l.gate, &l.up}));

  feed_forward(l);
  const Product down[] = {{&l.down, y_, ldDim_}};
  multiply(rows, gate_, ldFfn_, ffnActs_, down, 1);
  if (index + 1 < model_.desc().layers) {
    const Layer& next = layers[static_cast<size_t>(index) + 1];
    add_to_x(nullptr, l.postFfnNorm, next.attnNorm, inputs_of({&next.q, &next.k, &next.v}));
  } else {
    add_to_x(nullptr, l.postFfnNorm, nullptr, {});
  }
}

uint8_t* Forward::blocks_of(uint8_t* acts, size_t row, int width, int block) {
  using namespace activation;
  const size_t tile = row / kTileRows, blocks = static_cast<size_t>(width / kBlock);
  return acts + (tile * blocks + static_cast<size_t>(block)) * kRecord;
}

void Forward::feed_forward(const Layer& l) {
  const ModelDesc& d = model_.desc();
  const int rows = static_cast<int>(rows_.size()), panels = l.gate.panel_count();
  const int each = std::clamp(kGateRowPanels / rows, 1, panels);
  const int least = pool_.threads() == 1 ? 1 : std::min(panels, 6 * pool_.threads());
  const int parts = std::max(least, (panels + each - 1) / each);
  const bool quantized = inputs_of({&l.down}).blocks;
  pool_.run(parts, [&](int task, int thread) {
    const int p0 = static_cast<int>(static_cast<int64_t>(panels) * task / parts);
    const int p1 = static_cast<int>(static_cast<int64_t>(panels) * (task + 1) / parts);
    multiply_panels({&l.gate, gate_, ldFfn_}, rows, xn_, ldDim_, acts_, p0, p1, thread);
    multiply_panels({&l.up, up_, ldFfn_}, rows, xn_, ldDim_, acts_, p0, p1, thread);
    const int first = p0 * kPanelColumns, n = std::min(p1 * kPanelColumns, d.feedForward) - first;
    for (size_t r = 0; r < static_cast<size_t>(rows); r++) {
      float* g = gate_ + r * ldFfn_ + first;
      const float* u = up_ + r * ldFfn_ + first;
      if (quantized)
        (d.gelu ? kernels_.geglu_quantize : kernels_.swiglu_quantize)(
            g, u, n, blocks_of(ffnActs_, r, d.feedForward, p0), r % activation::kTileRows);
      else
        (d.gelu ? kernels_.geglu : kernels_.swiglu)(g, u, n);
    }
  });
}

void Forward::add_to_x(const float* bias, const float* norm, const float* next, Inputs inputs) {
  const ModelDesc& d = model_.desc();
  const int n = d.embedding;
  pool_.for_rows(static_cast<int>(rows_.size()), [&](size_t r) {
    float *x = x_ + r * ldDim_, *y = y_ + r * ldDim_;
    if (bias != nullptr) kernels_.add(y, bias, n);
    if (norm != nullptr) kernels_.rms_norm(y, norm, d.eps, y, n);
    if (inputs.blocks && !inputs.floats)
      return kernels_.add_norm_quantize(x, y, next, d.eps, n, acts_, static_cast<int>(r));
    kernels_.add(x, y, n);
    if (next != nullptr) normalize(x, next, xn_ + r * ldDim_, inputs, r);
  });
}

void Forward::normalize(const float* x, const float* norm, float* out, Inputs inputs, size_t row) {
  const ModelDesc& d = model_.desc();
  kernels_.rms_norm(x, norm, d.eps, out, d.embedding);
  if (inputs.blocks) kernels_.quantize(out, d.embedding, acts_, static_cast<int>(row));
}

void Forward::head() {
  const Product product[] = {{&model_.output(), logits_, ldLogits_}};
  const Inputs inputs = inputs_of({&model_.output()});
  const int count = static_cast<int>(logitRows_.size());
  for (int first = 0; first < count; first += kHeadRows) {
    const int rows = std::min(kHeadRows, count - first);
    pool_.for_rows(rows, [&](size_t r) {
      const size_t from = static_cast<size_t>(logitRows_[static_cast<size_t>(first) + r].row);
      normalize(x_ + from * ldDim_, model_.output_norm(), headX_ + r * ldDim_, inputs, r);
    });
    multiply(rows, headX_, ldDim_, acts_, product, 1);
    pool_.run(rows, [&](int task, int thread) {
      finish_row(logitRows_[static_cast<size_t>(first + task)],
                 logits_ + static_cast<size_t>(task) * ldLogits_,
                 samplers_[static_cast<size_t>(thread)]);
    });
  }
}

// Position by position, so that how a prompt is cut into chunks does not matter.
void Forward::pool_rows(StepJob& step) {
  if (pooled_.empty()) return;
  const ModelDesc& d = model_.desc();
  pool_.run(static_cast<int>(pooled_.size()), [&](int task, int) {
    const PooledChunk& p = pooled_[static_cast<size_t>(task)];
    const ChunkJob& chunk = step.chunks[static_cast<size_t>(p.chunk)];
    ChunkOutput& out = step.outputs[static_cast<size_t>(p.chunk)];
    Slot& slot = *rows_[static_cast<size_t>(p.row)].slot;
    const bool ends = chunk.start + chunk.count == slot.prompt, mean = slot.pooling == Pooling::MEAN;
    if (!mean && !ends) return;
    if (!mean || chunk.start == 0) std::fill(slot.pooled.begin(), slot.pooled.end(), 0.0f);
    for (int32_t i = mean ? 0 : chunk.count - 1; i < chunk.count; i++) {
      const size_t row = static_cast<size_t>(p.row + i) * ldDim_;
      kernels_.rms_norm(x_ + row, model_.output_norm(), d.eps, xn_ + row, d.embedding);
      kernels_.add(slot.pooled.data(), xn_ + row, d.embedding);
    }
    if (!ends) return;
    out.finite = kernels_.all_finite(slot.pooled.data(), d.embedding);
    if (out.finite)
      out.pooled = slot.pooled;
    else
      slot.failed = true;
  });
}

void Forward::finish_row(LogitRow& r, float* logits, Sampler& sampler) {
  const Row& row = rows_[static_cast<size_t>(r.row)];
  const Slot& slot = *row.slot;
  const int length = row.position + 1;
  r.finite = kernels_.all_finite(logits, model_.desc().vocabulary);
  if (!r.finite) return;
  if (model_.desc().logitCap != 0)
    kernels_.soft_cap(logits, model_.desc().logitCap, model_.desc().vocabulary);
  r.token = r.sample ? sampler.sample(logits, slot.sampling, slot.history.data(), length,
                                      slot.prompt, slot.seed, *r.allowed, slot.biases)
                     : slot.history[static_cast<size_t>(length)];
  if (!r.sample || slot.logprobs >= 0)
    r.logprobs = sampler.logprobs(logits, r.token, std::max(0, slot.logprobs));
}

// A row of a draft counts where every token before it is what was drawn. One whose logits are not
// finite does not: computed again as the next row of the slot, it ends the chunk that is it.
void Forward::collect_drafted(const ChunkJob& chunk, const LogitRow& r, size_t drafted,
                              ChunkOutput& out) {
  if (!r.finite || !holds(chunk, drafted, out)) return;
  const Row& row = rows_[static_cast<size_t>(r.row)];
  out.more.push_back({r.token, r.logprobs});
  row.slot->history[static_cast<size_t>(row.position) + 1] = r.token;
}

void Forward::collect(StepJob& step) {
  for (const LogitRow& r : logitRows_) {
    const Row& row = rows_[static_cast<size_t>(r.row)];
    const ChunkJob& chunk = step.chunks[static_cast<size_t>(row.chunk)];
    ChunkOutput& out = step.outputs[static_cast<size_t>(row.chunk)];
    const int32_t drafted = row.position - (chunk.start + chunk.count - 1);
    if (drafted > 0) {
      collect_drafted(chunk, r, static_cast<size_t>(drafted), out);
      continue;
    }
    out.finite &= r.finite;
    if (!out.finite) continue;
    if (r.sample) {
      out.token = r.token;
      out.hasLogprobs = row.slot->logprobs >= 0;
      out.logprobs = r.logprobs;
      row.slot->history[static_cast<size_t>(row.position) + 1] = r.token;
    } else {
      out.promptLogprobs.push_back(r.logprobs);
    }
  }
  for (const LogitRow& r : logitRows_) {
    const Row& row = rows_[static_cast<size_t>(r.row)];
    ChunkOutput& out = step.outputs[static_cast<size_t>(row.chunk)];
    if (out.finite) continue;
    row.slot->failed = true;
    out = ChunkOutput{};
    out.finite = false;
  }
}

}  // namespace cairn
