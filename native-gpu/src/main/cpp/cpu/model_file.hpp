// A model's file on disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace cairn {

class ModelFile {
 public:
  // Opens the file and refuses one of another length or modification time. Throws Failure(MODEL).
  ModelFile(const std::string& path, int64_t bytes, int64_t modifiedMillis);
  ~ModelFile();
  ModelFile(const ModelFile&) = delete;
  ModelFile& operator=(const ModelFile&) = delete;

  void read(int64_t offset, void* to, size_t bytes) const;
  // The whole file in memory, read-only and shared with other processes, as long as this object
  // lives. Throws Failure(MEMORY).
  const uint8_t* map();

 private:
  std::string path_;
  int fd_;
  size_t bytes_;
  void* mapping_ = nullptr;
};

}  // namespace cairn
