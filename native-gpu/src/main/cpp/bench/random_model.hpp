// A model of random block-quantized weights in an anonymous file, so that a measurement needs no
// download and nothing is left behind.
#pragma once

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "../cpu/half.hpp"
#include "../cpu/model.hpp"

namespace bench {

struct Shape {
  int32_t dim = 576, layers = 30, heads = 9, kvHeads = 3, feedForward = 1536, vocabulary = 49152;
  bool tied = true;
};

class RandomModel {
 public:
  RandomModel(const Shape& s, cairn::WeightType type) : random_(1) {
    fd_ = memfd_create("cairn_bench_model", MFD_CLOEXEC);
    if (fd_ < 0) throw std::runtime_error("the system refused an anonymous file for the model");
    desc_.path = "/proc/self/fd/" + std::to_string(fd_);
    desc_.embedding = s.dim;
    desc_.layers = s.layers;
    desc_.heads = s.heads;
    desc_.kvHeads = s.kvHeads;
    desc_.headLength = desc_.ropeDimensions = s.dim / s.heads;
    desc_.feedForward = s.feedForward;
    desc_.vocabulary = s.vocabulary;
    desc_.eps = 1e-5f;
    desc_.attentionScale = static_cast<float>(1 / __builtin_sqrt(desc_.headLength));
    desc_.windowed.assign(static_cast<size_t>(s.layers), false);
    const int kv = s.kvHeads * desc_.headLength;
    matrix(type, s.dim, s.vocabulary);
    norm(s.dim);
    if (s.tied)
      desc_.tensors.emplace_back();
    else
      matrix(type, s.dim, s.vocabulary);
    desc_.tensors.emplace_back();
    for (int i = 0; i < s.layers; i++) {
      norm(s.dim);
      matrix(type, s.dim, s.dim);
      matrix(type, s.dim, kv);
      matrix(type, s.dim, kv);
      matrix(type, s.dim, s.dim);
      norm(s.dim);
      matrix(type, s.dim, s.feedForward);
      matrix(type, s.dim, s.feedForward);
      matrix(type, s.feedForward, s.dim);
      desc_.tensors.resize(desc_.tensors.size() + cairn::kLayerTensors - cairn::kBiasQ);
    }
    struct stat file;
    fstat(fd_, &file);
    desc_.fileBytes = file.st_size;
    desc_.modifiedMillis =
        static_cast<int64_t>(file.st_mtim.tv_sec) * 1000 + file.st_mtim.tv_nsec / 1000000;
  }
  ~RandomModel() { close(fd_); }
  RandomModel(const RandomModel&) = delete;
  RandomModel& operator=(const RandomModel&) = delete;

  const cairn::ModelDesc& desc() const { return desc_; }

 private:
  void write(const std::vector<uint8_t>& data, cairn::TensorDesc t) {
    t.offset = at_;
    t.bytes = static_cast<int64_t>(data.size());
    for (size_t done = 0; done < data.size();) {
      const ssize_t n = ::write(fd_, data.data() + done, data.size() - done);
      if (n <= 0) throw std::runtime_error("the model cannot be written");
      done += static_cast<size_t>(n);
    }
    at_ += t.bytes;
    desc_.tensors.push_back(t);
  }

  void norm(int n) {
    std::vector<uint8_t> data(static_cast<size_t>(n) * 4);
    for (size_t i = 0; i < data.size(); i += 4) {
      const float one = 1.0f;
      std::memcpy(&data[i], &one, 4);
    }
    write(data, {0, 0, 0, n, 1});
  }

  void matrix(cairn::WeightType type, int in, int out) {
    const size_t block = cairn::block_bytes(type);
    std::vector<uint8_t> data(cairn::row_bytes(type, static_cast<size_t>(in)) *
                              static_cast<size_t>(out));
    for (size_t i = 0; i + 8 <= data.size(); i += 8) {
      const uint64_t bits = random_();
      std::memcpy(&data[i], &bits, 8);
    }
    const float spread = type == cairn::WeightType::Q8_0 ? 0.014f : 0.2f;
    const uint16_t scale =
        cairn::float_to_half(spread / static_cast<float>(__builtin_sqrt(in)));
    for (size_t i = cairn::scale_place(type); i < data.size(); i += block) {
      std::memcpy(&data[i], &scale, 2);
      if (cairn::has_minimum(type)) std::memcpy(&data[i + 2], &scale, 2);
    }
    write(data, {static_cast<int32_t>(type), 0, 0, in, out});
  }

  std::mt19937_64 random_;
  int fd_;
  int64_t at_ = 0;
  cairn::ModelDesc desc_;
};

}  // namespace bench
