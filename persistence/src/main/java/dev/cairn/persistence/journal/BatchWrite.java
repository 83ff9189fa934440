package dev.cairn.persistence.journal;

import org.rocksdb.RocksDBException;
import org.rocksdb.WriteBatch;

/** Makes a batch durable; tests put failures here. */
@FunctionalInterface
interface BatchWrite {
  void write(WriteBatch batch) throws RocksDBException;
}
