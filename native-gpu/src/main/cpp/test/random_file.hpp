// A model of random weights and odd constants in a file, for comparisons between engines.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <limits>
#include <string>

#include "../cpu/model.hpp"
#include "check.hpp"
#include "file_values.hpp"

namespace cairn {

class RandomFile {
 public:
  static constexpr int kVocabulary = 70;

  // Every matrix has a type of `types` at random; `odd`: with biases, norms of heads, post norms, a
  // window, caps and YaRN where chance says so.
  // The embedding of `infiniteToken` is infinite; that takes a file of F32 alone.
  RandomFile(const std::vector<WeightType>& types, int width, bool odd, int infiniteToken = -1)
      : types_(types) {
    path_ = "/tmp/cairn_random_file_XXXXXX";
    close(mkstemp(path_.data()));
    d_.path = path_;
    d_.embedding = d_.feedForward = width;
    d_.layers = 2;
    d_.heads = 4;
    d_.kvHeads = 1 << check::integer(0, 2);
    d_.headLength = width / 4;
    d_.vocabulary = kVocabulary;
    d_.ropeDimensions = chance() ? d_.headLength : d_.headLength / 2;
    d_.ropeHalves = chance();
    d_.eps = 1e-5f;
    d_.attentionScale = 0.1f;
    d_.windowed.assign(2, false);
    if (odd) make_odd();
    write_tensors(odd, infiniteToken >= 0);
    const float infinity = std::numeric_limits<float>::infinity();
    if (infiniteToken >= 0) std::memcpy(&data_[static_cast<size_t>(infiniteToken * width) * 4], &infinity, 4);
    std::ofstream(path_, std::ios::binary)
        .write(reinterpret_cast<const char*>(data_.data()), static_cast<std::streamsize>(data_.size()));
    struct stat s;
    stat(path_.c_str(), &s);
    d_.fileBytes = s.st_size;
    d_.modifiedMillis = static_cast<int64_t>(s.st_mtim.tv_sec) * 1000 + s.st_mtim.tv_nsec / 1000000;
  }
  ~RandomFile() { unlink(path_.c_str()); }

  const ModelDesc& desc() const { return d_; }

 private:
  static bool chance() { return check::integer(0, 1) == 1; }

  void make_odd() {
    d_.windowed[1] = true;
    d_.window = check::integer(3, 40);
    d_.windowedRope.base = 500;
    d_.gelu = chance();
    d_.embeddingScale = chance() ? 8.0f : 1.0f;
    d_.attentionCap = chance() ? 5.0f : 0.0f;
    d_.logitCap = chance() ? 30.0f : 0.0f;
    if (chance()) {
      d_.rope.scale = 4;
      d_.yarn = {1, 32, 1, 32};
    }
  }

  void write_tensors(bool odd, bool untied) {
    const int width = d_.embedding, kv = d_.kvHeads * d_.headLength;
    matrix(width, kVocabulary);
    vector(width);
    untied || chance() ? matrix(width, kVocabulary) : none();
    none();
    for (int i = 0; i < d_.layers; i++) {
      vector(width);
      matrix(width, width);
      matrix(width, kv);
      matrix(width, kv);
      matrix(width, width);
      vector(width);
      for (int m = 0; m < 3; m++) matrix(width, width);
      for (int n : {width, kv, kv, width, d_.headLength, d_.headLength, width, width})
        odd && chance() ? vector(n) : none();
    }
  }

  void none() { d_.tensors.push_back({}); }
  void vector(int n) {
    std::vector<uint8_t> bytes;
    for (int i = 0; i < n; i++) {
      const float f = check::real(0.5f, 1.5f);
      const auto* p = reinterpret_cast<const uint8_t*>(&f);
      bytes.insert(bytes.end(), p, p + 4);
    }
    put(WeightType::F32, n, 1, bytes);
  }
  void matrix(int in, int out) {
    const int last = static_cast<int>(types_.size()) - 1;
    const WeightType type = types_[static_cast<size_t>(check::integer(0, last))];
    put(type, in, out, random_rows(type, static_cast<size_t>(in), static_cast<size_t>(out)));
  }
  void put(WeightType type, int in, int out, const std::vector<uint8_t>& bytes) {
    d_.tensors.push_back({static_cast<int32_t>(type), static_cast<int64_t>(data_.size()),
                          static_cast<int64_t>(bytes.size()), in, out});
    data_.insert(data_.end(), bytes.begin(), bytes.end());
  }

  const std::vector<WeightType> types_;
  std::string path_;
  std::vector<uint8_t> data_;
  ModelDesc d_;
};

}  // namespace cairn
