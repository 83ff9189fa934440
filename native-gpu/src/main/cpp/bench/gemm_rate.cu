// The rate of a large matrix product by NVIDIA's own library, in int8 with int32 sums and in half
// precision, to compare prefill with. The library is found when the program runs (libcublas.so), and
// is no part of Cairn.
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#include <dlfcn.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace {

constexpr int kSize = 8192, kRounds = 20;
// Numbers of cublas_api.h and library_types.h.
constexpr int kNoTranspose = 0, kTranspose = 1, kDefault = -1;
constexpr int kHalf = 2, kInt8 = 3, kInt32 = 10, kComputeFloat = 68, kComputeInt32 = 72;

using Create = int (*)(void**);
using Gemm = int (*)(void*, int, int, int, int, int, const void*, const void*, int, int, const void*, int,
                     int, const void*, void*, int, int, int, int);

void* library() {
  for (const char* name : {"libcublas.so", "libcublas.so.13", "libcublas.so.12", "libcublas.so.11"})
    if (void* found = dlopen(name, RTLD_NOW)) return found;
  return nullptr;
}

void check(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  std::fprintf(stderr, "gemm_rate: %s: %s\n", what, cudaGetErrorString(error));
  std::exit(1);
}

// TFLOP/s (multiplications and additions), or a negative number where the library refuses.
double rate(Gemm gemm, void* handle, int type, int result, int compute, const void* one, const void* zero,
            void* a, void* b, void* c) {
  auto run = [&] {
    return gemm(handle, kTranspose, kNoTranspose, kSize, kSize, kSize, one, a, type, kSize, b, type, kSize,
                zero, c, result, kSize, compute, kDefault);
  };
  if (run() != 0) return -1;
  check(cudaDeviceSynchronize(), "the first product");
  cudaEvent_t begin, end;
  check(cudaEventCreate(&begin), "an event");
  check(cudaEventCreate(&end), "an event");
  check(cudaEventRecord(begin, nullptr), "the begin");
  for (int i = 0; i < kRounds; i++) run();
  check(cudaEventRecord(end, nullptr), "the end");
  check(cudaEventSynchronize(end), "the products");
  float millis = 0;
  check(cudaEventElapsedTime(&millis, begin, end), "the time");
  return 2.0 * kSize * kSize * kSize * kRounds / (millis * 1e-3) / 1e12;
}

}  // namespace

int main() {
  void* cublas = library();
  if (cublas == nullptr) {
    std::printf("no libcublas on this machine\n");
    return 0;
  }
  const auto create = reinterpret_cast<Create>(dlsym(cublas, "cublasCreate_v2"));
  const auto gemm = reinterpret_cast<Gemm>(dlsym(cublas, "cublasGemmEx"));
  void* handle = nullptr;
  if (create == nullptr || gemm == nullptr || create(&handle) != 0) {
    std::printf("libcublas cannot be used\n");
    return 0;
  }
  void *a, *b, *c;
  const size_t bytes = size_t{kSize} * kSize * 4;
  for (void** p : {&a, &b, &c}) {
    check(cudaMalloc(p, bytes), "memory");
    check(cudaMemset(*p, 0, bytes), "memory");
  }
  const float one = 1, zero = 0;
  const int32_t oneInt = 1, zeroInt = 0;
  std::printf("int8 %.1f\n", rate(gemm, handle, kInt8, kInt32, kComputeInt32, &oneInt, &zeroInt, a, b, c));
  std::printf("half %.1f\n", rate(gemm, handle, kHalf, kHalf, kComputeFloat, &one, &zero, a, b, c));
}
