// Products of many rows and weights in blocks, by matrix instructions: exact integer sums of a
// K-block, then the accumulation that every other path does, element by element.
#include "matrix.hpp"
#include "products.hpp"
#include "weights.hpp"

namespace cairn::gpu {
namespace {

constexpr int kWaves = 4;  // of a block
constexpr int kRows = kWaves * matrix::kTile, kColumns = 32;
constexpr int kChunk = 2;    // K-blocks in shared memory
constexpr int kStride = 12;  // words from a row to the next: 8, padded against bank conflicts
constexpr int kMostThreads = kWaves * 64;

template <WeightType T>
GPU_KERNEL GPU_BOUNDS(kMostThreads) matrix_product(const uint8_t* panels, int kBlocks, QuantizedRows x,
                                                   int rows, float* y, size_t ldy) {
  if constexpr (matrix::kAvailable) {
    GPU_SHARED(int, a, kChunk * kRows * kStride);
    GPU_SHARED(int, b, kChunk * kColumns * kStride);
    GPU_SHARED(BlockScale, rowScales, kChunk * kRows);
    GPU_SHARED(ColumnScales, columns, kChunk * kColumns);
    const size_t blocks = static_cast<size_t>(kBlocks);
    const uint8_t* panel = panels + static_cast<size_t>(block()) * panel_bytes(T, blocks * 32);
    const int first = block_y() * kRows, wave = thread() / matrix::wave(), at = thread() % matrix::wave();
    float sums[2][matrix::kResults];
    for (int i = 0; i < 2 * matrix::results(); i++) sums[i % 2][i / 2] = 0.0f;
    for (int chunk = 0; chunk < kBlocks; chunk += kChunk) {
      const int count = kBlocks - chunk < kChunk ? kBlocks - chunk : kChunk;
      sync_block();
      for (int i = thread(); i < count * kRows; i += threads()) {
        const int row = first + i % kRows, index = chunk + i / kRows;
        const size_t inside = static_cast<size_t>(row < rows ? row : rows - 1);
        const size_t from = inside * blocks + static_cast<size_t>(index);
        const int* q = reinterpret_cast<const int*>(x.q + from * kQuantum);
        GPU_UNROLL
        for (int w = 0; w < 8; w++) a[i * kStride + w] = q[w];
        rowScales[i] = x.scales[from];
      }
      for (int i = thread(); i < count * kColumns; i += threads()) {
        const BlockPlace<T> place(panel, chunk + i / kColumns);
        const ColumnWords<T> words(place.block, i % kColumns);
        GPU_UNROLL
        for (int w = 0; w < 8; w++) b[i * kStride + w] = words.word(w);
        columns[i] = column_scales<T>(place, i % kColumns);
      }
      sync_block();
      for (int k = 0; k < count; k++) {
        int rowWords[2][matrix::kOperands];
        GPU_UNROLL
        for (int i = 0; i < matrix::operands(); i++) {
          const matrix::Place p = matrix::operand(at, i);
          const int word = (k * kRows + wave * matrix::kTile + p.row) * kStride + p.column;
          rowWords[0][i] = a[word];
          rowWords[1][i] = a[word + 4];
        }
        GPU_UNROLL
        for (int tile = 0; tile < 2; tile++) {
          int s[2][matrix::kResults] = {};
          GPU_UNROLL
          for (int half = 0; half < 2; half++) {
            int words[matrix::kOperands];
            GPU_UNROLL
            for (int i = 0; i < matrix::operands(); i++) {
              const matrix::Place p = matrix::operand(at, i);
              words[i] = b[(k * kColumns + tile * matrix::kTile + p.row) * kStride + 4 * half + p.column];
            }
            matrix::multiply(rowWords[half], words, s[has_halves(T) ? half : 0]);
          }
          GPU_UNROLL
          for (int i = 0; i < matrix::results(); i++) {
            const matrix::Place p = matrix::result(at, i);
            const ColumnScales& c = columns[k * kColumns + tile * matrix::kTile + p.column];
            const BlockScale& d = rowScales[k * kRows + wave * matrix::kTile + p.row];
            const int n = has_halves(T) ? c.scale[0] * s[0][i] + c.scale[1] * s[1][i] : c.scale[0] * s[0][i];
            float sum = fma(fma(static_cast<float>(n), c.d, 0.0f), d.d, sums[tile][i]);
            if constexpr (has_minimum(T) && !has_halves(T)) sum = fma(c.minimum[0], d.sum, sum);
            if constexpr (has_minimum(T) && has_halves(T))
              sum = fma(c.minimum[1], d.high, fma(c.minimum[0], d.low, sum));
            sums[tile][i] = sum;
          }
        }
      }
    }
    GPU_UNROLL
    for (int tile = 0; tile < 2; tile++)
      GPU_UNROLL
      for (int i = 0; i < matrix::results(); i++) {
        const matrix::Place p = matrix::result(at, i);
        const int row = first + wave * matrix::kTile + p.row;
        if (row < rows)
          y[static_cast<size_t>(row) * ldy +
            static_cast<size_t>(block() * kColumns + tile * matrix::kTile + p.column)] = sums[tile][i];
      }
  }
}

}  // namespace

void multiply_matrices(const Product& p, int wave, Queue queue) {
  for_block_type(p.type, [&]<WeightType T>() {
    const Grid grid{static_cast<unsigned>(p.panelCount),
                    static_cast<unsigned>((p.rows + kRows - 1) / kRows)};
    GPU_LAUNCH((matrix_product<T>), grid, kWaves * wave, queue, p.panels, p.k / kQuantum, p.quantized,
               p.rows, p.y, p.ldy);
    check_launch("matrix_product");
  });
}

void multiply(const Product& p, const Properties& device, Queue queue) {
  if (is_float(p.type)) return multiply_floats(p, queue);
  if (p.rows > kMatrixRows && device.matrixUnits) return multiply_matrices(p, device.wave, queue);
  multiply_dots(p, queue);
}

}  // namespace cairn::gpu
