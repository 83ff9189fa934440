#include "gpu_forward.hpp"

#include <algorithm>

namespace cairn::gpu {
namespace {

size_t size(int64_t n) { return static_cast<size_t>(n); }
size_t up32(int32_t n) { return (size(n) + 31) / 32 * 32; }

}  // namespace

// Places in the scratch memory.
struct GpuForward::Layout {
  size_t ldDim, ldQkv, ldHeads, ldFfn, ldLogits, inputs;
  size_t x, xn, y, qkv, heads, gate, up, angles[2], headX, logits, pooled;
  size_t q, scales, ffnQ, ffnScales, frequencies[2], tables, history;
  size_t drawLogits, drawCounts, drawCandidates, drawRuns, end = 0;

  Layout(const ModelDesc& d, const EngineConfig& c) {
    const size_t b = size(c.maxBatchTokens), rows = std::max(b, size(kHeadRows));
    const int qDim = d.heads * d.headLength;
    ldDim = up32(d.embedding);
    ldQkv = up32(qDim) + 2 * up32(d.kvHeads * d.headLength);
    ldHeads = up32(qDim);
    ldFfn = up32(d.feedForward);
    ldLogits = up32(d.vocabulary);
    inputs = up32(std::max(d.embedding, qDim));
    for (size_t* p : {&x, &xn, &y}) *p = take(b * ldDim * 4);
    qkv = take(b * ldQkv * 4);
    heads = take(b * ldHeads * 4);
    for (size_t* p : {&gate, &up}) *p = take(b * ldFfn * 4);
    for (size_t& p : angles) p = take(b * size(d.ropeDimensions) * 4);
    headX = take(size(kHeadRows) * ldDim * 4);
    logits = take(size(kHeadRows) * ldLogits * 4);
    pooled = take(size(c.maxSlots) * ldDim * 4);
    q = take(rows * inputs);
    scales = take(rows * inputs / kQuantum * sizeof(BlockScale));
    ffnQ = take(b * ldFfn);
    ffnScales = take(b * ldFfn / kQuantum * sizeof(BlockScale));
    for (size_t& p : frequencies) p = take(size(d.ropeDimensions) / 2 * sizeof(double));
    tables = take(size(c.maxSlots) * table_stride(c) * 4);
    history = take(size(c.maxSlots) * (size(c.maxContext) + 1) * 4);
    const DrawScratchSize draw(static_cast<int>(ldLogits));
    drawLogits = take(size(kHeadRows) * draw.logits * 4);
    drawCounts = take(size(kHeadRows) * draw.counts * 4);
    drawCandidates = take(size(kHeadRows) * draw.candidates * 8);
    drawRuns = take(size(kHeadRows) * draw.runs * 8);
  }
  static size_t table_stride(const EngineConfig& c) {
    return size((c.maxContext + c.blockTokens - 1) / c.blockTokens);
  }

 private:
  size_t take(size_t bytes) {
    const size_t at = end;
    end = (end + bytes + 255) & ~size_t{255};
    return at;
  }
};

size_t GpuForward::kv_bytes(const ModelDesc& d, const EngineConfig& c) {
  return size(d.layers) * size(c.kvBlocks) *
         kv::block_bytes(c.kvType, d.kvHeads, d.headLength, c.blockTokens);
}

size_t GpuForward::scratch_bytes(const ModelDesc& d, const EngineConfig& c) {
  return Layout(d, c).end;
}

GpuForward::GpuForward(const Model& model, const EngineConfig& config, const Properties& device,
                       Stream& stream)
    : model_(model),
      config_(config),
      device_(device),
      kvBlockBytes_(kv::block_bytes(config.kvType, model.desc().kvHeads, model.desc().headLength,
                                    config.blockTokens)),
      kvLayerBytes_(size(config.kvBlocks) * kvBlockBytes_),
      tableStride_(Layout::table_stride(config)),
      historyStride_(size(config.maxContext) + 1),
      kv_(kv_bytes(model.desc(), config)),
      scratch_(scratch_bytes(model.desc(), config)) {
  const ModelDesc& d = model.desc();
  const Layout l(d, config);
  ldDim_ = l.ldDim;
  ldQkv_ = l.ldQkv;
  ldHeads_ = l.ldHeads;
  ldFfn_ = l.ldFfn;
  ldLogits_ = l.ldLogits;
  kOffset_ = up32(d.heads * d.headLength);
  vOffset_ = kOffset_ + up32(d.kvHeads * d.headLength);
  auto at = [&]<class T>(T*& p, size_t offset) {
    p = reinterpret_cast<T*>(scratch_.as<uint8_t>() + offset);
  };
  at(x_, l.x);
  at(xn_, l.xn);
  at(y_, l.y);
  at(qkv_, l.qkv);
  at(heads_, l.heads);
  at(gate_, l.gate);
  at(up_, l.up);
  for (size_t i : {0, 1}) {
    at(angles_[i], l.angles[i]);
    at(frequencies_[i], l.frequencies[i]);
    const std::vector<double>& f = model.rope_frequencies(i == 1);
    stream.upload(frequencies_[i], f.data(), f.size() * sizeof(double));
  }
  at(headX_, l.headX);
  at(logits_, l.logits);
  at(pooled_, l.pooled);
  at(rows_.q, l.q);
  at(rows_.scales, l.scales);
  at(ffnRows_.q, l.ffnQ);
  at(ffnRows_.scales, l.ffnScales);
  at(tables_, l.tables);
  at(history_, l.history);
  at(draws_.logits, l.drawLogits);
  at(draws_.counts, l.drawCounts);
  at(draws_.candidates, l.drawCandidates);
  at(draws_.runs, l.drawRuns);
  const DrawScratchSize draw(static_cast<int>(ldLogits_));
  draws_.candidateStride = draw.candidates;
  draws_.runStride = draw.runs;
  stream.fill(draws_.counts, 0, size(kHeadRows) * draw.counts * 4);
  // a slot that failed goes on with whatever token is there
  stream.fill(history_, 0, size(config.maxSlots) * historyStride_ * 4);
  stream.synchronize();
}

void GpuForward::update_tables(const BlockUpdate* updates, int count, Queue queue) {
  gpu::update_tables(updates, count, tables_, tableStride_, queue);
}

void GpuForward::run(const StepShape& shape, const uint8_t* plan, LogitResult* results, Queue queue) {
  const StepLayout l(shape, 0, 0);
  auto part = [&]<class T>(const T*, size_t offset) { return reinterpret_cast<const T*>(plan + offset); };
  const int* ints = nullptr;
  const Step step{shape,
                  plan,
                  part(ints, l.slots),
                  part(ints, l.positions),
                  part(ints, l.jobRows),
                  part(static_cast<const LogitJob*>(nullptr), l.jobs),
                  part(static_cast<const AttendTask*>(nullptr), l.tasks),
                  part(static_cast<const PoolTask*>(nullptr), l.pools)};
  embed(step, queue);
  for (int i = 0; i < model_.desc().layers; i++) layer(i, step, queue);
  if (shape.pools > 0) pool(step, queue);
  head(step, results, queue);
}

GpuForward::Inputs GpuForward::inputs_of(std::initializer_list<const Matrix*> matrices) {
  Inputs inputs;
  for (const Matrix* m : matrices) (is_float(m->type) ? inputs.floats : inputs.blocks) = true;
  return inputs;
}

void GpuForward::multiply(const Matrix& m, const float* x, size_t ldx, QuantizedRows q, int rows,
                          float* y, size_t ldy, Queue queue) {
  gpu::multiply({m.type, m.panels, m.panel_count(), m.k, x, ldx, q, rows, y, ldy}, device_, queue);
}

void GpuForward::embed(const Step& step, Queue queue) {
  const ModelDesc& d = model_.desc();
  const Matrix& m = model_.embedding();
  const int rows = step.shape.rows;
  gpu::embed({m.type, m.panels, d.embedding, d.embeddingScale, step.slots, step.positions, history_,
              historyStride_, rows, x_, ldDim_},
             queue);
  for (const bool windowed : {false, true})
    if (!windowed || d.window > 0)
      make_angles({step.positions, frequencies_[windowed ? 1 : 0], d.ropeDimensions / 2, rows,
                   model_.rope_magnitude(), angles_[windowed ? 1 : 0]},
                  queue);
  const Layer& l = model_.layers()[0];
  const Inputs inputs = inputs_of({&l.q, &l.k, &l.v});
  add_norm({x_, ldDim_, nullptr, nullptr, nullptr, l.attnNorm, d.eps, d.embedding, rows,
            inputs.floats ? xn_ : nullptr, inputs.blocks ? rows_ : QuantizedRows{}, nullptr},
           queue);
}

void GpuForward::add_to_x(const float* bias, const float* post, const float* next, Inputs inputs,
                          int rows, Queue queue) {
  const ModelDesc& d = model_.desc();
  add_norm({x_, ldDim_, y_, bias, post, next, d.eps, d.embedding, rows, inputs.floats ? xn_ : nullptr,
            inputs.blocks ? rows_ : QuantizedRows{}, nullptr},
           queue);
}

void GpuForward::attention(int index, const Step& step, Queue queue) {
  const ModelDesc& d = model_.desc();
  const Layer& l = model_.layers()[size(index)];
  const int rows = step.shape.rows;
  const PagedStore store{config_.kvType,
                         kv_.as<uint8_t>() + size(index) * kvLayerBytes_,
                         kvBlockBytes_,
                         d.headLength,
                         d.kvHeads,
                         config_.blockTokens / kv::kTileTokens,
                         tables_,
                         tableStride_};
  place_heads({store, qkv_, qkv_ + kOffset_, qkv_ + vOffset_, ldQkv_, d.heads, rows, l.biasQ, l.biasK,
               l.biasV, l.normQ, l.normK, d.eps, d.attentionScale, angles_[l.window > 0 ? 1 : 0],
               d.ropeDimensions / 2, d.ropeHalves, step.slots, step.positions},
              queue);
  attend({store, qkv_, ldQkv_, heads_, ldHeads_, d.heads / d.kvHeads, l.window, d.attentionCap,
          step.tasks, step.shape.tasks, step.shape.queries, step.slots, step.positions},
         queue);
  if (!is_float(l.attnOutput.type))
    quantize_rows(heads_, ldHeads_, d.heads * d.headLength, rows, rows_, queue);
}

void GpuForward::layer(int index, const Step& step, Queue queue) {
  const ModelDesc& d = model_.desc();
  const Layer& l = model_.layers()[size(index)];
  const int rows = step.shape.rows;
  multiply(l.q, xn_, ldDim_, rows_, rows, qkv_, ldQkv_, queue);
  multiply(l.k, xn_, ldDim_, rows_, rows, qkv_ + kOffset_, ldQkv_, queue);
  multiply(l.v, xn_, ldDim_, rows_, rows, qkv_ + vOffset_, ldQkv_, queue);
  attention(index, step, queue);
  multiply(l.attnOutput, heads_, ldHeads_, rows_, rows, y_, ldDim_, queue);
  add_to_x(l.biasOutput, l.postAttnNorm, l.ffnNorm, inputs_of({&l.gate, &l.up}), rows, queue);
  multiply(l.gate, xn_, ldDim_, rows_, rows, gate_, ldFfn_, queue);
  multiply(l.up, xn_, ldDim_, rows_, rows, up_, ldFfn_, queue);
  gpu::gate({gate_, up_, ldFfn_, d.feedForward, rows, d.gelu,
             is_float(l.down.type) ? QuantizedRows{} : ffnRows_},
            queue);
  multiply(l.down, gate_, ldFfn_, ffnRows_, rows, y_, ldDim_, queue);
  if (index + 1 < d.layers) {
    const Layer& next = model_.layers()[size(index) + 1];
    add_to_x(nullptr, l.postFfnNorm, next.attnNorm, inputs_of({&next.q, &next.k, &next.v}), rows, queue);
  } else {
    add_to_x(nullptr, l.postFfnNorm, nullptr, {}, rows, queue);
  }
}

void GpuForward::pool(const Step& step, Queue queue) {
  const ModelDesc& d = model_.desc();
  add_norm({x_, ldDim_, nullptr, nullptr, nullptr, model_.output_norm(), d.eps, d.embedding,
            step.shape.rows, xn_, QuantizedRows{}, nullptr},
           queue);
  pool_rows({step.pools, step.shape.pools, xn_, ldDim_, d.embedding, pooled_}, queue);
}

void GpuForward::head(const Step& step, LogitResult* results, Queue queue) {
  const ModelDesc& d = model_.desc();
  const Matrix& m = model_.output();
  const bool blocks = !is_float(m.type);
  for (int first = 0; first < step.shape.jobs; first += kHeadRows) {
    const int rows = std::min(kHeadRows, step.shape.jobs - first);
    add_norm({x_, ldDim_, nullptr, nullptr, nullptr, model_.output_norm(), d.eps, d.embedding, rows,
              blocks ? nullptr : headX_, blocks ? rows_ : QuantizedRows{}, step.jobRows + first},
             queue);
    multiply(m, headX_, ldDim_, rows_, rows, logits_, ldLogits_, queue);
    draw({logits_, ldLogits_, d.vocabulary, rows, d.logitCap, step.jobs + first, results + first,
          history_, historyStride_, draws_, step.plan},
         step.shape.logprobs, queue);
  }
}

}  // namespace cairn::gpu
