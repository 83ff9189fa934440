#include "gpu_operators.hpp"

#include <algorithm>
#include <cstring>

#include "../cpu/activation.hpp"
#include "../gpu/kernels/attention.hpp"
#include "../gpu/kernels/exponentials.hpp"
#include "../gpu/kernels/products.hpp"
#include "../gpu/kernels/rows.hpp"
#include "../gpu/kernels/sampler.hpp"

namespace cairn::gpu {
namespace {

GPU_KERNEL exponentials_of(const float* x, float* y, int n) {
  const int i = block() * threads() + thread();
  if (i < n) y[i] = exponential(x[i]);
}

GPU_KERNEL sum_of(const float* x, int n, float shift, float scale, float* out) {
  GPU_SHARED(float, stage, kStage);
  GPU_SHARED(float, sum, 1);
  const float s = sum_of_exponentials(x, n, shift, scale, stage, sum);
  if (thread() == 0) out[0] = s;
}

Stream& stream() {
  static Stream s;
  return s;
}
Queue queue() { return stream().queue(); }

// An array on the device.
template <class T>
class Array {
 public:
  explicit Array(size_t count) : memory_(count * sizeof(T)), count_(count) {}
  Array(const T* values, size_t count) : Array(count) {
    stream().upload(memory_.as<T>(), values, count * sizeof(T));
    stream().synchronize();
  }
  explicit Array(const std::vector<T>& values) : Array(values.data(), values.size()) {}
  operator T*() const { return memory_.as<T>(); }
  std::vector<T> values() const {
    std::vector<T> v(count_);
    stream().download(v.data(), memory_.as<T>(), count_ * sizeof(T));
    stream().synchronize();
    return v;
  }
  void to(T* out) const {
    const std::vector<T> v = values();
    std::copy(v.begin(), v.end(), out);
  }

 private:
  DeviceMemory memory_;
  size_t count_;
};

size_t size(int n) { return static_cast<size_t>(n); }

// Quantized rows on the device, from and to the CPU's records.
struct Rows {
  Array<int8_t> q;
  Array<BlockScale> scales;
  int k;

  Rows(int rows, int width) : q(size(rows * width)), scales(size(rows * width / 32)), k(width) {}
  QuantizedRows rows() const { return {q, scales}; }

  static Rows of(const uint8_t* acts, int rows, int width) {
    Rows r(rows, width);
    std::vector<int8_t> bytes;
    std::vector<BlockScale> all;
    for (int row = 0; row < rows; row++)
      for (int b = 0; b < width / 32; b++) {
        const uint8_t* rec = record(const_cast<uint8_t*>(acts), row, b, width);
        const int at = row % activation::kTileRows;
        const auto* from = reinterpret_cast<const int8_t*>(rec) + at * 32;
        bytes.insert(bytes.end(), from, from + 32);
        auto field = [&](size_t offset) { return reinterpret_cast<const float*>(rec + offset)[at]; };
        all.push_back({field(activation::kScale), field(activation::kSum), field(activation::kSumLow),
                       field(activation::kSumHigh)});
      }
    stream().upload(r.q, bytes.data(), bytes.size());
    stream().upload(r.scales, all.data(), all.size() * sizeof(BlockScale));
    stream().synchronize();
    return r;
  }
  static uint8_t* record(uint8_t* acts, int row, int block, int width) {
    return acts + (size(row / activation::kTileRows) * size(width / 32) + size(block)) * activation::kRecord;
  }
  // the only row, as row `row` of the records
  void to(uint8_t* acts, int row) const {
    using namespace activation;
    const std::vector<int8_t> bytes = q.values();
    const std::vector<BlockScale> all = scales.values();
    for (int b = 0; b < k / 32; b++) {
      uint8_t* rec = record(acts, row, b, k);
      const int at = row % kTileRows;
      const int8_t* from = &bytes[size(b * 32)];
      std::memcpy(rec + at * 32, from, 32);
      int low = 0, high = 0;
      for (int i = 0; i < 16; i++) low += from[i], high += from[16 + i];
      auto put = [&](size_t field, auto value) { std::memcpy(rec + field + 4 * size(at), &value, 4); };
      const BlockScale& s = all[size(b)];
      put(kScale, s.d);
      put(kSum, s.sum);
      put(kSumLow, s.low);
      put(kSumHigh, s.high);
      put(kStart8, kMagicBits - 128 * (low + high));
      put(kStart4, kMagicBits - 8 * (low + high));
      put(kStart5, kMagicBits - 16 * (low + high));
      put(kStart6Low, -32 * low);
      put(kStart6High, -32 * high);
    }
  }
};

void product(Product p, const uint8_t* panels, float* y, size_t ldy, int panel0, int panel1) {
  if (panel0 == panel1) return;
  const size_t each = panel_bytes(p.type, size(p.k)), width = size(panel1 - panel0) * 32;
  const Array<uint8_t> weights(panels + size(panel0) * each, size(panel1 - panel0) * each);
  const Array<float> out(size(p.rows) * width);
  p.panels = weights;
  p.panelCount = panel1 - panel0;
  p.y = out;
  p.ldy = width;
  multiply(p, properties(0), queue());
  const std::vector<float> values = out.values();
  for (int r = 0; r < p.rows; r++)
    std::copy_n(&values[size(r) * width], width, y + size(r) * ldy + size(panel0) * 32);
}

void gemm_float(WeightType type, const uint8_t* panels, int k, const float* x, size_t ldx, int rows,
                float* y, size_t ldy, int panel0, int panel1) {
  const Array<float> in(x, size(rows - 1) * ldx + size(k));
  product({type, nullptr, 0, k, in, ldx, {}, rows, nullptr, 0}, panels, y, ldy, panel0, panel1);
}

void gemm_blocks(WeightType type, const uint8_t* panels, int kBlocks, const uint8_t* acts, int rows,
                 float* y, size_t ldy, int panel0, int panel1) {
  const Rows in = Rows::of(acts, rows, kBlocks * 32);
  product({type, nullptr, 0, kBlocks * 32, nullptr, 0, in.rows(), rows, nullptr, 0}, panels, y, ldy,
          panel0, panel1);
}

void quantize(const float* x, int k, uint8_t* acts, int row) {
  const Array<float> in(x, size(k));
  const Rows out(1, k);
  quantize_rows(in, size(k), k, 1, out.rows(), queue());
  out.to(acts, row);
}

void rms_norm(const float* x, const float* w, float eps, float* y, int n) {
  const Array<float> in(x, size(n)), weights(w, size(n)), out(size(n));
  add_norm({in, size(n), nullptr, nullptr, nullptr, weights, eps, n, 1, out, {}, nullptr}, queue());
  out.to(y);
}

void add(float* x, const float* y, int n) {
  const Array<float> to(x, size(n)), more(y, size(n));
  add_norm({to, size(n), more, nullptr, nullptr, nullptr, 0, n, 1, nullptr, {}, nullptr}, queue());
  to.to(x);
}

void add_norm_quantize(float* x, const float* y, const float* w, float eps, int n, uint8_t* acts,
                       int row) {
  const Array<float> to(x, size(n)), more(y, size(n)), weights(w, size(n));
  const Rows out(1, n);
  add_norm({to, size(n), more, nullptr, nullptr, weights, eps, n, 1, nullptr, out.rows(), nullptr},
           queue());
  to.to(x);
  out.to(acts, row);
}

template <bool Gelu>
void gated(float* g, const float* u, int n) {
  const Array<float> to(g, size(n)), up(u, size(n));
  gate({to, up, size(n), n, 1, Gelu, {}}, queue());
  to.to(g);
}

template <bool Gelu>
void gated_quantize(const float* g, const float* u, int n, uint8_t* acts, int row) {
  const Array<float> to(g, size(n)), up(u, size(n));
  const Rows out(1, n);
  gate({to, up, size(n), n, 1, Gelu, out.rows()}, queue());
  out.to(acts, row);
}

// One row with a head of each kind, the first of its slot.
struct OneRow {
  Array<int> zeros{std::vector<int>(2)};
  Array<uint8_t> store;
  PagedStore paged;
  OneRow(KvType type, int n)
      : store(kv::tile_bytes(type, n)), paged{type, store, kv::tile_bytes(type, n), n, 1, 1, zeros, 1} {}
};

void rotate(float* head, const float* cosines, const float* sines, int pairs, bool halves) {
  const int n = 2 * pairs;
  std::vector<float> angles;
  for (const float* from : {cosines, sines})
    for (int i = 0; i < pairs; i++) angles.push_back(halves ? from[i] : from[2 * i + 1]);
  const OneRow row(KvType::F32, n);
  const Array<float> to(head, size(n)), turn(angles);
  place_heads({row.paged, to, to, to, size(n), 1, 1, nullptr, nullptr, nullptr, nullptr, nullptr, 0, 1,
               turn, pairs, halves, row.zeros, row.zeros},
              queue());
  to.to(head);
}

void to_half(const float* x, uint16_t* dst, int n) {
  for (int at = 0; at < n; at += kv::kMaxHeadLength) {
    const int count = std::min(kv::kMaxHeadLength, n - at);
    const OneRow row(KvType::F16, count);
    const Array<float> in(x + at, size(count)), q(x + at, size(count));
    place_heads({row.paged, q, in, in, size(count), 1, 1, nullptr, nullptr, nullptr, nullptr, nullptr, 0,
                 1, nullptr, 0, true, row.zeros, row.zeros},
                queue());
    const std::vector<uint8_t> tile = row.store.values();
    std::memcpy(dst + at, &tile[2 * 32 * size(count)], 2 * size(count));
  }
}

// The end of a step for one row: whether its logits are finite, the most likely token.
LogitResult finish(const Array<float>& logits, int n, float cap) {
  LogitJob job{};
  job.sample = 1;
  job.prompt = 1;
  job.top = -1;
  const Array<LogitJob> jobs(&job, 1);
  const Array<LogitResult> results(1);
  const Array<int> history(2);
  draw({logits, size(n), n, 1, cap, jobs, results, history, 2, {}, nullptr}, false, queue());
  return results.values()[0];
}

void soft_cap(float* x, float cap, int n) {
  const Array<float> to(x, size(n));
  finish(to, n, cap);
  to.to(x);
}

bool all_finite(const float* x, int n) {
  const Array<float> in(x, size(n));
  return finish(in, n, 0).finite != 0;
}

float max_value(const float* x, int n) {
  const Array<float> in(x, size(n));
  return x[finish(in, n, 0).token];
}

float sum_exp(const float* x, int n, float shift, float scale) {
  const Array<float> in(x, size(n)), out(1);
  GPU_LAUNCH(sum_of, Grid{1}, kRowThreads, queue(), in, n, shift, scale, out);
  return out.values()[0];
}

void exp_values(const float* x, float* y, int n) {
  const Array<float> in(x, size(n)), out(size(n));
  GPU_LAUNCH(exponentials_of, Grid{static_cast<unsigned>(n + 63) / 64}, 64, queue(), in, out, n);
  out.to(y);
}

void attend_rows(const AttendRow* rows, int count, int heads, const KvView& kv) {
  const int n = kv.headLength, last = rows[count - 1].position / 32;
  const size_t tile = kv::tile_bytes(kv.type, n), blocks = size(last / kv.tilesPerBlock) + 1;
  std::vector<uint8_t> bytes(blocks * size(kv.tilesPerBlock) * tile, 0xff);
  std::vector<int> table, positions;
  for (int t = 0; t <= last; t++) std::memcpy(&bytes[size(t) * tile], kv.tile(t), tile);
  for (size_t b = 0; b < blocks; b++) table.push_back(static_cast<int>(b));
  std::vector<float> q;
  int window = 0;
  for (int r = 0; r < count; r++) {
    q.insert(q.end(), rows[r].q, rows[r].q + heads * n);
    positions.push_back(rows[r].position);
    if (rows[r].first > 0) window = rows[r].position + 1 - rows[r].first;
  }
  const int queries = queries_of_a_task(count * heads);
  std::vector<AttendTask> list;
  for (int i = 0; i < count * heads; i += queries)
    list.push_back({0, i, std::min(queries, count * heads - i)});
  const Array<uint8_t> store(bytes);
  const Array<int> tables(table), places(positions), slots(std::vector<int>(size(count)));
  const Array<float> in(q), out(q.size());
  const Array<AttendTask> tasks(list);
  attend({{kv.type, store, size(kv.tilesPerBlock) * tile, n, 1, kv.tilesPerBlock, tables, blocks},
          in, size(heads * n), out, size(heads * n), heads, window, kv.cap, tasks,
          static_cast<int>(list.size()), queries, slots, places},
         queue());
  const std::vector<float> values = out.values();
  for (int r = 0; r < count; r++)
    std::copy_n(&values[size(r * heads * n)], heads * n, rows[r].out);
}

// The operators after `Prepare` has been called.
template <auto Operator, void (*Prepare)()>
struct Prepared;
template <class R, class... A, R (*Operator)(A...), void (*Prepare)()>
struct Prepared<Operator, Prepare> {
  static R call(A... arguments) {
    Prepare();
    return Operator(arguments...);
  }
};

template <void (*Prepare)()>
Kernels table(const char* name) {
  return {name,
          Prepared<gemm_float, Prepare>::call,
          Prepared<gemm_blocks, Prepare>::call,
          Prepared<quantize, Prepare>::call,
          Prepared<rms_norm, Prepare>::call,
          Prepared<add, Prepare>::call,
          Prepared<gated<false>, Prepare>::call,
          Prepared<gated<true>, Prepare>::call,
          Prepared<add_norm_quantize, Prepare>::call,
          Prepared<gated_quantize<false>, Prepare>::call,
          Prepared<gated_quantize<true>, Prepare>::call,
          Prepared<rotate, Prepare>::call,
          Prepared<soft_cap, Prepare>::call,
          Prepared<attend_rows, Prepare>::call,
          Prepared<to_half, Prepare>::call,
          Prepared<all_finite, Prepare>::call,
          Prepared<max_value, Prepare>::call,
          Prepared<sum_exp, Prepare>::call,
          Prepared<exp_values, Prepare>::call};
}

#if defined(GPU_EMU)
template <int Wave, emulator::MatrixUnit Unit>
void emulate() {
  emulator::settings().wave = Wave;
  emulator::settings().matrix = Unit;
}
#else
void nothing() {}
#endif

}  // namespace
}  // namespace cairn::gpu

const std::vector<const cairn::Kernels*>& gpu_operators() {
  using namespace cairn::gpu;
#if defined(GPU_EMU)
  using emulator::MatrixUnit;
  static const cairn::Kernels kTables[] = {
      table<emulate<32, MatrixUnit::MMA>>("emulated NVIDIA"),
      table<emulate<64, MatrixUnit::MFMA>>("emulated CDNA"),
      table<emulate<32, MatrixUnit::WMMA>>("emulated RDNA 3"),
      table<emulate<32, MatrixUnit::NONE>>("emulated RDNA 2"),
  };
#else
  static const cairn::Kernels kTables[] = {table<nothing>("GPU")};
#endif
  static const std::vector<const cairn::Kernels*> all = [] {
    std::vector<const cairn::Kernels*> v;
    for (const cairn::Kernels& k : kTables) v.push_back(&k);
    return v;
  }();
  return all;
}
